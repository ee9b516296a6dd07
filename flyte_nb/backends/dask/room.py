"""How much is on its way at once: attempts are ordered here, and wait here until a Dask worker begins them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import NamedTuple

from ..._engine.action import Action
from ...errors import TaskInterruptedError
from ..processes.pool import Stay
from ..processes.room import MachineRoom, Need
from .link import DaskLink, NeverBegun

MOST_ORDERS = 5


class OrderedCode(NamedTuple):
    """What the back-end keeps with a task's plan: its code, and what it needs.

    Attributes
    ----------
    resources : dict or None
        As Dask names them; None where that could not be found out yet.
    """

    key: str
    payload: bytes
    need: Need
    stay: Stay
    resources: dict[str, float] | None


class DaskRoom:
    """Lets so many attempts wait for Dask workers, or run there, as is useful; the others stay in the kernel.

    An attempt counts as running once a Dask worker has begun it, so that limits on its time do not start earlier.

    Parameters
    ----------
    in_flight : int
    order : callable
        Orders an attempt of an action.
    """

    def __init__(self, in_flight: int, order: Callable[[Action], Awaitable[DaskLink]]) -> None:
        self._window = MachineRoom(in_flight, [])
        self._order = order

    async def take(self, action: Action) -> None:
        """See `flyte_nb._engine.ports.Room`."""
        await self._window.take(action)
        await self.begin(action)

    async def begin(self, action: Action) -> DaskLink:
        """Have an attempt begun by some Dask worker.

        Raises
        ------
        TaskInterruptedError
            If one worker after the other dies before it has.
        """
        for _ in range(MOST_ORDERS):
            link = await self._order(action)
            try:
                await link.begun()
            except NeverBegun:
                continue
            action.places.append(DaskPlace(link))
            return link
        raise TaskInterruptedError(
            f"Task {action.plan.name!r}: {MOST_ORDERS} Dask workers, one after the other, died before they began it."
        )


class DaskPlace:
    """A slot of a Dask worker. It is given back there as soon as the attempt waits; here nothing is left to do."""

    __slots__ = ("link",)

    def __init__(self, link: DaskLink) -> None:
        self.link: DaskLink = link

    def give_back(self) -> None:
        """See `flyte_nb._engine.ports.Place`."""
        self.link.leave()


def link_of(action: Action) -> DaskLink:
    """The attempt that was begun for `action`."""
    return next(place.link for place in action.places if isinstance(place, DaskPlace))
