"""What code in a worker takes for its action and its run: they answer from what came along, or ask the kernel."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol

import cloudpickle

from ..._code.digest import code_digest
from ..._code.snapshot import take_snapshot
from ..._engine.branches import waits_itself
from ..._engine.failure import received
from ..._engine.keeping import kept_literals, kept_text
from ..._engine.naming import CallCounts
from ..._engine.refusals import refusal_in_trace
from ..._engine.run_options import RunOptions
from ..._engine.scope import Scope
from ..._public import public
from ...errors import BaseRuntimeError, CodeBundleError
from ...models.events import AnyEvent, LogLine, PromptAsked, StoredLiterals, StoredText
from ...storage import Store
from ...types.interface import REFUSED
from . import messages as say

if TYPE_CHECKING:
    from ..._engine.logs import ActionLog
    from ..._engine.reporting import Report
    from ..._task.task import Task


class Kernel(Protocol):
    """The worker's way to the kernel."""

    def tell(self, message: say.FromWorker) -> None:
        """Say something that gets no reply. Any thread may call it."""

    async def ask(self, make: Callable[[int], say.FromWorker]) -> say.ToWorker:
        """Say what `make` makes of a number, and wait for the reply. Cancelling it withdraws the question."""

    def waiting_loop(self) -> asyncio.AbstractEventLoop:
        """The loop on which blocking calls have their coroutines run."""


class _Events:
    """Sends what is appended to the kernel's journal."""

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel

    def append(self, event: AnyEvent) -> None:
        self._kernel.tell(say.Recorded(event))  # type: ignore[arg-type]  # the only ones that code makes

    def append_line(self, line: LogLine) -> None:
        self._kernel.tell(say.Printed(line.stream, line.text))


class _Traces:
    """Traces that an earlier try of the run had finished under this action."""

    def __init__(self, found: dict[str, StoredLiterals], *, from_other_run: bool) -> None:
        self._found = found
        self.from_other_run = from_other_run

    def trace(self, action: str, key: str) -> StoredLiterals | None:
        return self._found.get(key)


class AskedQuestion:
    """A question to a person that the kernel has asked.

    Attributes
    ----------
    asked : PromptAsked
    page : str
        Address of the form.
    programs : str
        Root of the addresses that take answers of programs.
    """

    def __init__(self, asked: PromptAsked, page: str, programs: str) -> None:
        self.asked = asked
        self.page = page
        self.programs = programs


