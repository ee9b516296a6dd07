"""A command of the engine that takes long: its text is passed on as it comes, and it can be given up."""

from __future__ import annotations

import codecs
import contextvars
import os
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO

from .control import Control
from .engine import Engine

CHUNK_BYTES = 64 * 1024
PUMPS_END_WITHIN_S = 5.0


class Following:
    """A running command.

    Parameters
    ----------
    write : callable
        Called with ``"stdout"`` or ``"stderr"`` and text, from two threads, in copies of this context.
    control : Control
    folder : Path, optional
        Where the command runs; the engine may leave files there.
    """

    def __init__(
        self,
        engine: Engine,
        words: list[str],
        write: Callable[[str, str], None],
        control: Control,
        folder: Path | None = None,
    ) -> None:
        self._control = control
        self._ended = False
        self._process = subprocess.Popen(
            [*engine.command, *words],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,  # an interrupt in a terminal is ours to pass on
        )
        pipes = (("stdout", self._process.stdout), ("stderr", self._process.stderr))
        self._pumps = [
            threading.Thread(target=contextvars.copy_context().run, args=(_pump, pipe, name, write), daemon=True)
            for name, pipe in pipes
        ]
        for pump in self._pumps:
            pump.start()
        threading.Thread(target=self._tell_of_end, name="flyte_nb-container-end", daemon=True).start()

    @property
    def exit_code(self) -> int:
        """What the command answered; after its end."""
        return self._process.wait()

    def wait(self, timeout_s: float | None = None) -> bool:
        """Whether it ended within `timeout_s`; everything it printed has then been passed on.

        Raises
        ------
        Stopped
            As soon as somebody wants that. The command goes on.
        """
        deadline = None if timeout_s is None else time.monotonic() + timeout_s
        while True:
            self._control.check()
            if self._ended:
                return True
            self._control.news.wait(None if deadline is None else max(0.0, deadline - time.monotonic()))
            self._control.news.clear()
            if deadline is not None and time.monotonic() >= deadline and not self._ended:
                self._control.check()
                return False

    def give_up(self, within_s: float = 0.0) -> None:
        """Kill the command unless it ends in time."""
        try:
            self._process.wait(within_s)
        except subprocess.TimeoutExpired:
            self._process.kill()
        for pump in self._pumps:
            pump.join(PUMPS_END_WITHIN_S)

    def _tell_of_end(self) -> None:
        for pump in self._pumps:
            pump.join()
        self._process.wait()
        self._ended = True
        self._control.news.set()


def _pump(pipe: IO[bytes], name: str, write: Callable[[str, str], None]) -> None:
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    with pipe:
        while chunk := os.read(pipe.fileno(), CHUNK_BYTES):
            write(name, decoder.decode(chunk))
    rest = decoder.decode(b"", final=True)
    if rest:
        write(name, rest)
