"""Tasks on a Dask cluster."""

from __future__ import annotations

import asyncio
import atexit
import logging
import re
import threading
import time
from typing import Any

from ..._engine.action import Action
from ..._engine.capacity import checked_places
from ..._engine.plan import TaskPlan
from ..._engine.ports import Room
from ..._version import __version__
from ...errors import ClusterError, InitializationError
from ...models.events import LinkAdded, StoredLiterals
from ..processes.backend import stay_of
from ..processes.room import Need, depth_of
from ..workers import messages as say
from ..workers.code import carried_code
from ..workers.conversation import converse, start_of
from . import wire
from .cluster import Cluster, connected_cluster, refuse_other_python
from .dashboard import dashboard_address
from .link import DaskLink, WorkerMoved
from .local_cluster import start_local_cluster
from .needs import dask_resources
from .room import DaskRoom, OrderedCode, link_of

# Dask would take another text, and be stuck for 20 seconds when the process ends. Other protocols need no port.
_ADDRESS = re.compile(r"((tcp|tls)://)?[^/]+:\d+|(?!tcp:|tls:)\w+://.+")


class DaskBackend:
    """Runs each attempt as a Dask task, in a process beside the Dask worker that Dask chose for it.

    Parameters
    ----------
    cluster : str, distributed.Client or cluster object, optional
        Address of a scheduler, or whoever knows it. By default the current client of this process, else what Dask
        itself is told by its configuration (``DASK_SCHEDULER_ADDRESS``).
    security : distributed.Security, optional
        TLS of an address; a client or a cluster brings its own.
    in_flight : int
        How many attempts may be at the scheduler and the workers at once; the others wait in this process.

    Raises
    ------
    InitializationError
        If Dask is not installed, or `cluster` is nothing that leads to one. A cluster that cannot be reached is a
        `ClusterError` of the first run there.

    Examples
    --------
    >>> flyte.init(queues={"big": DaskBackend("tcp://scheduler:8786")}, storage="s3://bucket/runs")
    >>> env = flyte.TaskEnvironment("features", queue="big")
    """

    name = "dask"
    by_reference = True
    may_repeat = True

    def __init__(self, cluster: Any = None, *, security: Any = None, in_flight: int = 1024) -> None:
        checked_places(in_flight, "in_flight is how many attempts may be at the cluster at once")
        is_text = isinstance(cluster, str)
        if not (cluster is None or (_ADDRESS.fullmatch(cluster) if is_text else hasattr(cluster, "scheduler"))):
            raise InitializationError(
                f"DaskBackend takes the address of a scheduler (tcp://host:8786), a distributed.Client or a cluster;"
                f" got {repr(cluster) if is_text else type(cluster).__name__}."
            )
        self._room = DaskRoom(in_flight, self._order)
        self.capacity: Room | None = self._room
        self._given = cluster
        self._security = security
        self._local: dict[str, Any] | None = None
        self._cluster: Cluster | None = None
        self._owned: Any = None
        self._dashboard = ""
        self._lock = threading.Lock()

    @classmethod
    def local(cls, n_workers: int = 2, threads_per_worker: int = 1, **options: Any) -> DaskBackend:
        """A cluster of processes on this machine, started with the first run and ended with this process.

        Parameters
        ----------
        n_workers, threads_per_worker : int
            So many attempts at once.
        **options
            Of `distributed.LocalCluster`.
        """
        backend = cls()
        backend._local = {
            "n_workers": n_workers,
            "threads_per_worker": threads_per_worker,
            "host": "127.0.0.1",
            "dashboard_address": "127.0.0.1:0",
            "silence_logs": logging.ERROR,
            **options,
        }
        return backend

    @property
    def cluster(self) -> Any:
        """The cluster that `local` has started or starts now, to scale it or to look at it; else what was given."""
        return self._owned if self._connected() and self._owned is not None else self._given

    def check(self, plan: TaskPlan) -> None:
        """See `flyte_nb._engine.ports.Backend`."""
        resources = None if self._is_on_this_loop() else _resources_at(self._connected(), plan)
        policy, environment = plan.task.options.reusable, plan.task.environment
        need = Need(1.0, 0)
        if policy is not None and environment is not None:
            need = Need(1.0, 0, environment.name, policy.most)
        key, payload = carried_code(plan)
        plan.code = OrderedCode(key, payload, need, stay_of(plan), resources)

    async def run(self, action: Action, inputs: StoredLiterals) -> StoredLiterals:
        """See `flyte_nb._engine.ports.Backend`."""
        link = link_of(action)
        if self._dashboard and action.attempt == 1:
            action.run.log.append(LinkAdded(time.time(), action.name, "Dask dashboard", self._dashboard))
        while True:
            try:
                return await converse(action, inputs, link)
            except WorkerMoved:
                await action.settle_children()
                action.counts.clear()
                link = await self._room.begin(action)

    def close(self) -> None:
        """End the connection, and the cluster of `local`."""
        atexit.unregister(self.close)
        with self._lock:
            cluster, self._cluster = self._cluster, None
            owned, self._owned = self._owned, None
        if cluster is not None:
            cluster.close()
        if owned is not None:
            owned.close()

    async def _order(self, action: Action) -> DaskLink:
        """Have an attempt begin somewhere."""
        cluster = self._cluster
        if cluster is None or cluster.lost:
            cluster = await asyncio.to_thread(self._connected)
        plan = action.plan
        code: OrderedCode = plan.code
        if code.resources is None:
            code = plan.code = code._replace(resources=_resources_at(cluster, plan))
        link = DaskLink(cluster, action)
        resources = plan.task.options.resources
        order = wire.Order(
            cluster.id,
            __version__,
            action.run.name,
            code.key,
            plan.name,
            say.encode(start_of(action, action.stored_inputs)),
            code.stay.key,
            code.stay.idle_s,
            code.stay.scaledown_s,
            code.stay.least,
            resources.memory_bytes or 0 if resources is not None else 0,
            resources.devices if resources is not None else 0,
        )
        cluster.order(link, wire.encoded(order), depth_of(action), code.resources or {})
        return link

    def _connected(self) -> Cluster:
        """The connection, made anew where there is none or it was lost."""
        with self._lock:
            if self._cluster is None or self._cluster.lost:
                if self._cluster is not None:
                    self._cluster.close()
                    self._cluster = None
                given = self._cluster_given()
                address, security, shown = self._target(given)
                self._cluster = connected_cluster(address, security)
                atexit.unregister(self.close)
                atexit.register(self.close)  # before what Dask does then
                self._dashboard = dashboard_address(shown or self._cluster.dashboard)
            return self._cluster

    def _is_on_this_loop(self) -> bool:
        """Whether who leads to the scheduler needs the caller's own event loop, so that to wait for it would last for
        ever: `await Client(asynchronous=True)` in a notebook. What no worker can do is then found out later.
        """
        if self._local is not None or (self._cluster is not None and not self._cluster.lost):
            return False
        return bool(getattr(self._cluster_given(), "asynchronous", False))

    def _cluster_given(self) -> Any:
        """Who leads to the scheduler, or its address."""
        try:
            import dask
            import distributed as dask_distributed
        except ImportError as error:
            raise InitializationError('Dask is not installed: pip install "flyte-nb[dask]".') from error
        distributed: Any = dask_distributed
        given = self._given
        if self._local is not None:
            if self._owned is None:
                self._owned = start_local_cluster(self._local)
            given = self._owned
        elif given is None:
            try:
                given = distributed.Client.current()
            except ValueError:
                given = dask.config.get("scheduler-address", None)
        if given is None:
            raise ClusterError(
                "There is no Dask cluster to run on: start a distributed.Client, set DASK_SCHEDULER_ADDRESS, or name a"
                ' cluster: init(queues={"dask": DaskBackend("tcp://...")}), or DaskBackend.local() for this machine.'
            )
        return given

    def _target(self, given: Any) -> tuple[str, Any, str]:
        """Address of the scheduler, the security of the connection, and the dashboard where somebody knows it."""
        if isinstance(given, str):
            return given, self._security, ""
        security = self._security if self._security is not None else getattr(given, "security", None)
        address = getattr(given, "scheduler_address", None) or getattr(given.scheduler, "address", None)
        if not address:
            raise ClusterError(f"{type(given).__name__} knows no scheduler; is it closed?")
        return str(address), security, str(getattr(given, "dashboard_link", "") or "")


def _resources_at(cluster: Cluster, plan: TaskPlan) -> dict[str, float]:
    """What an attempt asks of Dask; refuses a task that cannot run there."""
    for address, worker in tuple(cluster.workers.items()):
        refuse_other_python(f"Dask worker {address}", worker.python)
    return dask_resources(plan, dict(cluster.workers))
