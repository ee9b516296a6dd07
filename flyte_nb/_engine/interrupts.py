"""A kernel interrupt reaches the run that a cell waits for.

While the main thread runs a loop from within (`run.wait()` in a cell) the interrupt must not strike the engine
at a random line: a handler takes note and the wait raises `KeyboardInterrupt` when the tree has stopped. While
a cell awaits, Jupyter cancels the cell; a byte on the signal wake-up descriptor tells that cancellation from one
the user's code asked for, and wakes a loop that would have slept through it.
"""

from __future__ import annotations

import asyncio
import ctypes
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .live_run import LiveRun

RECENT_S = 1.0
STUCK_AFTER_S = 0.15

_handling = 0


@contextmanager
def handled_interrupts(on_first: Callable[[], None]) -> Iterator[None]:
    """Inside the block, on the main thread, the first interrupt calls `on_first`, the second raises."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    global _handling
    before = signal.getsignal(signal.SIGINT)

    def handle(number: int, frame: FrameType | None) -> None:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        on_first()

    try:
        signal.signal(signal.SIGINT, handle)
    except (ValueError, TypeError):
        yield
        return
    _handling += 1
    try:
        yield
    finally:
        _handling -= 1
        signal.signal(signal.SIGINT, before)


def interrupts_are_handled() -> bool:
    """Whether an interrupt reaches what the main thread computes without a strike, which would be a second one.

    So it does in `handled_interrupts`, and in a cell that awaits nothing: there Python itself raises. Both may be late:
    Python calls a handler when what computes in C (SQLite, say) gives the thread back.
    """
    return _handling > 0 or signal.getsignal(signal.SIGINT) is signal.default_int_handler


def kernel_is_ending() -> bool:
    """Whether this process is a Jupyter kernel on its way out: it kills its child processes before its loop ends."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return hasattr(shell, "kernel") and bool(getattr(shell, "exit_now", False))


def strike_if_stuck(run: LiveRun) -> None:
    """Interrupt once more, harder, if the run's loop does not turn: its user's code computes and never awaits."""
    turned = threading.Event()
    run.loop.call_soon_threadsafe(turned.set)

    def strike() -> None:
        if not turned.is_set():
            strike_main_thread()

    run.call_after(STUCK_AFTER_S, strike)


def strike_main_thread() -> None:
    """Raise `KeyboardInterrupt` in what the main thread computes, whatever handler for interrupts it has."""
    ident = threading.main_thread().ident
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(ident or 0), ctypes.py_object(KeyboardInterrupt))


class InterruptWatch:
    """Notes interrupts of the process while a loop of the main thread has runs.

    Use from the loop's own thread only.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._users = 0
        self._receiver: socket.socket | None = None
        self._sender: socket.socket | None = None
        self._before = -1
        self._last = float("-inf")

    @property
    def interrupted_just_now(self) -> bool:
        """Whether an interrupt came within the last second."""
        self._read()
        return time.monotonic() - self._last < RECENT_S

    @property
    def has_unread(self) -> bool:
        """Whether an interrupt came that was not read yet."""
        receiver = self._receiver
        if receiver is None:
            return False
        try:
            return signal.SIGINT in receiver.recv(4096, socket.MSG_PEEK)
        except OSError:
            return False

    def begin(self) -> None:
        """Watch until `end`."""
        self._users += 1
        if self._users > 1 or threading.current_thread() is not threading.main_thread():
            return
        self._receiver, self._sender = socket.socketpair()
        self._receiver.setblocking(False)
        self._sender.setblocking(False)
        self._before = signal.set_wakeup_fd(self._sender.fileno(), warn_on_full_buffer=False)
        self._loop.add_reader(self._receiver, self._read)

    def end(self) -> None:
        """Undo one `begin`."""
        self._users -= 1
        if self._users:
            return
        if _watches.get(id(self._loop)) is self:
            del _watches[id(self._loop)]
        if self._receiver is None or self._sender is None:
            return
        signal.set_wakeup_fd(self._before)
        self._loop.remove_reader(self._receiver)
        self._receiver.close()
        self._sender.close()
        self._receiver = self._sender = None

    def _read(self) -> None:
        if self._receiver is None:
            return
        try:
            numbers = self._receiver.recv(4096)
        except (BlockingIOError, InterruptedError):
            return
        if signal.SIGINT in numbers:
            self._last = time.monotonic()


_watches: dict[int, InterruptWatch] = {}


def watch_of(loop: Any) -> InterruptWatch:
    """The watch of `loop`, made on first use and kept while it has users."""
    found = _watches.get(id(loop))
    if found is None or found._loop is not loop:
        found = _watches[id(loop)] = InterruptWatch(loop)
    return found


def has_unread_interrupt(loop: Any) -> bool:
    """Whether an interrupt came that `loop`, busy with something, has not seen. Any thread may ask."""
    found = _watches.get(id(loop))
    return found is not None and found._loop is loop and found.has_unread
