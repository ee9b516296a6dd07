"""What runs in a Dask worker: it has attempts done by child processes, and passes messages on.

The user's code never runs in the Dask worker itself, so that a limit on memory holds, an attempt can be killed, and
environment, folder and prints are the attempt's own. A Dask task holds its slot while its attempt computes; when the
attempt waits for a call or a person, the slot goes back to Dask for good.
"""

from __future__ import annotations

import asyncio
import contextlib
import queue
import socket
import sys
import threading
from typing import Any

from ..._version import __version__
from ...errors import OOMError
from ...storage import open_store
from ...storage.addresses import local_path
from ..processes.devices import visible_devices
from ..processes.link import ProcessLink
from ..processes.memory import MemoryWatch
from ..processes.pool import Stay, WorkerPool
from ..workers import messages as say
from ..workers.conversation import WorkerLost, begin
from ..workers.flood import Flood
from . import wire
from .surroundings import settled

MOST_KEPT = 64
_ENDS = (*say.ENDS, say.Stale)
_WAITS = (say.Call, say.AwaitAnswer)


def serve(data: bytes) -> None:
    """The Dask task: one attempt, from its order to its end. It runs on a thread of the Dask worker."""
    import distributed.worker as dask_worker

    dask: Any = dask_worker
    worker = dask.get_worker()
    attempt = Attempt(dask.thread_state.key, wire.order_of(data))
    worker.loop.add_callback(_begin, worker, attempt)
    while attempt.commands.get() is not None:
        dask.secede()
    if attempt.problem is not None:
        raise attempt.problem


def _begin(worker: Any, attempt: Attempt) -> None:
    try:
        host = worker.plugins.get(wire.PROTOCOL)
        if host is None:
            host = worker.plugins[wire.PROTOCOL] = Host(worker)
        host.begin(attempt)
    except Exception as error:  # else the Dask task would wait for ever
        attempt.problem = error
        attempt.commands.put(None)


class Attempt:
    """One attempt as its Dask worker knows it.

    Attributes
    ----------
    commands : queue
        For the thread of the Dask task: True to give back its slot, None to end.
    answers : dict of str to asyncio.Future
        What was asked of the kernel, by the kind of the answer.
    devices : list of str
        What it has of the Dask worker's.
    problem : Exception or None
        Why it could not even be taken up.
    """

    def __init__(self, key: str, order: wire.Order) -> None:
        self.key = key
        self.order = order
        self.commands: queue.SimpleQueue[bool | None] = queue.SimpleQueue()
        self.answers: dict[str, asyncio.Future[bytes]] = {}
        self.link: ProcessLink | None = None
        self.task: asyncio.Task[None] | None = None
        self.devices: list[str] = []
        self.seceded: bool = False
        self.problem: Exception | None = None


