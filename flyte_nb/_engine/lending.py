"""An action that waits for its calls, or for a person, lends its places; it takes them again before it goes on.

Otherwise parents would hold every place while their children wait for one. Who goes on takes them in the same order as
who begins, so that no two wait for each other. A slot of a cluster is given back for good.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import threading
from typing import TYPE_CHECKING, TypeGuard

if TYPE_CHECKING:
    from .action import Action
    from .ports import Lendable, Place

_lock = threading.Lock()  # calls of one action may come from any thread


class Lent:
    """What an action has lent.

    Attributes
    ----------
    places : list of Lendable
        In the order in which they are taken.
    returning : Future or None
        Done when the call that takes them again for all branches of the action has them, or not.
    """

    __slots__ = ("places", "returning")

    def __init__(self, places: list[Lendable]) -> None:
        self.places: list[Lendable] = places
        self.returning: concurrent.futures.Future[None] | None = None


def lend_all(action: Action) -> None:
    """Free every place that `action` holds, until it goes on."""
    with _lock:
        places, action.places = action.places, []
        lent = [place for place in places if _is_lendable(place)]
        if lent:
            action.lent = Lent(lent)
    _give_back(places)


def give_back_all(action: Action) -> None:
    """Free every place that `action` holds, and take none again: its attempt is over."""
    with _lock:
        places, action.places, action.lent = action.places, [], None
    _give_back(places)


async def take_back(action: Action) -> None:
    """Take again what `action` had lent, unless it waits for something else still.

    Raises
    ------
    asyncio.CancelledError
        If the awaiting task is cancelled; the code that hears of it goes on without a place.
    """
    while True:
        with _lock:
            lent = action.lent
            if lent is None or action.waits:
                return
            returning = lent.returning
            if returning is None:
                lent.returning = concurrent.futures.Future()
        if returning is None:
            await _return(action, lent)
        else:  # another branch of the action takes them, for all
            await asyncio.shield(asyncio.wrap_future(returning))


async def _return(action: Action, lent: Lent) -> None:
    taken: list[Place] = []
    try:
        for place in lent.places:
            await place.take_again()
            taken.append(place)
    finally:
        with _lock:
            if len(taken) == len(lent.places) and action.lent is lent and not action.waits:
                action.places, action.lent, taken = taken, None, []
            returning, lent.returning = lent.returning, None
        _give_back(taken)
        if returning is not None:
            returning.set_result(None)


def _is_lendable(place: Place) -> TypeGuard[Lendable]:
    return hasattr(place, "take_again")


def _give_back(places: list[Place]) -> None:
    while places:
        places.pop().give_back()
