"""Commands of `flyte-nb` as processes of their own, which outlive the server."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

from .._journal.home import ENVIRONMENT_VARIABLE
from .._journal.liveness import process_as_owner
from ..errors import RunStateError
from ..models.events import Owner

BEGUN_WITHIN_S = 20.0
_POLL_S = 0.05


class Processes:
    """Starts commands on a home.

    Parameters
    ----------
    home : Path
    """

    def __init__(self, home: Path) -> None:
        self._home = home

    def run(self, *arguments: str) -> str:
        """Run a command to its end; what it printed.

        Raises
        ------
        RunStateError
            With what it said, if it failed.
        """
        process, output = self._start(arguments)
        process.wait()
        return self._said(process, output)

    def begin(self, *arguments: str, folder: Path | None, begun: Callable[[Owner], bool]) -> Owner:
        """Start a command and wait until `begun`, which gets its process, or until it has ended; its process.

        Parameters
        ----------
        *arguments : str
        folder : Path or None
            Where it works; by default where the server does.
        begun : callable

        Raises
        ------
        RunStateError
            With what it said, if it ended badly before.
        """
        process, output = self._start(arguments, folder)
        owner = process_as_owner(process.pid)
        deadline = time.monotonic() + BEGUN_WITHIN_S
        while process.poll() is None and not begun(owner) and time.monotonic() < deadline:
            time.sleep(_POLL_S)
        if process.poll() is not None and not begun(owner):
            self._said(process, output)
        threading.Thread(target=_reap, args=(process, output), name="flyte_nb-command", daemon=True).start()
        return owner

    def _start(self, arguments: tuple[str, ...], folder: Path | None = None) -> tuple[subprocess.Popen[bytes], Path]:
        handle, name = tempfile.mkstemp(prefix="flyte_nb-")
        with os.fdopen(handle, "wb") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", "flyte_nb", *arguments],
                cwd=folder,
                env={**os.environ, ENVIRONMENT_VARIABLE: str(self._home)},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        return process, Path(name)

    def _said(self, process: subprocess.Popen[bytes], output: Path) -> str:
        text = output.read_text(errors="replace").strip()
        output.unlink(missing_ok=True)
        if process.returncode:
            raise RunStateError(text.removeprefix("Error: ")[-2_000:] or f"It ended with code {process.returncode}.")
        return text


def _reap(process: subprocess.Popen[bytes], output: Path) -> None:
    process.wait()
    output.unlink(missing_ok=True)