class WorkerRun:
    """The run, as code in a worker sees it; see `flyte_nb._engine.caller.CallersRun`."""

    def __init__(self, kernel: Kernel, setup: say.Setup, store: Store, traces: dict[str, StoredLiterals]) -> None:
        self._kernel = kernel
        self.name: str = setup.run
        self.started_at: float = setup.started_at
        self._setup = setup
        self.store = store
        self.log: _Events = _Events(kernel)
        self.finished: _Traces = _Traces(traces, from_other_run=setup.from_other_run)
        self.stepping: Any = None
        self.dirty_logs: set[ActionLog] = set()

    @cached_property
    def options(self) -> RunOptions:
        """What the run was started with, so far as its code may ask."""
        setup = self._setup
        return RunOptions(
            mode=setup.mode or None,
            version=setup.version,
            project=setup.project,
            domain=setup.domain,
            org=setup.org,
            raw_data_path=setup.raw_data_path,
        )

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The loop on which blocking calls have their coroutines run."""
        return self._kernel.waiting_loop()

    def reading(self) -> AbstractContextManager[None]:
        """See `CallersRun`; nobody looks here for who holds a loop."""
        return nullcontext()

    def keep(self, serialized: bytes) -> StoredLiterals:
        """Serialized literals as an event holds them."""
        return kept_literals(serialized, self.store)

    def keep_text(self, text: str) -> StoredText:
        """A piece of HTML as an event holds it."""
        return kept_text(text, self.store)

    def fetch(self, kept: StoredLiterals) -> bytes:
        """The bytes that `keep` put away."""
        if kept.inline is not None:
            return kept.inline
        return self.store.get_nowait(kept.uri, checksum=kept.checksum)

    @public
    @waits_itself
    async def submit(self, scope: Scope, task: Task[Any, Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Have the kernel call `task` below this action; gives what it returns."""
        if scope.trace:
            raise refusal_in_trace(scope, task)
        interface = task.interface
        arguments = interface.bind(args, kwargs)
        prepared = interface.prepare_inputs_nowait(arguments)
        if prepared is None:
            prepared = await interface.prepare_inputs(arguments)
        inputs = self.keep(prepared.serialized)
        options, code_of = (_options_as_data, _reference_to) if self._setup.deployed else (_pickled_options, _code_of)
        digest = task.carried_digest or code_digest(task.func)
        changed = b"" if task.declared is task else options(task)

        def call(code: bytes) -> Callable[[int], say.FromWorker]:
            return lambda number: say.Call(
                number,
                task.identity,
                changed,
                code,
                inputs,
                prepared.digest,
                scope.group,
                scope.custom_context,
                digest,
            )

        reply = await self._kernel.ask(call(b""))
        if isinstance(reply, say.CodeWanted):
            reply = await self._kernel.ask(call(code_of(task)))
        if isinstance(reply, say.Answered):
            serialized = self.fetch(reply.outputs)
            value = interface.read_outputs_nowait(serialized)
            return await interface.read_outputs(serialized) if value is REFUSED else value
        raise _error_in(reply)

    async def commit(self) -> None:
        """Wait until what was recorded is durable."""
        reply = await self._kernel.ask(say.Commit)
        if not isinstance(reply, say.Done):
            raise _error_in(reply)

    async def ask(self, action: Any, name: str, data_type: str, prompt: str, timeout_s: float) -> AskedQuestion:
        """Have the kernel ask a person."""
        reply = await self._kernel.ask(lambda number: say.Ask(number, name, data_type, prompt, timeout_s))
        if isinstance(reply, say.Posed):
            return AskedQuestion(reply.asked, reply.page, reply.programs)
        raise _error_in(reply)

    async def wait_for_answer(self, action: Any, question: AskedQuestion) -> Any:
        """The answer, or `TimeoutError`."""
        reply = await self._kernel.ask(lambda number: say.AwaitAnswer(number, question.asked.prompt_id))
        if isinstance(reply, say.Done):
            return json.loads(reply.text)
        error = _error_in(reply)
        raise error.__cause__ if isinstance(error.__cause__, TimeoutError) else error


class WorkerAction:
    """The action, as its code in a worker sees it; see `flyte_nb._engine.caller.Caller`."""

    def __init__(self, run: WorkerRun, start: say.Start) -> None:
        self.run = run
        self.name: str = start.action
        self.known_as: str = start.known_as
        self.attempt: int = start.attempt
        self.may_repeat: bool = start.may_repeat
        self.results: dict[str, StoredLiterals] | None = dict(start.results)
        self.custom_context: dict[str, str] = start.custom_context
        self.closed: bool = False
        self.counts: CallCounts = {}
        self.environment: dict[str, str] | None = None
        self.stop_hard = False
        self.report: Report | None = None
        self.log: ActionLog | None = None
        self.seen_groups: set[str] | None = None

    def remember(self, name: str, outputs: StoredLiterals) -> None:
        """Nothing to do: the kernel remembers it for the next attempt."""


def _code_of(task: Task[Any, Any]) -> bytes:
    snapshot = take_snapshot(task.declared)
    if snapshot.payload is None:
        raise CodeBundleError(snapshot.problem)
    return snapshot.payload


def _pickled_options(task: Task[Any, Any]) -> bytes:
    data: bytes = cloudpickle.dumps(task.options)
    return data


def _options_as_data(task: Task[Any, Any]) -> bytes:
    from ..._registry.options import options_as_json

    return json.dumps(options_as_json(task.options)).encode()


def _reference_to(task: Task[Any, Any]) -> bytes:
    """Which deployed task it is, for the kernel to find: code of a deployment says no more than that."""
    from ..._registry.task import DeployedTask

    if not isinstance(task, DeployedTask):
        raise CodeBundleError(
            f"Task {task.name!r} was not deployed with the code that calls it. Deploy its environment too:"
            " depends_on=[...]; tasks that are made while a deployed task runs cannot be called there."
        )
    return json.dumps({"name": task.name, "version": task.version}).encode()


def _error_in(reply: say.ToWorker) -> BaseRuntimeError | asyncio.CancelledError:
    if isinstance(reply, say.Failed):
        return received(reply.error)
    return asyncio.CancelledError()
