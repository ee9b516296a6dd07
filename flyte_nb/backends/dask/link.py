"""The kernel's end of an attempt on Dask; see `flyte_nb.backends.workers.conversation.Link`."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable
from typing import Any

from ..._engine.action import Action
from ..._engine.interrupts import kernel_is_ending
from ...errors import ClusterError, TaskInterruptedError
from ..processes.backend import too_large
from ..processes.nursery import loaded_heavy_modules
from ..workers import messages as say
from ..workers.conversation import WorkerLost
from ..workers.kept import Known
from . import wire
from .cluster import Cluster
from .surroundings import sent_setup


class WorkerMoved(Exception):
    """The Dask worker leaves; the attempt is to be ordered anew, with what it has remembered since."""


class NeverBegun(Exception):
    """The Dask worker that was to begin the attempt is gone; another one may."""


class DaskLink:
    """One attempt: ordered, begun by some Dask worker, and over.

    Attributes
    ----------
    key : str
        Of the Dask task.
    known : Known
        Run and task: Dask workers ask for what their processes do not know.
    """

    def __init__(self, cluster: Cluster, action: Action) -> None:
        self.key: str = f"{action.plan.short_name}-{uuid.uuid4().hex}"
        self.loop: asyncio.AbstractEventLoop = asyncio.get_running_loop()
        self.known: Known = Known()
        self.known.runs.keep(action.run.name, None)
        self.known.tasks.keep(action.plan.code.key, None)
        self.over: bool = False
        self._cluster = cluster
        self._action = action
        self._worker = ""
        self._begun: asyncio.Future[None] = self.loop.create_future()
        self._receive: Callable[[say.FromWorker], None] | None = None
        self._lost: Callable[[Exception], None] | None = None
        self._early: list[say.FromWorker | Exception] = []

    async def begun(self) -> None:
        """Wait until a Dask worker has begun the attempt.

        Raises
        ------
        NeverBegun
            If the worker that was to do it is gone.
        ClusterError, TaskInterruptedError
            If no other one could.
        """
        try:
            await self._begun
        except BaseException:
            self.withdraw()
            raise

    def withdraw(self) -> None:
        """Nobody wants the attempt any more, whether it has begun or not."""
        if not self.over:
            self.kill()
            self._end()

    def leave(self) -> None:
        """The place of the action is given back: an attempt that nobody has taken up by then is wanted by nobody."""
        if self._receive is None:
            self.withdraw()

    # the conversation's side --------------------------------------------------------------------------------

    def open(self, receive: Callable[[say.FromWorker], None], lost: Callable[[Exception], None]) -> None:
        """See `Link`."""
        self._receive, self._lost = receive, lost
        early, self._early = self._early, []
        for said in early:
            self.loop.call_soon(self._deliver, said)

    def send(self, message: say.ToWorker) -> None:
        """See `Link`; how the attempt starts went along with its order."""
        if not isinstance(message, say.Start):
            self._cluster.say(self._worker, self.key, wire.SAY, say.encode(message))

    def kill(self) -> None:
        """See `Link`."""
        if self._worker:
            self._cluster.say(self._worker, self.key, wire.KILL)

    def release(self, clean: bool) -> None:
        """See `Link`."""
        self._receive = self._lost = None
        self._end()

    def _end(self) -> None:
        self.over = True
        self._cluster.forget(self.key)

    # the cluster's side -------------------------------------------------------------------------------------

    def heard(self, kind: str, data: Any, worker: str) -> None:
        """See `Listener`."""
        if self.over:
            return
        if worker != self._worker and kind not in (wire.BEGUN, wire.MOVED, wire.ERRED):
            return  # a worker that has left speaks of its own attempt, not of the one that another has begun
        if kind == wire.SAY:
            self._deliver(say.decode_from_worker(data))
        elif kind == wire.BEGUN:
            self._worker = worker
            if not self._begun.done():
                self._begun.set_result(None)
        elif kind == wire.WANT_SETUP:
            self._cluster.say(worker, self.key, wire.SETUP, wire.encoded(self._surrounding()))
        elif kind == wire.WANT_CODE:
            self._cluster.say(worker, self.key, wire.CODE, self._action.plan.code.payload)
        elif kind == wire.REFUSED:
            self._deliver(ClusterError(data.decode()))
        elif kind == wire.LOST:
            loss = wire.loss_of(data)
            if loss.how:
                self._deliver(WorkerLost(loss.how))
            else:
                self._deliver(too_large(self._action.plan, loss.used_bytes))
        elif kind == wire.MOVED:
            if self._begun.done():
                self._deliver(WorkerMoved())
        elif kind == wire.ERRED:
            self._deliver(self._error_of_dask(data, worker))

    def cut_off(self, how: str) -> None:
        """See `Listener`."""
        if not self.over:
            self._deliver(WorkerLost(how))

    def _deliver(self, said: say.FromWorker | Exception) -> None:
        if isinstance(said, Exception) and kernel_is_ending():
            return
        if isinstance(said, Exception) and not self._begun.done():
            self._begun.set_exception(self._outside(said))
        elif self._receive is None or self._lost is None:
            self._early.append(said)
        elif isinstance(said, Exception):
            self._lost(said)
        else:
            self._receive(said)

    def _outside(self, error: Exception) -> Exception:
        """What is raised where there is no conversation yet."""
        if isinstance(error, WorkerLost) and not self._cluster.lost:
            return NeverBegun(str(error))
        if isinstance(error, WorkerLost):
            return TaskInterruptedError(f"Task {self._action.plan.name!r}: its worker process {error}.")
        return error

    def _error_of_dask(self, text: str, worker: str) -> Exception:
        if not text or text.startswith("KilledWorker"):
            return WorkerLost(f"is gone with the Dask worker that it was on, {worker or self._worker}")
        return ClusterError(
            f"Dask worker {worker or self._worker} cannot run task {self._action.plan.name!r}: {text}. Every worker"
            " needs flyte_nb and the packages of the kernel, in the same versions."
        )

    def _surrounding(self) -> wire.Surrounding:
        run = self._action.run
        beacon = run.store.put_nowait(_BEACON)
        preload = list(loaded_heavy_modules())
        return wire.Surrounding(say.encode(sent_setup(run)), beacon.uri, beacon.checksum, preload)


_BEACON = f"flyte_nb kernel {uuid.uuid4()}: whoever reads this reaches the storage.".encode()