class Host:
    """Serves all kernels that send attempts to one Dask worker; everything happens on the worker's loop."""

    def __init__(self, worker: Any) -> None:
        self._worker = worker
        self._attempts: dict[str, Attempt] = {}
        self._setups: dict[tuple[str, str], say.Setup] = {}
        self._codes: dict[str, bytes] = {}
        self._devices = visible_devices()
        self._closing = False
        self._watch = MemoryWatch()
        self._pool: WorkerPool | None = None
        worker.stream_handlers[wire.DOWN] = self.receive

    def begin(self, attempt: Attempt) -> None:
        """Have an attempt done."""
        self._attempts[attempt.key] = attempt
        attempt.task = asyncio.get_running_loop().create_task(self._serve(attempt))

    def teardown(self, worker: Any) -> None:
        """See `distributed.WorkerPlugin`: the Dask worker closes."""
        self._closing = True
        with contextlib.suppress(OSError):
            worker.batched_stream.send({"op": wire.LEAVES})
        for attempt in tuple(self._attempts.values()):
            self._kill(attempt)
        if self._pool is not None:  # what waits for processes must not hold up the Dask worker
            threading.Thread(target=self._pool.close, name="flyte_nb-close", daemon=True).start()

    # what the kernel says -----------------------------------------------------------------------------------

    def receive(self, client: str, key: str, kind: str, data: bytes) -> None:
        """Take up a message of a kernel."""
        if kind == wire.GONE:
            self._forget(client)
            return
        attempt = self._attempts.get(key)
        if attempt is None:
            return
        if kind == wire.SAY:
            if attempt.link is not None:
                attempt.link.send(say.decode_for_worker(data))
            else:
                self._kill(attempt)  # all that a kernel says before the task runs is to stop
        elif kind == wire.KILL:
            self._kill(attempt)
        else:
            answer = attempt.answers.pop(kind, None)
            if answer is not None and not answer.done():
                answer.set_result(data)

    def _kill(self, attempt: Attempt) -> None:
        if attempt.task is not None:
            attempt.task.cancel()

    def _forget(self, client: str) -> None:
        for attempt in tuple(self._attempts.values()):
            if attempt.order.client == client:
                self._kill(attempt)
        for known in [known for known in self._setups if known[0] == client]:
            del self._setups[known]

    # one attempt --------------------------------------------------------------------------------------------

    async def _serve(self, attempt: Attempt) -> None:
        try:
            order = attempt.order
            self._tell(attempt, wire.BEGUN)
            problem = self._unfit(order)
            if problem:
                self._tell(attempt, wire.REFUSED, problem.encode())
                return
            setup = await self._setup_of(attempt)
            if isinstance(setup, str):
                self._tell(attempt, wire.REFUSED, setup.encode())
                return
            code = await self._code_of(attempt)
            start = say.decode_for_worker(order.start)
            assert isinstance(start, say.Start)
            attempt.devices, self._devices = self._devices[: order.devices], self._devices[order.devices :]
            if attempt.devices:
                start = _with_variable(start, "CUDA_VISIBLE_DEVICES", ",".join(attempt.devices))
            while not await self._converse(attempt, setup, say.Code(order.code, code), start):
                continue
        except asyncio.CancelledError:
            if not self._closing:  # else the scheduler tells what becomes of the attempt
                self._tell(attempt, wire.SAY, say.encode(say.Cancelled()))
        except Exception as error:
            how = f"could not be started by the Dask worker {self._name}: {type(error).__name__}: {error}"
            self._tell(attempt, wire.LOST, wire.encoded(wire.Loss(how)))
        finally:
            self._devices += attempt.devices
            self._attempts.pop(attempt.key, None)
            attempt.commands.put(None)

    async def _converse(self, attempt: Attempt, setup: say.Setup, code: say.Code, start: say.Start) -> bool:
        """Have a process do the attempt; False if it was not fit for it, so that another one must."""
        order = attempt.order
        at_rest = order.memory_bytes // 2 or None
        stay = Stay(f"{order.client} {order.workers}", order.idle_s, order.scaledown_s, order.least, at_rest)
        assert self._pool is not None
        link = await self._pool.take(stay)
        over: asyncio.Future[say.FromWorker | Exception] = asyncio.get_running_loop().create_future()
        flood = Flood()

        def receive(message: say.FromWorker) -> None:
            if isinstance(message, say.Printed) and not flood.passes(message):
                return
            if isinstance(message, _ENDS) and not over.done():
                over.set_result(message)
                tell_rest()
            if isinstance(message, _WAITS):
                self._give_back_place(attempt)
            if not isinstance(message, say.Stale):
                self._tell(attempt, wire.SAY, say.encode(message))

        def lost(error: Exception) -> None:
            if not over.done():
                over.set_result(error)
                tell_rest()

        def tell_rest() -> None:
            rest = flood.rest()
            if rest is not None:
                self._tell(attempt, wire.SAY, say.encode(rest))

        end: say.FromWorker | Exception | None = None
        link.open(receive, lost)
        attempt.link = link
        try:
            begin(link, start, f"{setup.run} of {order.client}", lambda: setup, lambda: code)
            with self._limited(attempt, link):
                end = await over
        finally:
            attempt.link = None
            if end is None:
                link.kill()
            link.release(isinstance(end, say.ENDS))
        if isinstance(end, Exception):
            self._tell(attempt, wire.LOST, wire.encoded(_loss(end)))
        return not isinstance(end, say.Stale)

    def _give_back_place(self, attempt: Attempt) -> None:
        """Leave to others, once, the thread that an attempt has, its devices, and what else Dask counts as taken."""
        if attempt.seceded:
            return
        attempt.seceded = True
        state = self._worker.state
        task = state.tasks.get(attempt.key)
        if task is not None and task.resource_restrictions:
            for name, amount in task.resource_restrictions.items():
                state.available_resources[name] += amount
            task.resource_restrictions = {}  # so that Dask does not give it back again at the end
        self._devices += attempt.devices
        attempt.devices = []
        attempt.commands.put(True)  # after which Dask looks who can begin

    @contextlib.contextmanager
    def _limited(self, attempt: Attempt, link: ProcessLink) -> Any:
        order = attempt.order
        if not order.memory_bytes:
            yield
            return

        def exceeded(used_bytes: int) -> None:
            link.kill_for_memory(OOMError(str(used_bytes)))

        with self._watch.limited(link.worker.pid, order.memory_bytes, exceeded):
            yield

    def _unfit(self, order: wire.Order) -> str:
        if order.version != __version__:
            return f"Dask worker {self._name} has flyte_nb {__version__}, and the kernel has {order.version}."
        return ""

    async def _setup_of(self, attempt: Attempt) -> say.Setup | str:
        """What the process must know of the run; or why this worker cannot serve it."""
        key = (attempt.order.client, attempt.order.run)
        found = self._setups.get(key)
        if found is not None:
            return found
        surrounding = wire.surrounding_of(await self._ask(attempt, wire.WANT_SETUP, wire.SETUP))
        setup = say.decode_for_worker(surrounding.setup)
        assert isinstance(setup, say.Setup)
        problem = await asyncio.to_thread(_unreachable, setup.store, surrounding)
        if problem:
            return (
                f"Dask worker {self._name} on host {socket.gethostname()!r} cannot read the run's storage,"
                f" {setup.store!r}: {problem} All data of a run goes through its storage: give init(storage=...) an"
                " address that the kernel and every worker reach, such as s3://bucket/prefix or a folder on a shared"
                " file system."
            )
        if self._pool is None:
            self._pool = WorkerPool(later=tuple(surrounding.preload), fork=sys.platform == "linux")
        here = settled(setup)
        _keep(self._setups, key, here)
        return here

    async def _code_of(self, attempt: Attempt) -> bytes:
        found: bytes | None = self._codes.get(attempt.order.code)
        if found is None:
            found = await self._ask(attempt, wire.WANT_CODE, wire.CODE)
            _keep(self._codes, attempt.order.code, found)
        return found

    async def _ask(self, attempt: Attempt, wanted: str, answered_by: str) -> bytes:
        answer: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        attempt.answers[answered_by] = answer
        self._tell(attempt, wanted)
        return await answer

    def _tell(self, attempt: Attempt, kind: str, data: bytes = b"") -> None:
        message = {"op": wire.UP, "client": attempt.order.client, "key": attempt.key, "kind": kind, "data": data}
        with contextlib.suppress(OSError):  # the scheduler is gone, and whoever asked with it
            self._worker.batched_stream.send(message)

    @property
    def _name(self) -> str:
        return str(self._worker.address)


def _loss(error: Exception) -> wire.Loss:
    if isinstance(error, OOMError):
        return wire.Loss("", int(error.root_cause_message))
    return wire.Loss(str(error) if isinstance(error, WorkerLost) else f"failed: {type(error).__name__}: {error}")


def _unreachable(root: str, surrounding: wire.Surrounding) -> str:
    """Why this process cannot read the storage of a run; empty if it can."""
    import os

    folder = local_path(root)
    if folder is not None and not os.path.isdir(folder):
        return "there is no such folder on that host."
    try:
        open_store(root).get_nowait(surrounding.beacon, checksum=surrounding.checksum)
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return ""


def _keep(kept: dict[Any, Any], key: Any, value: Any) -> None:
    kept[key] = value
    while len(kept) > MOST_KEPT:
        del kept[next(iter(kept))]


def _with_variable(start: say.Start, name: str, value: str) -> say.Start:
    from msgspec.structs import replace

    return replace(start, environment={**start.environment, name: value})
