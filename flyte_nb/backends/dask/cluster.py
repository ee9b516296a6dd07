"""The kernel's connection to a cluster: what is sent there, what comes back, who is there.

It has a Dask client of its own, on a thread of its own, so that neither the user's client nor code that holds the
notebook's loop can hold it up. What arrives is delivered on the loop of the attempt that it is for.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import platform
import threading
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Protocol

from ...errors import ClusterError
from . import wire
from .mail import Mail
from .relay import entry, relay

CONNECT_WITHIN_S = 10.0
ANSWER_WITHIN_S = 30.0
LOOK_EVERY_S = 0.2


@dataclass
class DaskWorker:
    """A Dask worker as the scheduler describes it."""

    threads: int = 1
    memory: int = 0
    resources: dict[str, float] = field(default_factory=dict)
    python: str = ""


class Listener(Protocol):
    """An attempt at the kernel's end."""

    key: str
    loop: asyncio.AbstractEventLoop
    over: bool

    def heard(self, kind: str, data: Any, worker: str) -> None:
        """Something was said about the attempt; called on `loop`."""

    def cut_off(self, how: str) -> None:
        """The cluster knows of the attempt no more; called on `loop`. `how` is the text of a `WorkerLost`."""


class Cluster:
    """Connected when it is made.

    Parameters
    ----------
    address : str or cluster object
    security : distributed.Security, optional

    Raises
    ------
    ClusterError
        If it cannot be reached, or has another version of Python.
    """

    def __init__(self, address: Any, security: Any) -> None:
        import distributed

        dask: Any = distributed
        self.name: str = address if isinstance(address, str) else str(getattr(address, "scheduler_address", address))
        self.workers: dict[str, DaskWorker] = {}
        self.lost: bool = False
        self._listeners: dict[str, tuple[Listener, Any]] = {}
        self._mails: dict[asyncio.AbstractEventLoop, Mail] = {}
        self._orders: dict[asyncio.AbstractEventLoop, list[_Ordered]] = {}
        self._ready = threading.Event()
        self._lock = threading.Lock()
        try:
            self._client: Any = dask.Client(
                address, security=security, set_as_default=False, timeout=CONNECT_WITHIN_S, name="flyte_nb"
            )
        except (OSError, TimeoutError, ValueError) as error:
            raise ClusterError(
                f"The Dask scheduler at {self.name} cannot be reached: {type(error).__name__}: {error}. Is it running,"
                " is the address that of the scheduler, and does the connection need security=Security(...)?"
            ) from error
        self.id: str = self._client.id
        self._loop: Any = self._client.loop
        self._entry = entry()
        try:
            self._check_scheduler()
            self._client._stream_handlers[wire.UP] = self._heard
            self._client.register_plugin(relay())
            self._send({"op": wire.HELLO})
            if not self._ready.wait(CONNECT_WITHIN_S):
                raise ClusterError(f"The Dask scheduler at {self.name} does not answer.")
        except BaseException as error:
            self.close()
            if isinstance(error, ClusterError) or not isinstance(error, Exception):
                raise
            raise ClusterError(
                f"The Dask scheduler at {self.name} does not take the plugin that passes messages on:"
                f" {type(error).__name__}: {error}. Is distributed.scheduler.pickle off, or its version another one?"
            ) from error
        self._loop.add_callback(self._watch)

    @property
    def dashboard(self) -> str:
        """Address of the dashboard as Dask makes it; empty if there is none."""
        with contextlib.suppress(Exception):
            return str(self._client.dashboard_link or "")
        return ""

    def close(self) -> None:
        """End the connection; attempts that are going on end with it."""
        self.lost = True
        with contextlib.suppress(Exception):
            self._client.close(timeout=2)

    # what is sent -------------------------------------------------------------------------------------------

    def order(self, listener: Listener, data: bytes, priority: int, resources: dict[str, float]) -> None:
        """Have an attempt begin somewhere. Those that are ordered in one tick of a loop travel together."""
        loop = listener.loop
        orders = self._orders.get(loop)
        if orders is None:
            orders = self._orders[loop] = []
            loop.call_soon(self._send_orders, loop)
        orders.append(_Ordered(listener, data, priority, tuple(sorted(resources.items()))))

    def say(self, worker: str, key: str, kind: str, data: bytes = b"") -> None:
        """Have something delivered to the Dask worker that does an attempt."""
        if not self.lost:
            self._send({"op": wire.DOWN, "worker": worker, "key": key, "kind": kind, "data": data})

    def forget(self, key: str) -> None:
        """An attempt is over; if it has not begun, it must not."""
        found = self._listeners.pop(key, None)
        if found is not None and found[1] is not None and not self.lost:
            found[1].release()

    def _send(self, message: dict[str, Any]) -> None:
        with contextlib.suppress(Exception):  # a client that is closed; `_watch` tells
            self._client._send_to_scheduler(message)

    def _send_orders(self, loop: asyncio.AbstractEventLoop) -> None:
        kinds: dict[tuple[int, tuple[tuple[str, float], ...]], list[_Ordered]] = {}
        for ordered in self._orders.pop(loop):
            if ordered.listener.over:
                continue
            kinds.setdefault((ordered.priority, ordered.resources), []).append(ordered)
        for (priority, resources), alike in kinds.items():
            for ordered in alike:
                self._listeners[ordered.listener.key] = (ordered.listener, None)
            try:
                futures = self._client.map(
                    self._entry,
                    [ordered.data for ordered in alike],
                    key=[ordered.listener.key for ordered in alike],
                    pure=False,
                    retries=0,
                    priority=priority,
                    resources=dict(resources) or None,
                )
            except Exception:
                self._lose()
                return
            for ordered, future in zip(alike, futures, strict=True):
                self._listeners[ordered.listener.key] = (ordered.listener, future)

    # what arrives, on the client's thread -------------------------------------------------------------------

    def _heard(self, key: str, kind: str, data: Any, worker: str) -> None:
        if kind == wire.WORKER:
            self.workers[worker] = DaskWorker(**data)
        elif kind == wire.NO_WORKER:
            self.workers.pop(worker, None)
        elif kind == wire.READY:
            self._ready.set()
        elif kind == wire.RESTARTED:
            self._cut_off(f"is gone: the Dask cluster at {self.name} was restarted")
        else:
            found = self._listeners.get(key)
            if found is not None:
                self._mail(found[0].loop).post(lambda: found[0].heard(kind, data, worker))
            elif kind == wire.BEGUN:
                self.say(worker, key, wire.KILL)  # nobody waits for it any more

    def _mail(self, loop: asyncio.AbstractEventLoop) -> Mail:
        mail = self._mails.get(loop)
        if mail is None:
            mail = self._mails[loop] = Mail(loop)
        return mail

    async def _watch(self) -> None:
        """See that the scheduler stays; Dask itself would connect to another one, which knows nothing of us."""
        while not self.lost:
            if self._client.status != "running":
                self._lose()
                with contextlib.suppress(Exception):
                    await self._client._close(fast=True)
                return
            await asyncio.sleep(LOOK_EVERY_S)

    def _lose(self) -> None:
        with self._lock:
            self.lost = True
        self._cut_off(f"is out of reach: the connection to the Dask scheduler at {self.name} is lost")

    def _cut_off(self, how: str) -> None:
        with self._lock:
            listeners = [listener for listener, _ in tuple(self._listeners.values())]
            self._listeners.clear()
        for listener in listeners:
            self._mail(listener.loop).post(partial(listener.cut_off, how))

    def _check_scheduler(self) -> None:
        there = self._client.sync(self._client.scheduler.versions)["host"]["python"]
        refuse_other_python(f"The Dask scheduler at {self.name}", there)


