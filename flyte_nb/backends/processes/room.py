"""How many tasks run in worker processes at once: cores, devices, replicas."""

from __future__ import annotations

import asyncio
import heapq
import itertools
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..._engine.action import Action
    from ..._engine.plan import TaskPlan

GOES_ON = -(2**62)


@dataclass(frozen=True, slots=True)
class Need:
    """What an attempt takes of the machine.

    Attributes
    ----------
    environment, replicas : str, int
        The name of an environment with a `ReusePolicy`, and how many of its tasks run at once.
    """

    cores: float
    devices: int
    environment: str = ""
    replicas: int = 0


class MachineRoom:
    """Cores and devices; actions of any loop or thread may take them.

    Who goes on after a call comes before who begins. Of those, what lies deeper in the tree comes first, so that a wide
    tree has no more parents waiting in their processes than it must; at the same depth first come, first served.

    Parameters
    ----------
    cores : float
    devices : list of str
        Identities of accelerators, as ``CUDA_VISIBLE_DEVICES`` takes them.
    """

    def __init__(self, cores: float, devices: list[str]) -> None:
        self.cores = cores
        self.devices: tuple[str, ...] = tuple(devices)
        self._free_cores = cores
        self._free_devices = list(devices)
        self._running: dict[str, int] = {}
        self._lock = threading.Lock()
        self._order = itertools.count()
        self._queue: list[tuple[int, int, _Waiting]] = []

    def need_of(self, plan: TaskPlan) -> Need:
        """What a task takes; no more cores than there are."""
        options = plan.task.options
        resources, policy = options.resources, options.reusable
        cores = min(self.cores, resources.cores if resources is not None else 1.0)
        devices = resources.devices if resources is not None else 0
        if policy is None or plan.task.environment is None:
            return Need(cores, devices)
        sharing = policy.concurrency if plan.is_async else 1
        return Need(cores / sharing, devices, plan.task.environment.name, policy.most * sharing)

    async def take(self, action: Action) -> None:
        """See `flyte_nb._engine.ports.Room`."""
        place = MachinePlace(self, action.plan.code.need)
        await self._wait_for(place, -depth_of(action))
        if place.devices:
            action.environment = {**(action.environment or {}), "CUDA_VISIBLE_DEVICES": ",".join(place.devices)}
        action.places.append(place)

    async def take_again(self, place: MachinePlace) -> None:
        """Wait for what a place was, the very devices that its attempt knows of."""
        await self._wait_for(place, GOES_ON)

    async def _wait_for(self, place: MachinePlace, urgency: int) -> None:
        with self._lock:
            if not self._queue and self._fits(place):
                self._grant(place)
                return
            loop = asyncio.get_running_loop()
            waiting = _Waiting(place, loop, loop.create_future())
            heapq.heappush(self._queue, (urgency, next(self._order), waiting))
            ready = self._next_ones()
        _announce(ready)
        try:
            await waiting.turn
        except asyncio.CancelledError:
            with self._lock:
                waiting.gone = True
            if waiting.granted:
                place.give_back()
            raise

    def give_back(self, place: MachinePlace) -> None:
        """Free what was taken."""
        with self._lock:
            self._free_cores += place.need.cores
            self._free_devices += place.devices
            if place.need.environment:
                self._running[place.need.environment] -= 1
            ready = self._next_ones()
        _announce(ready)

    def _fits(self, place: MachinePlace) -> bool:
        need, devices = place.need, place.devices
        return (
            self._free_cores + 1e-9 >= need.cores
            and (set(devices) <= set(self._free_devices) if devices else len(self._free_devices) >= need.devices)
            and (not need.environment or self._running.get(need.environment, 0) < need.replicas)
        )

    def _grant(self, place: MachinePlace) -> None:
        need = place.need
        self._free_cores -= need.cores
        place.devices = place.devices or self._free_devices[: need.devices]
        for device in place.devices:
            self._free_devices.remove(device)
        if need.environment:
            self._running[need.environment] = self._running.get(need.environment, 0) + 1

    def _next_ones(self) -> list[_Waiting]:
        """Those whose turn it is. Who waits for cores holds up all behind; who waits for something rarer does not."""
        ready: list[_Waiting] = []
        passed: list[tuple[int, int, _Waiting]] = []
        while self._queue and self._free_cores > 1e-9:
            entry = heapq.heappop(self._queue)
            waiting = entry[2]
            if waiting.gone:
                continue
            if self._fits(waiting.place):
                self._grant(waiting.place)
                waiting.granted = True
                ready.append(waiting)
                continue
            passed.append(entry)
            if self._free_cores + 1e-9 < waiting.place.need.cores:
                break
        for entry in passed:
            heapq.heappush(self._queue, entry)
        return ready


class MachinePlace:
    """What an action has taken of a `MachineRoom`."""

    __slots__ = ("_room", "devices", "need")

    def __init__(self, room: MachineRoom, need: Need) -> None:
        self._room = room
        self.need: Need = need
        self.devices: list[str] = []

    def give_back(self) -> None:
        """See `flyte_nb._engine.ports.Place`."""
        self._room.give_back(self)

    async def take_again(self) -> None:
        """See `flyte_nb._engine.ports.Lendable`."""
        await self._room.take_again(self)


class _Waiting:
    __slots__ = ("gone", "granted", "loop", "place", "turn")

    def __init__(self, place: MachinePlace, loop: asyncio.AbstractEventLoop, turn: asyncio.Future[None]) -> None:
        self.place = place
        self.loop = loop
        self.turn = turn
        self.gone = False
        self.granted = False


def _announce(ready: list[_Waiting]) -> None:
    here = asyncio._get_running_loop()
    for waiting in ready:
        if waiting.loop is here:
            _set_done(waiting.turn)
            continue
        try:
            waiting.loop.call_soon_threadsafe(_set_done, waiting.turn)
        except RuntimeError:  # that loop is closed, and nobody waits
            waiting.place.give_back()


def _set_done(turn: asyncio.Future[None]) -> None:
    if not turn.done():
        turn.set_result(None)


def depth_of(action: Action) -> int:
    """How many actions stand above `action`."""
    depth, parent = 0, action.parent
    while parent is not None:
        depth, parent = depth + 1, parent.parent
    return depth
