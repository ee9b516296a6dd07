"""How the one who waits for a container reaches the thread that runs it."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections.abc import Callable
from typing import Any, TypeVar

T = TypeVar("T")


class Stopped(BaseException):
    """The wish to stop has reached the thread; nobody but `run_on_thread` sees it."""


class Control:
    """A wish to stop, and a bell that wakes the thread for it and for other news.

    Attributes
    ----------
    stopping : bool
    news : threading.Event
        Set whenever something has happened that the thread may wait for.
    """

    def __init__(self) -> None:
        self.stopping = False
        self.news = threading.Event()

    def stop(self) -> None:
        """Have the thread end what it does. Any thread may call it."""
        self.stopping = True
        self.news.set()

    def check(self) -> None:
        """Raise `Stopped` if somebody wants that."""
        if self.stopping:
            raise Stopped


async def run_on_thread(work: Callable[[Control], T]) -> T:
    """Run `work` on a thread of its own, in a copy of the caller's context.

    Cancelling the caller stops the work, and its end is waited for: what it holds is gone when this raises.

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
    cancelled = False
    try:
        while not ended.done():
            try:
                await asyncio.wait([ended])
            except asyncio.CancelledError:
                cancelled = True
                control.stop()
    finally:
        control.stop()
    returned, value = ended.result()
    if cancelled:
        raise asyncio.CancelledError
    if returned:
        return value  # type: ignore[no-any-return]
    try:
        raise value
    finally:
        del value


def _settle(ended: asyncio.Future[tuple[bool, Any]], outcome: tuple[bool, Any]) -> None:
    if not ended.done():
        ended.set_result(outcome)
