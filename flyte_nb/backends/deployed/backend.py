"""Where deployed tasks run: in worker processes of an interpreter that has what they require."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import contextvars
import functools
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from ..._engine.action import Action
from ..._engine.plan import TaskPlan
from ..._engine.ports import Backend, Room
from ..._registry.interpreter import Interpreter
from ..._registry.registry import Deployment
from ..._registry.task import PLACE, DeployedTask
from ..._task.invocation import active_invoker
from ...errors import BaseRuntimeError, RemoteTaskUsageError
from ...models.events import StoredLiterals
from ..processes.backend import PlacedCode, ProcessBackend, need_in, stay_of
from ..processes.pool import WorkerPool
from ..processes.room import MachineRoom
from ..workers.conversation import WorkerStale
from .code import code_of
from .commands import GivenUp, Work
from .conversation import DeployedConversation
from .environments import interpreter_for
from .retention import CODE, ENVIRONMENTS

FAILED_AGAIN_AFTER_S = 30.0
THREADS = 4


class Prepared(NamedTuple):
    """A deployment that can be run here: where its code is, and what runs it."""

    folder: Path
    interpreter: Interpreter


class DeployedBackend(ProcessBackend):
    """Runs each attempt in a process that imports nothing but the deployed code.

    Parameters
    ----------
    beside : ProcessBackend
        Whose cores and devices tasks share that name no queue.
    folder : Path
        Where code and environments are kept.
    queues : mapping of str to Backend
        What tasks may name with ``queue=``; those take the cores and devices of the `ProcessBackend` that it is.

    Specification: *Remote tasks*.
    """

    name = PLACE

    def __init__(self, beside: ProcessBackend, folder: Path, queues: Mapping[str, Backend]) -> None:
        super().__init__()
        self._room = beside.room
        self._queues = queues
        self.capacity: Room | None = _RoomOnceReady(self)
        self._kept_in = folder
        self._lock = threading.Lock()
        self._preparing: dict[str, concurrent.futures.Future[Prepared | None]] = {}
        self._failed: dict[str, tuple[float, BaseRuntimeError]] = {}
        self._pools: dict[Interpreter, WorkerPool] = {}
        self._threads = concurrent.futures.ThreadPoolExecutor(THREADS, thread_name_prefix="flyte_nb-environments")

    def check(self, plan: TaskPlan) -> None:
        """See `flyte_nb._engine.ports.Backend`."""
        task = plan.task
        if not isinstance(task, DeployedTask):
            raise RemoteTaskUsageError(f"Task {plan.name!r} is not a deployed one, and only those run in {PLACE!r}.")
        digest = task.deployment.digest
        stay = stay_of(plan)
        key = f"{digest} {task.deployment.task(task.name).name}"
        plan.code = PlacedCode(key, b"", need_in(self.room_of(plan), plan), replace(stay, key=f"{digest} {stay.key}"))

    def room_of(self, plan: TaskPlan) -> MachineRoom:
        """Cores and devices that a task takes its share of.

        Raises
        ------
        RemoteTaskUsageError
            If it names a queue that is no place for processes of this machine.
        """
        queue = plan.task.options.queue
        if queue is None:
            return self._room
        named = self._queues[queue]
        if not isinstance(named, ProcessBackend):
            raise RemoteTaskUsageError(
                f"Task {plan.name!r} is deployed, so it runs in worker processes of this machine, and its queue"
                f" {queue!r} is a {type(named).__name__}. Name a queue that is a ProcessBackend, or none."
            )
        return named.room

    async def run(self, action: Action, inputs: StoredLiterals) -> StoredLiterals:
        """See `flyte_nb._engine.ports.Backend`."""
        ready = await self.ready(action)
        conversation = functools.partial(DeployedConversation, folder=ready.folder)
        while True:
            try:
                return await self._attempt(action, inputs, self._pool_of(ready.interpreter), conversation)
            except WorkerStale:
                continue

    async def ready(self, action: Action) -> Prepared:
        """The deployment of an action's task, ready to run; made ready by whoever comes first.

        Raises
        ------
        DeploymentError
            If it cannot be made ready.
        """
        task = action.plan.task
        assert isinstance(task, DeployedTask)
        digest = task.deployment.digest
        while True:
            with self._lock:
                at, error = self._failed.get(digest, (0.0, None))
                if error is not None and time.monotonic() - at < FAILED_AGAIN_AFTER_S:
                    raise error
                future = self._preparing.get(digest)
                is_first = future is None
                if future is None:
                    future = self._preparing[digest] = concurrent.futures.Future()
            if not is_first:
                found = await asyncio.shield(asyncio.wrap_future(future))
                if found is not None:
                    return found
                continue  # who began it was stopped
            try:
                prepared = await self._prepared(action, task.deployment)
            except BaseException as failure:
                with self._lock:
                    del self._preparing[digest]
                    if isinstance(failure, BaseRuntimeError):
                        self._failed[digest] = (time.monotonic(), failure)
                future.set_result(None)
                raise
            future.set_result(prepared)
            return prepared

    def close(self) -> None:
        """End all workers."""
        super().close()
        for pool in self._pools.values():
            pool.close()
        self._pools.clear()
        self._threads.shutdown(wait=False)

    async def _prepared(self, action: Action, deployment: Deployment) -> Prepared:
        """Made ready on a thread, whose prints belong to the action."""
        work = Work(lambda line: print(line, file=sys.stderr))
        context = contextvars.copy_context()
        context.run(active_invoker.set, action.scope)
        who = f"task {action.plan.name!r} (version {deployment.version!r})"

        def prepare() -> Prepared:
            folder = code_of(deployment, self._kept_in / CODE)
            required = deployment.manifest.requirements
            return Prepared(folder, interpreter_for(required, self._kept_in / ENVIRONMENTS, who, work))

        working = asyncio.get_running_loop().run_in_executor(self._threads, context.run, prepare)
        try:
            return await asyncio.shield(working)
        except asyncio.CancelledError:
            work.give_up()
            with contextlib.suppress(GivenUp, BaseRuntimeError):
                await working
            raise

    def _pool_of(self, interpreter: Interpreter) -> WorkerPool:
        with self._lock:
            pool = self._pools.get(interpreter)
            if pool is None:
                pool = self._pools[interpreter] = WorkerPool(fork=self._fork, interpreter=interpreter)
            return pool


class _RoomOnceReady:
    """The room of the machine, for what is ready: to make an environment takes no cores, and no time that counts."""

    def __init__(self, backend: DeployedBackend) -> None:
        self._backend = backend

    async def take(self, action: Action) -> None:
        """See `flyte_nb._engine.ports.Room`."""
        with contextlib.suppress(BaseRuntimeError):  # `run` tells it, as the failure of an attempt
            await self._backend.ready(action)
        await self._backend.room_of(action.plan).take(action)
