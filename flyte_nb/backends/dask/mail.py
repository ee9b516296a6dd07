"""What the thread of a Dask client has for the loops of attempts."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable


class Mail:
    """What waits to be delivered on one loop; one wake-up delivers all of it."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._waiting: deque[Callable[[], None]] = deque()
        self._called = False

    def post(self, deliver: Callable[[], None]) -> None:
        """Have `deliver` called there, in order. Any thread may call it."""
        self._waiting.append(deliver)
        if not self._called:
            self._call()

    def _call(self) -> None:
        self._called = True
        with contextlib.suppress(RuntimeError):  # the loop is closed, and all that ran there
            self._loop.call_soon_threadsafe(self._deliver)

    def _deliver(self) -> None:
        self._called = False
        try:
            while self._waiting:
                self._waiting.popleft()()
        finally:
            if self._waiting:  # what cannot be delivered is said by the loop, and holds up nothing behind it
                self._call()
