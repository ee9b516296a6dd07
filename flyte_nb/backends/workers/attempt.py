"""The worker's end: takes one task after another from the kernel and runs it on the process's main thread.

An async task runs on the main thread's loop, any other function on the main thread itself, so that signals,
`asyncio.run` and libraries that want the main thread work. Whoever carries messages calls `receive`, on any thread.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import itertools
import os
import queue
import signal
import threading
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from types import FrameType
from typing import Any, Protocol, TypeVar

from msgspec.structs import replace

from ..._code.snapshot import load_snapshot
from ..._engine.branches import let_branches_wait
from ..._engine.failure import carry
from ..._engine.refusals import check_inline_size
from ..._engine.scope import Scope
from ..._engine.stepping import drive
from ..._registry.loading import import_code, task_in_code
from ..._task.invocation import active_invoker
from ..._task.secret import Secret, keep_secrets_in, resolve_secret
from ..._task.task import Task
from ...models.events import StoredLiterals
from ...storage import Store, open_store, use_store
from ...types.interface import REFUSED
from . import messages as say
from .copies import end_copy, refuse, write_past
from .kept import Kept
from .output import Output, capture_output
from .readiness import Readiness
from .stand_in import WorkerAction, WorkerRun

STRIKE_AGAIN_S = 0.02
LEFTOVERS_S = 1.0
MOST_TASKS_KEPT = 64
STOP_SIGNAL = signal.SIGUSR2

T = TypeVar("T")
Reply = tuple[asyncio.AbstractEventLoop, "asyncio.Future[say.ToWorker]"]


class Reader(Protocol):
    """Calls `Worker.receive` with what the kernel says."""

    def read_until_work(self) -> None:
        """Read on the calling thread until the worker `has_work`; return at once where another thread reads."""

    def look_after(self) -> None:
        """An attempt begins: what arrives while it runs is to be read on another thread, before long."""

    def hurry(self) -> None:
        """A reply is waited for: read at once."""


class Worker:
    """Serves one kernel.

    Parameters
    ----------
    send : callable
        Has a message delivered to the kernel; any thread may call it, and it may block.
    has_written : callable
        Whether there may be output that was written past Python, and that nobody has read yet.

    Attributes
    ----------
    told, begun : int
        How many attempts the kernel has ordered, and how many have begun.
    is_busy : bool
        Whether one runs.
    """

    def __init__(self, send: Callable[[say.FromWorker], None], has_written: Callable[[], bool] = lambda: True) -> None:
        self._send = send
        self._has_written = has_written
        self._inbox: queue.SimpleQueue[say.Start | None] = queue.SimpleQueue()
        self._replies: dict[int, Reply] = {}
        self._numbers = itertools.count(1)
        self._setups: Kept[say.Setup] = Kept()
        self._codes: Kept[say.Code | say.Source] = Kept()
        self._tasks: OrderedDict[str, Task[Any, Any]] = OrderedDict()
        self._loop = asyncio.new_event_loop()
        self._waiting_loop: asyncio.AbstractEventLoop | None = None
        self._lock = threading.Lock()
        self._store: Store | None = None
        self._async_task: asyncio.Task[Any] | None = None
        self._in_function = False
        self._reader: Reader | None = None
        self.told: int = 0
        self.begun: int = 0
        self.is_busy: bool = False
        self._stopped = False
        self._is_copy = False
        self._is_spent = False
        self._output = Output(send)
        self._readiness: Readiness

    # other threads ------------------------------------------------------------------------------------------

    def receive(self, message: say.ToWorker) -> None:
        """Take up what the kernel said."""
        if isinstance(message, say.Start):
            self._stopped = False
            self.told += 1
            self._setups.use(message.run)
            self._codes.use(message.code)
            self._inbox.put(message)
        elif isinstance(message, say.Setup):
            self._setups.keep(message.run, message)
        elif isinstance(message, (say.Code, say.Source)):
            self._codes.keep(message.key, message)
        elif isinstance(message, say.Stop):
            self._stop()
        else:
            found = self._replies.pop(message.number, None)
            if found is not None:
                loop, future = found
                with contextlib.suppress(RuntimeError):
                    loop.call_soon_threadsafe(_settle, future, message)

    @property
    def has_work(self) -> bool:
        """Whether `serve` would go on at once."""
        return not self._inbox.empty()

    def close(self) -> None:
        """The kernel is gone: `serve` returns when the attempt is over."""
        self._inbox.put(None)

    def tell(self, message: say.FromWorker) -> None:
        """See `stand_in.Kernel`."""
        self._output.flush()
        self._send(message)

    async def ask(self, make: Callable[[int], say.FromWorker]) -> say.ToWorker:
        """See `stand_in.Kernel`."""
        loop = asyncio.get_running_loop()
        number = next(self._numbers)
        future: asyncio.Future[say.ToWorker] = loop.create_future()
        self._replies[number] = loop, future
        self.tell(make(number))
        if self._reader is not None:
            self._reader.hurry()
        try:
            return await asyncio.shield(future)
        except asyncio.CancelledError:
            self.tell(say.Withdraw(number))
            await future  # what was asked for stops first; a second cancellation does not wait
            raise

    def waiting_loop(self) -> asyncio.AbstractEventLoop:
        """See `stand_in.Kernel`: the main loop while it runs, else one on a thread of its own."""
        if not self._in_function:
            return self._loop
        with self._lock:
            if self._waiting_loop is None:
                self._waiting_loop = asyncio.new_event_loop()
                threading.Thread(target=self._waiting_loop.run_forever, name="flyte_nb-loop", daemon=True).start()
            return self._waiting_loop

    def _stop(self) -> None:
        attempt = self.begun
        self._stopped = True
        task = self._async_task
        if task is not None:
            self._loop.call_soon_threadsafe(task.cancel)
        elif self._in_function:
            threading.Thread(target=self._strike, args=(attempt,), name="flyte_nb-stop", daemon=True).start()

    def _strike(self, attempt: int) -> None:
        """Raise `CancelledError` in the function, as soon as it runs code of the user's."""
        while self._in_function and self.begun == attempt and self._stopped:
            signal.pthread_kill(threading.main_thread().ident or 0, STOP_SIGNAL)
            time.sleep(STRIKE_AGAIN_S)

    def _on_stop_signal(self, number: int, frame: FrameType | None) -> None:
        if not self._stopped or not self._in_function or _is_inside_engine(frame):
            return
        self._stopped = False
        raise asyncio.CancelledError

    # the main thread ----------------------------------------------------------------------------------------

    def serve(self, reader: Reader) -> None:
        """Run what the kernel starts, until `close`; to be called on the main thread."""
        self._reader = reader
        asyncio.set_event_loop(self._loop)
        signal.signal(STOP_SIGNAL, self._on_stop_signal)
        capture_output(self._output)
        os.register_at_fork(after_in_child=self._become_copy)
        self._readiness = Readiness(self._loop, self._output)
        while True:
            reader.read_until_work()
            start = self._inbox.get()
            if start is None:
                return
            self.begun += 1
            self.is_busy = True
            reader.look_after()
            self._output.active = True
            try:
                end: say.FromWorker = self._run(start)
            except BaseException as error:  # also one that the user's code left behind in a finaliser
                end = _end_with(error)
            self._output.flush(rest=True)
            self._output.active = False
            self.is_busy = False
            self._send(end)
            self._make_ready()  # while the kernel takes that up

    def _make_ready(self) -> None:
        """Be ready for the next attempt, or say that another process must do it."""
        try:
            self._is_spent = self._is_spent or not self._readiness.restore()
        except BaseException:
            self._is_spent = True
        if self._is_spent:
            self._send(say.Stale())

    def _run(self, start: say.Start) -> say.Returned | say.Raised | say.Cancelled | say.Stale:
        setup = self._setups[start.run]
        if self._is_spent or self._readiness.is_stale_for(setup):
            return say.Stale()
        try:
            self._readiness.surround(setup, start.environment)
            if start.secrets:
                self._readiness.surround(setup, {**start.environment, **_secrets(start.secrets)})
            run = WorkerRun(self, setup, self._store_of(setup), start.traces)
            with use_store(run.store):
                end = self._end_of(start, run, WorkerAction(run, start))
        except BaseException as error:
            end = _end_with(error)
        self._end_leftovers()
        return replace(end, wrote=True) if self._has_written() else end

    def _end_of(
        self, start: say.Start, run: WorkerRun, action: WorkerAction
    ) -> say.Returned | say.Raised | say.Cancelled:
        try:
            return say.Returned(self._outputs(start, run, action))
        finally:
            if action.report is not None:
                action.report.flush()

    def _outputs(self, start: say.Start, run: WorkerRun, action: WorkerAction) -> StoredLiterals:
        task = self._task_of(start.code)
        interface = task.interface
        context = contextvars.copy_context()
        context.run(active_invoker.set, Scope(action, start.attempt, start.custom_context))
        serialized = run.fetch(start.inputs)
        arguments = interface.read_inputs_nowait(serialized)
        if arguments is REFUSED:
            arguments = self._until_done(interface.read_inputs(serialized))
        if task.is_async:
            let_branches_wait(self._loop)
            self._async_task = self._loop.create_task(self._awaited(drive(task.func(**arguments), context, action)))
            del arguments
            if self._stopped:
                self._async_task.cancel()
            try:
                value = self._until_done(self._async_task)
            finally:
                self._async_task = None
        else:
            self._in_function = True
            try:
                if self._stopped:
                    raise asyncio.CancelledError
                value = context.run(task.func, **arguments)
            finally:
                self._in_function = False
                if self._is_copy:
                    self._end_copy()
        prepared = interface.prepare_outputs_nowait(value)
        if prepared is None:
            prepared = self._until_done(interface.prepare_outputs(value))
        check_inline_size(task.name, start.max_inline_io_bytes, "output", prepared.serialized)
        return run.keep(prepared.serialized)

    def _until_done(self, awaitable: Any) -> Any:
        return self._loop.run_until_complete(awaitable)

    async def _awaited(self, steps: Awaitable[T]) -> T:
        """A coroutine, which is what asyncio makes a task of since Python 3.12; a generator it refuses."""
        try:
            return await steps
        finally:
            if self._is_copy:
                self._end_copy()

    def _become_copy(self) -> None:
        """The task has called `os.fork`, and this is the new process."""
        self._is_copy = True
        self._send = refuse
        self._output.begin_anew(write_past)

    def _end_copy(self) -> None:
        self._output.flush(rest=True)
        end_copy()

    def _task_of(self, key: str) -> Task[Any, Any]:
        task = self._tasks.get(key)
        if task is None:
            task = self._tasks[key] = _loaded(self._codes[key])
            while len(self._tasks) > MOST_TASKS_KEPT:
                self._tasks.popitem(last=False)
        else:
            self._tasks.move_to_end(key)
        return task

    def _store_of(self, setup: say.Setup) -> Store:
        if self._store is None or self._store.root != setup.store:
            self._store = open_store(setup.store)
        return self._store

    def _end_leftovers(self) -> None:
        """Stop what the task left running on the loop, whose last words are the attempt's, and its alarm."""
        signal.setitimer(signal.ITIMER_REAL, 0)
        left = asyncio.all_tasks(self._loop)
        if left:
            for task in left:
                task.cancel()
            _, left = self._until_done(asyncio.wait(left, timeout=LEFTOVERS_S))
            self._is_spent = self._is_spent or bool(left)


