"""How many actions may run at once, without letting waiting parents starve their children."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .action import Action


class Capacity:
    """A number of places; actions of any loop or thread may take them, first come first served.

    An action that starts to wait for a child gives its place back for good: otherwise parents would hold every
    place while their children wait for one.

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
        self._queue: deque[tuple[asyncio.AbstractEventLoop, asyncio.Future[None]]] = deque()

    async def take(self, action: Action) -> None:
        """Wait for a place."""
        with self._lock:
            if self._free > 0:
                self._free -= 1
                action.places.append(self)
                return
            loop = asyncio.get_running_loop()
            turn: asyncio.Future[None] = loop.create_future()
            self._queue.append((loop, turn))
        try:
            await turn
        except asyncio.CancelledError:
            with self._lock:
                entry = (loop, turn)
                if entry in self._queue:
                    self._queue.remove(entry)
                    raise
            self.give_back()
            raise
        action.places.append(self)

    def give_back(self) -> None:
        """Free a place, or hand it to whoever waits longest."""
        with self._lock:
            if not self._queue:
                self._free += 1
                return
            loop, turn = self._queue.popleft()
        try:
            loop.call_soon_threadsafe(self._hand_over, turn)
        except RuntimeError:
            self.give_back()  # that loop is closed; the next in line takes it

    def _hand_over(self, turn: asyncio.Future[None]) -> None:
        if turn.cancelled():
            return  # `take` sees that it was out of the queue and gives the place back
        turn.set_result(None)


def give_back_all(action: Action) -> None:
    """Free every place that `action` holds."""
    places = action.places
    while places:
        places.pop().give_back()


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
