"""How the one who waits for a container reaches the thread that runs it."""

from __future__ import annotations

import asyncio
import contextvars
import threading
import time
from collections.abc import Callable
from typing import Any, TypeVar

T = TypeVar("T")

PATIENCE_S = 2.0
LOOK_EVERY_S = 0.1


class Stopped(BaseException):
    """The wish to stop has reached the thread; nobody but `run_on_thread` sees it."""


class Control:
    """A wish to stop, and a bell that wakes the thread for it and for other news.

    Attributes
    ----------
    stopping : bool
    holds_container : bool
        Whether the thread has something that must not be left behind.
    news : threading.Event
        Set whenever something has happened that the thread may wait for.
    """

    def __init__(self) -> None:
        self.stopping: bool = False
        self.holds_container = False
        self.news: threading.Event = threading.Event()
        self._wakers: list[Callable[[], None]] = []

    def stop(self) -> None:
        """Have the thread end what it does. Any thread may call it."""
        self.stopping = True
        self.news.set()
        while self._wakers:
            self._wakers.pop()()

    def on_stop(self, wake: Callable[[], None]) -> None:
        """Have `wake` called, on any thread, when somebody wants to stop: it ends what the thread is blocked by."""
        self._wakers.append(wake)
        if self.stopping:
            self.stop()

    def check(self) -> None:
        """Raise `Stopped` if somebody wants that."""
        if self.stopping:
            raise Stopped


async def run_on_thread(work: Callable[[Control], T]) -> T:
    """Run `work` on a thread of its own, in a copy of the caller's context.

    Cancelling the caller stops the work, and the end of its container is waited for. Other things that it does, such as
    fetching an input from far away, may not listen; after some seconds they are left to end by themselves.

    Raises
    ------
    asyncio.CancelledError
        If the caller was cancelled.
    """
    control = Control()
    loop = asyncio.get_running_loop()
    ended: asyncio.Future[tuple[bool, Any]] = loop.create_future()
    context = contextvars.copy_context()

    def body() -> None:
        try:
            outcome: tuple[bool, Any] = True, context.run(work, control)
        except BaseException as error:
            outcome = False, error
        try:
            loop.call_soon_threadsafe(_settle, ended, outcome)
        except RuntimeError:
            pass  # the loop is closed and nobody waits

    threading.Thread(target=body, name="flyte_nb-container", daemon=True).start()
    patience_ends: float | None = None
    try:
        while not ended.done():
            try:
                await asyncio.wait([ended], timeout=None if patience_ends is None else LOOK_EVERY_S)
            except asyncio.CancelledError:
                control.stop()
                patience_ends = patience_ends or time.monotonic() + PATIENCE_S
            if patience_ends is not None and not control.holds_container and time.monotonic() > patience_ends:
                break
    finally:
        control.stop()
    if patience_ends is not None:
        raise asyncio.CancelledError
    returned, value = ended.result()
    if returned:
        return value  # type: ignore[no-any-return]
    try:
        raise value
    finally:
        del value


def _settle(ended: asyncio.Future[tuple[bool, Any]], outcome: tuple[bool, Any]) -> None:
    if not ended.done():
        ended.set_result(outcome)