def connected_cluster(address: Any, security: Any) -> Cluster:
    """A connection to a cluster, or an error before long: Dask waits for ever where something listens and is silent.

    Raises
    ------
    ClusterError
        As `Cluster`.
    """
    made: concurrent.futures.Future[Cluster] = concurrent.futures.Future()

    def connect() -> None:
        try:
            cluster = Cluster(address, security)
        except BaseException as error:
            with contextlib.suppress(concurrent.futures.InvalidStateError):
                made.set_exception(error)
            return
        try:
            made.set_result(cluster)
        except concurrent.futures.InvalidStateError:
            cluster.close()

    threading.Thread(target=connect, name="flyte_nb-connect", daemon=True).start()
    try:
        return made.result(ANSWER_WITHIN_S)
    except BaseException as error:
        if made.cancel() and isinstance(error, TimeoutError):
            raise ClusterError(
                f"Something listens at {address} and has not answered as a Dask scheduler does, within"
                f" {ANSWER_WITHIN_S:g} s. Is that the address of the scheduler, and does the scheduler still run?"
            ) from None
        raise


def refuse_other_python(who: str, python: str) -> None:
    """Refuse a partner with another Python: code does not travel between minor versions.

    Raises
    ------
    ClusterError
    """
    here = platform.python_version()
    if python and python.split(".")[:2] != here.split(".")[:2]:
        theirs = ".".join(python.split(".")[:3])
        raise ClusterError(
            f"{who} runs Python {theirs}, and this kernel {here}: code cannot travel between them. Use the same"
            " minor version of Python, and the same packages, on both."
        )


@dataclass(slots=True)
class _Ordered:
    listener: Listener
    data: bytes
    priority: int
    resources: tuple[tuple[str, float], ...]
