"""Commands that take long: their lines are told as they come, and they end when nobody wants them any more."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
from collections import deque
from collections.abc import Callable, Mapping

LINES_KEPT = 25


class GivenUp(Exception):
    """Nobody waits for it any more."""


class Work:
    """Something that is under way on a thread.

    Parameters
    ----------
    tell : callable
        Takes a line for the person who waits.
    """

    def __init__(self, tell: Callable[[str], None]) -> None:
        self.tell = tell
        self._given_up = threading.Event()

    def give_up(self) -> None:
        """Have it end soon; any thread may call it."""
        self._given_up.set()

    def wait(self, seconds: float) -> None:
        """Let time pass.

        Raises
        ------
        GivenUp
        """
        if self._given_up.wait(seconds):
            raise GivenUp

    def run(self, command: list[str], environment: Mapping[str, str] | None = None) -> tuple[int, str]:
        """Run a command; its exit code, and the last lines it wrote.

        Raises
        ------
        GivenUp
        OSError
            If there is no such program.
        """
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            env=dict(environment) if environment is not None else None,
            start_new_session=True,
        )
        last: deque[str] = deque(maxlen=LINES_KEPT)
        ended = threading.Event()
        watching = threading.Thread(target=self._kill_when_given_up, args=(process, ended), daemon=True)
        watching.start()
        try:
            assert process.stdout is not None
            for line in process.stdout:
                text = line.rstrip()
                if text:
                    last.append(text)
                    self.tell(f"  {text}")
            code = process.wait()
        finally:
            ended.set()
            watching.join()
            if process.poll() is None:
                _kill(process)
        if self._given_up.is_set():
            raise GivenUp
        return code, "\n".join(last)

    def _kill_when_given_up(self, process: subprocess.Popen[str], ended: threading.Event) -> None:
        while not ended.wait(0.1):
            if self._given_up.is_set():
                _kill(process)
                return


def _kill(process: subprocess.Popen[str]) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
