"""Tasks in worker processes of this machine."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable
from importlib.util import find_spec
from math import inf
from typing import NamedTuple

from ..._engine.action import Action
from ..._engine.plan import TaskPlan
from ..._engine.ports import Room
from ...errors import OOMError, RuntimeUserError
from ...models.events import StoredLiterals
from ..workers.code import carried_code
from ..workers.conversation import Conversation, Link, WorkerStale, converse
from .devices import visible_devices
from .memory import MemoryWatch
from .nursery import loaded_heavy_modules
from .pool import Stay, WorkerPool
from .room import MachineRoom, Need


class ProcessBackend:
    """Runs each attempt in a process of its own, which may have served others before.

    Parameters
    ----------
    cpus : float, optional
        Cores that tasks may use at once; by default all that this process may use. A task takes what its
        ``Resources(cpu=...)`` says, else one.
    gpus : sequence of str, optional
        Devices as ``CUDA_VISIBLE_DEVICES`` names them; by default those that are there.
    preload : sequence of str, optional
        Modules that every worker finds imported. By default those of numpy, pandas, pyarrow and polars that this
        process has imported when the first worker is needed; the first workers do not wait for them.
    start_method : {"fork", "spawn"}, optional
        Whether workers are forks of a small process without threads, or fresh interpreters. By default "fork" on Linux.

    Specification: *Error handling*.
    """

    name = "process"
    by_reference = True
    may_repeat = False

    def __init__(
        self,
        cpus: float | None = None,
        gpus: tuple[str, ...] | list[str] | None = None,
        preload: tuple[str, ...] | list[str] | None = None,
        start_method: str | None = None,
    ) -> None:
        if cpus is not None and (not isinstance(cpus, (int, float)) or isinstance(cpus, bool) or not 0 < cpus < inf):
            raise ValueError(f"cpus is how many cores tasks may use at once, a number above 0; got {cpus!r}.")
        method = start_method or ("fork" if sys.platform == "linux" else "spawn")
        if method not in ("fork", "spawn"):
            raise ValueError(f"start_method is 'fork' or 'spawn'; got {start_method!r}.")
        devices = visible_devices() if gpus is None else _texts("gpus", gpus, "names of devices, such as ['0', '1']")
        if preload is not None:
            preload = _modules(preload)
        self._room = MachineRoom(cpus or usable_cores(), devices)
        self.capacity: Room | None = self._room
        self._watch = MemoryWatch()
        self._preload = tuple(preload) if preload is not None else None
        self._fork = method == "fork"
        self._pool: WorkerPool | None = None

    @property
    def room(self) -> MachineRoom:
        """Cores and devices, and who has taken them."""
        return self._room

    def check(self, plan: TaskPlan) -> None:
        """See `flyte_nb._engine.ports.Backend`."""
        need = need_in(self._room, plan)
        key, payload = carried_code(plan)
        plan.code = PlacedCode(key, payload, need, stay_of(plan))

    async def run(self, action: Action, inputs: StoredLiterals) -> StoredLiterals:
        """See `flyte_nb._engine.ports.Backend`."""
        pool = self._pool
        if pool is None:
            later = loaded_heavy_modules() if self._preload is None else ()
            pool = self._pool = WorkerPool(self._preload or (), later=later, fork=self._fork)
        while True:
            try:
                return await self._attempt(action, inputs, pool)
            except WorkerStale:
                continue  # a fresh worker is not

    async def _attempt(
        self,
        action: Action,
        inputs: StoredLiterals,
        pool: WorkerPool,
        conversation_with: Callable[[Action, Link], Conversation] | None = None,
    ) -> StoredLiterals:
        plan = action.plan
        link = await pool.take(plan.code.stay)
        resources = plan.task.options.resources
        limit_bytes = resources.memory_bytes if resources is not None else None
        if limit_bytes is None:
            return await converse(action, inputs, link, conversation_with)

        def exceeded(used_bytes: int) -> None:
            link.kill_for_memory(too_large(plan, used_bytes))

        with self._watch.limited(link.worker.pid, limit_bytes, exceeded):
            return await converse(action, inputs, link, conversation_with)

    def close(self) -> None:
        """End all workers."""
        if self._pool is not None:
            self._pool.close()
            self._pool = None


class PlacedCode(NamedTuple):
    """What the back-end keeps with a task's plan: its code, and what it needs."""

    key: str
    payload: bytes
    need: Need
    stay: Stay


def _texts(name: str, given: Iterable[str], what: str) -> list[str]:
    """A list of texts, which one text is not.

    Raises
    ------
    ValueError
        If `given` is anything else.
    """
    texts = [] if isinstance(given, str) else list(given)
    if isinstance(given, str) or not all(isinstance(one, str) for one in texts):
        raise ValueError(f"{name}: {what}; got {given!r}.")
    return texts


def _modules(given: Iterable[str]) -> tuple[str, ...]:
    names = tuple(_texts("preload", given, "names of modules, such as ['pandas']"))
    for name in names:
        if name.partition(".")[0] not in sys.modules and find_spec(name.partition(".")[0]) is None:
            raise ValueError(f"preload names the module {name!r}, which cannot be found. Install it, or leave it out.")
    return names


def need_in(room: MachineRoom, plan: TaskPlan) -> Need:
    """What a task takes of a room.

    Raises
    ------
    RuntimeUserError
        If it asks for more devices than there are.
    """
    need = room.need_of(plan)
    if need.devices > len(room.devices):
        there = f"{len(room.devices)} here" if room.devices else "none here"
        raise RuntimeUserError(
            "NoSuchDevice",
            f"Task {plan.name!r} asks for {need.devices} GPU{'s' * (need.devices > 1)} (Resources(gpu=...)), and"
            f" there is {there}. Run it where there are some (queue=...), or without:"
            " override(resources=Resources(...)).",
        )
    return need


def stay_of(plan: TaskPlan) -> Stay:
    """For whom the workers of a task are kept."""
    options = plan.task.options
    limit_bytes = options.resources.memory_bytes if options.resources is not None else None
    at_rest_bytes = limit_bytes // 2 if limit_bytes is not None else None
    key = f"{limit_bytes or 'no'} limit"
    policy, environment = options.reusable, plan.task.environment
    if policy is None or environment is None:
        return Stay(key, at_rest_bytes=at_rest_bytes)
    return Stay(
        f"{environment.name}: {key}", policy.idle_s, policy.scaledown_s, policy.least, at_rest_bytes=at_rest_bytes
    )


def too_large(plan: TaskPlan, used_bytes: int) -> OOMError:
    """The error of a task that held more memory than it may."""
    allowed = plan.resources.get("memory", "")
    allowed += " bytes" if allowed.isdigit() else ""
    return OOMError(
        f"Task {plan.name!r} held {used_bytes / 2**20:,.0f} MiB of memory and may hold {allowed}. Give it more with"
        " override(resources=Resources(memory=...)), or have it hold less at a time."
    )


def usable_cores() -> int:
    """How many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0)) or 1
    return os.cpu_count() or 1