def _loaded(code: say.Code | say.Source) -> Task[Any, Any]:
    if isinstance(code, say.Code):
        loaded: Task[Any, Any] = load_snapshot(code.payload, is_borrowed=True)
        return loaded
    import_code(code.folder, code.modules, compat=code.compat)
    return task_in_code(code.task)


def _secrets(names: list[dict[str, str]]) -> dict[str, str]:
    """Values of secrets by the variables that hold them; they are known to this process and no other."""
    from ..._journal.home import Home, default_home

    keep_secrets_in(Home(default_home()).secrets_path)
    return {secret.environment_variable: resolve_secret(secret) for secret in (Secret(**one) for one in names)}


def _end_with(error: BaseException) -> say.Raised | say.Cancelled:
    if isinstance(error, asyncio.CancelledError):
        return say.Cancelled()
    return say.Raised(carry(error))


def _settle(future: asyncio.Future[say.ToWorker], reply: say.ToWorker) -> None:
    if not future.done():
        future.set_result(reply)


def _is_inside_engine(frame: FrameType | None) -> bool:
    """Whether the user's code has called this package, or asyncio, and an exception would break more than the task."""
    while frame is not None and frame.f_code is not Worker._outputs.__code__:
        top = str(frame.f_globals.get("__name__", "")).partition(".")[0]
        if top in ("flyte_nb", "asyncio", "selectors"):
            return True
        frame = frame.f_back
    return False
