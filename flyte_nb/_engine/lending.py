"""An action that waits for its calls, or for a person, lends its places; it takes them again before it goes on.

Otherwise parents would hold every place while their children wait for one. Of a `Capacity` a place is as good as any
other and is taken again; room on a machine or a cluster belongs to an attempt, and is given back for good.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import threading
from typing import TYPE_CHECKING

from .capacity import Capacity

if TYPE_CHECKING:
    from .action import Action
    from .ports import Place

_lock = threading.Lock()  # calls of one action may come from any thread


class Lent:
    """What an action has lent.

    Attributes
    ----------
    capacities : list of Capacity
        In the order in which they are taken.
    returning : Future or None
        Done when the call that takes them again for all branches of the action has them, or not.
    """

    __slots__ = ("capacities", "returning")

    def __init__(self, capacities: list[Capacity]) -> None:
        self.capacities = capacities
        self.returning: concurrent.futures.Future[None] | None = None


def lend_all(action: Action) -> None:
    """Free every place that `action` holds, until it goes on."""
    with _lock:
        places, action.places = action.places, []
        capacities = [place for place in places if isinstance(place, Capacity)]
        if capacities:
            action.lent = Lent(capacities)
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
        for capacity in lent.capacities:
            await capacity.take_again()
            taken.append(capacity)
    finally:
        with _lock:
            if len(taken) == len(lent.capacities) and action.lent is lent and not action.waits:
                action.places, action.lent, taken = taken, None, []
            returning, lent.returning = lent.returning, None
        _give_back(taken)
        if returning is not None:
            returning.set_result(None)


def _give_back(places: list[Place]) -> None:
    while places:
        places.pop().give_back()
