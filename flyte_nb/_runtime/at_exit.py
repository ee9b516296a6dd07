"""How a process ends that has something to wait for."""

from __future__ import annotations

import atexit
import concurrent.futures.thread  # noqa: F401  # what it does at exit comes after what is registered later
import os
import signal
import threading
from collections.abc import Callable


def while_threads_start(function: Callable[[], None]) -> None:
    """Call `function` at the exit, while threads can still be started and executors still take work.

    By the time of what `atexit` has they do not: executors in no version of Python, threads not in 3.12.
    """
    getattr(threading, "_register_atexit", atexit.register)(function)


def end_by_interrupt() -> None:
    """Have a process that Ctrl-C has reached at its exit end by it, as a running one does, when all else is done.

    That is what others have registered for the exit, and its streams. Another Ctrl-C ends it at once.
    """
    if os.name == "posix":
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        globals()["_last"] = _EndsTheProcess()


class _EndsTheProcess:
    """Dies with its module, after all exit handlers. There is no other way to an exit status from within one."""

    def __init__(self) -> None:
        self._kill, self._current, self._signal = os.kill, os.getpid, signal.SIGINT.value
        self._process = os.getpid()

    def __del__(self) -> None:
        if self._current() == self._process:  # no fork of it
            self._kill(self._process, self._signal)
