"""What a task can change of its process beside data: put back after each attempt, for the next one."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import resource
import signal
import socket
import sys
import warnings
from _signal import getsignal  # type: ignore[import-not-found]  # 60 times as fast as that of `signal`
from typing import Any

_SIGNALS = tuple(
    int(getattr(signal, f"SIG{name}"))
    for name in ("INT", "TERM", "HUP", "QUIT", "ALRM", "CHLD", "PIPE", "USR1", "USR2")
    if hasattr(signal, f"SIG{name}")
)
_LIMITS = (
    resource.RLIMIT_AS,
    resource.RLIMIT_DATA,
    resource.RLIMIT_CPU,
    resource.RLIMIT_FSIZE,
    resource.RLIMIT_NOFILE,
)


class Condition:
    """As the process was when this was made.

    What libraries keep for good (modules, threads, caches, warning filters) stays as it is.

    Parameters
    ----------
    loop : asyncio.AbstractEventLoop
        That of the main thread.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._streams = sys.stdin, sys.stdout, sys.stderr
        self._hooks = sys.excepthook, sys.displayhook, warnings.showwarning
        self._arguments = list(sys.argv)
        self._interpreter = _interpreter()
        self._handlers = {number: getsignal(number) for number in _SIGNALS}
        self._mask = signal.pthread_sigmask(signal.SIG_BLOCK, ())
        self._umask = _umask()
        self._log_handlers = list(logging.root.handlers)
        self._limits = _limits()
        self._priority = _priority()

    def restore(self) -> bool:
        """Put it back; to be called on the main thread. Whether all of it could be: limits may only become narrower."""
        sys.stdin, sys.stdout, sys.stderr = self._streams
        sys.excepthook, sys.displayhook, warnings.showwarning = self._hooks
        if sys.argv != self._arguments:
            sys.argv = list(self._arguments)
        if _interpreter() != self._interpreter:
            self._restore_interpreter()
        if logging.root.handlers != self._log_handlers:
            logging.root.handlers[:] = self._log_handlers
        if logging.root.manager.disable:
            logging.disable(logging.NOTSET)
        os.umask(self._umask)
        asyncio.set_event_loop(self._loop)
        self._restore_signals()
        return self._restore_limits() and _priority() == self._priority

    def _restore_interpreter(self) -> None:
        recursion, switching_s, collects, trace, profile, timeout_s = self._interpreter
        sys.setrecursionlimit(recursion)
        sys.setswitchinterval(switching_s)
        (gc.enable if collects else gc.disable)()
        sys.settrace(trace)
        sys.setprofile(profile)
        socket.setdefaulttimeout(timeout_s)

    def _restore_signals(self) -> None:
        for number, handler in self._handlers.items():
            if getsignal(number) is not handler and handler is not None:
                signal.signal(number, handler)
        if signal.pthread_sigmask(signal.SIG_BLOCK, ()) != self._mask:
            signal.pthread_sigmask(signal.SIG_SETMASK, self._mask)

    def _restore_limits(self) -> bool:
        now = _limits()
        for limit, before in self._limits.items():
            if now[limit] != before:
                try:
                    resource.setrlimit(limit, before)
                except (OSError, ValueError):
                    return False
        return True


def _interpreter() -> tuple[int, float, bool, Any, Any, float | None]:
    return (
        sys.getrecursionlimit(),
        sys.getswitchinterval(),
        gc.isenabled(),
        sys.gettrace(),
        sys.getprofile(),
        socket.getdefaulttimeout(),
    )


def _limits() -> dict[int, tuple[int, int]]:
    return {limit: resource.getrlimit(limit) for limit in _LIMITS}


def _umask() -> int:
    now = os.umask(0o077)
    os.umask(now)
    return now


def _priority() -> int:
    return os.getpriority(os.PRIO_PROCESS, 0)
