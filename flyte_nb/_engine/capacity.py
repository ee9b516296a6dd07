"""How many actions may run at once, without letting waiting parents starve their children."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .action import Action


_Queue = deque[tuple[asyncio.AbstractEventLoop, "asyncio.Future[None]"]]


class Capacity:
    """A number of places; actions of any loop or thread may take them, first come first served.

    Those that go on after a call (`flyte_nb._engine.lending`) come before those that begin: fewer are under way then.

    Parameters
    ----------
    places : int
        At least 1.
    what : str
        What `places` says to the user, and under which name, for the error.

    Raises
    ------
    ValueError
        If there would be no place.
    """

    def __init__(self, places: int, what: str = "places is how many actions run at once") -> None:
        self._free = checked_places(places, what)
        self._lock = threading.Lock()
        self._beginning: _Queue = deque()
        self._going_on: _Queue = deque()

    async def take(self, action: Action) -> None:
        """Wait for a place."""
        await self._place(self._beginning)
        action.places.append(self)

    async def take_again(self) -> None:
        """Wait for a place for an action that had one and lent it; who calls it keeps the account."""
        await self._place(self._going_on)

    async def _place(self, queue: _Queue) -> None:
        with self._lock:
            if self._free > 0:
                self._free -= 1
                return
            loop = asyncio.get_running_loop()
            turn: asyncio.Future[None] = loop.create_future()
            entry = (loop, turn)
            queue.append(entry)
        try:
            await turn
        except asyncio.CancelledError:
            with self._lock:
                if entry in queue:
                    queue.remove(entry)
                    raise
            self.give_back()
            raise

    def give_back(self) -> None:
        """Free a place, or hand it to whoever waits longest."""
        with self._lock:
            queue = self._going_on or self._beginning
            if not queue:
                self._free += 1
                return
            loop, turn = queue.popleft()
        try:
            loop.call_soon_threadsafe(self._hand_over, turn)
        except RuntimeError:
            self.give_back()  # that loop is closed; the next in line takes it

    def _hand_over(self, turn: asyncio.Future[None]) -> None:
        if turn.cancelled():
            return  # `_place` sees that it was out of the queue and gives the place back
        turn.set_result(None)


def checked_places(places: int, what: str) -> int:
    """`places`, if it is a whole number of one or more.

    Raises
    ------
    ValueError
        If it is not; `what` says what was asked for.
    """
    if not isinstance(places, int) or isinstance(places, bool) or places < 1:
        raise ValueError(f"{what}: a whole number, 1 or more; got {places!r}.")
    return places
