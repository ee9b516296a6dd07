"""The kernel's end of one attempt at a worker: start it, answer what it asks, stop it, and say how it ended."""

from __future__ import annotations

import asyncio
import contextvars
import logging
import sys
import time
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, Protocol

from ..._code.pickling import unpickled
from ..._code.snapshot import load_snapshot
from ..._engine.action import GRACE_S, Action
from ..._engine.failure import carry, received
from ..._engine.form_address import form_addresses
from ..._engine.interrupts import kernel_is_ending
from ..._engine.logs import log_of
from ..._engine.prompts import answer_text, ask
from ..._engine.stepping import own_task
from ..._engine.submission import submit_stored
from ..._task.invocation import active_invoker
from ..._task.task import Task
from ...errors import RuntimeSystemError, TaskInterruptedError
from ...models.events import ErrorRecord, GroupOpened, StoredLiterals, TraceEnded
from . import messages as say
from .kept import Known
from .surroundings import setup_of

LAST_LINES = 30
LAST_CHARACTERS = 6_000


class WorkerLost(Exception):
    """A worker is gone. The text ends a sentence that starts with 'its worker process'."""


class WorkerStale(Exception):
    """The worker is not fit for the attempt, and has not begun; take a fresh one."""


class Link(Protocol):
    """Carries messages to one worker and back; what a transport must provide.

    Messages arrive whole and in order. All methods are called on the loop that runs when `open` is called, and
    `receive` and `lost` must be called on that loop.

    Attributes
    ----------
    known : Known
        What the worker has been told and keeps. Empty for a new worker.
    """

    known: Known

    def open(self, receive: Callable[[say.FromWorker], None], lost: Callable[[Exception], None]) -> None:
        """Deliver what the worker says to `receive` until `release`; `lost`, once, if the worker is gone.

        The error says why it is gone: `WorkerLost` for a signal, an exit code, a connection; anything else, such as
        `OOMError`, is raised in the parent as it is.
        """

    def send(self, message: say.ToWorker) -> None:
        """Have `message` delivered; never blocks, and does nothing once the worker is lost."""

    def kill(self) -> None:
        """End the worker at once, with the processes it started; `lost` need not follow."""

    def release(self, clean: bool) -> None:
        """The attempt is over. Where `clean` is false the worker has not said so, and must not serve another one."""


async def converse(
    action: Action,
    inputs: StoredLiterals,
    link: Link,
    conversation_with: Callable[[Action, Link], Conversation] | None = None,
) -> StoredLiterals:
    """Run one attempt of `action` at the other end of `link`.

    Raises
    ------
    BaseRuntimeError
        What the task raised; or what `link` says about a lost worker.
    WorkerStale
        If nothing has begun because the worker is not fit for it; to be tried again with a fresh one.
    asyncio.CancelledError
        If the awaiting task was cancelled: the attempt has been stopped, politely for `GRACE_S` seconds.
    """
    conversation = (conversation_with or Conversation)(action, link)
    link.open(conversation.receive, conversation.lose)
    try:
        conversation.start(inputs)
        try:
            await conversation.ended()
        except asyncio.CancelledError:
            await conversation.stop()
            if not conversation.has_raised:
                raise  # what it made of the end of its calls is no result, and a lost worker is stopped too
        return conversation.outcome()
    finally:
        conversation.close()


def begin(
    link: Link,
    start: say.Start,
    run: str,
    setup: Callable[[], say.Setup],
    code: Callable[[], say.Code | say.Source],
) -> None:
    """Tell a worker what to do, and before that what it does not know of the run, known to the sender as `run`."""
    known = link.known
    if not known.runs.use(run):
        link.send(setup())
        known.runs.keep(run, None)
    if not known.tasks.use(start.code):
        link.send(code())
        known.tasks.keep(start.code, None)
    link.send(start)


def start_of(action: Action, inputs: StoredLiterals, secrets: Sequence[dict[str, str]] = ()) -> say.Start:
    """What a worker is told to do for the next attempt of `action`; it looks up `secrets` itself."""
    run, plan = action.run, action.plan
    traces = run.finished.traces_of(action.name) if run.finished is not None else {}
    return say.Start(
        run.name,
        action.name,
        plan.code.key,
        inputs,
        action.attempt,
        action.may_repeat,
        plan.max_inline_io_bytes,
        action.environment or {},
        action.scope.custom_context,
        action.results or {},
        traces,
        list(secrets),
        action.known_as,
    )


class Conversation:
    """One attempt; see `converse`."""

    def __init__(self, action: Action, link: Link) -> None:
        self._action = action
        self._run = action.run
        self._link = link
        self._loop = asyncio.get_running_loop()
        self._context = contextvars.copy_context()
        self._scope = action.scope
        self._context.run(active_invoker.set, self._scope)
        self._end: say.Returned | say.Raised | say.Cancelled | say.Stale | BaseException | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._asked: dict[int, asyncio.Task[None]] = {}
        self._closed = False
        self._last = ""

    # life ---------------------------------------------------------------------------------------------------

    def start(self, inputs: StoredLiterals) -> None:
        """Tell the worker what to do, and before that what it does not know yet."""
        action = self._action
        begin(self._link, start_of(action, inputs, self.secrets()), self._run.name, self.setup, self.code)

    def setup(self) -> say.Setup:
        """The run, as the worker must know it."""
        return setup_of(self._run)

    def code(self) -> say.Code | say.Source:
        """The task, as the worker must know it."""
        key, payload, *_ = self._action.plan.code
        return say.Code(key, payload)

    def secrets(self) -> list[dict[str, str]]:
        """Secrets that the worker looks up itself."""
        return []

    async def ended(self) -> None:
        """Wait for the end of the attempt."""
        if self._end is None:
            self._waiter = self._loop.create_future()
            await self._waiter

    async def stop(self) -> None:
        """Stop the attempt: politely first, and its process when the time of grace is over."""
        self._link.send(say.Stop())
        self._action.stop_children("Their parent was stopped.")
        try:
            async with asyncio.timeout(GRACE_S):
                await self.ended()
        except (TimeoutError, asyncio.CancelledError):
            self._end = asyncio.CancelledError()
            self._link.kill()

    @property
    def has_raised(self) -> bool:
        """Whether the task has ended with an error of its own."""
        return isinstance(self._end, say.Raised)

    def outcome(self) -> StoredLiterals:
        """What the attempt gave; its error is raised."""
        end = self._end
        if isinstance(end, say.Returned):
            return end.outputs
        if isinstance(end, say.Raised):
            raise self.error_of(end.error)
        if isinstance(end, say.Stale):
            raise WorkerStale
        raise end if isinstance(end, BaseException) else asyncio.CancelledError

    def error_of(self, record: ErrorRecord) -> Exception:
        """The error that the worker tells of."""
        return received(record)

    def close(self) -> None:
        """Nothing more is answered; calls below the action are left to it."""
        self._closed = True
        for task in self._asked.values():
            if task.get_name() != _CALL:
                task.cancel()
        self._link.release(isinstance(self._end, say.ENDS))

    # what the worker says -----------------------------------------------------------------------------------

    def receive(self, message: say.FromWorker) -> None:
        """Take up what the worker said."""
        if isinstance(message, say.ENDS):
            self._settle(message)
        elif isinstance(message, say.Printed):
            self.show(message.stream, message.text)
        elif isinstance(message, say.Withheld):
            self._last = message.last
            log_of(self._action).leave_out(message.characters)
        elif isinstance(message, say.Logged):
            self._context.run(_log, message)
        elif isinstance(message, say.Recorded):
            self._record(message.event)
        elif isinstance(message, say.Call):
            self._begin(message.number, self._call(message), _CALL)
        elif isinstance(message, say.Withdraw):
            asked = self._asked.get(message.number)
            if asked is not None:
                asked.cancel()
        elif isinstance(message, say.Commit):
            self._begin(message.number, self._commit(message.number))
        elif isinstance(message, say.Ask):
            self._begin(message.number, self._ask(message))
        elif isinstance(message, say.AwaitAnswer):
            self._begin(message.number, self._await_answer(message))
        else:
            self._settle(message)

    def lose(self, error: Exception) -> None:
        """The worker is gone."""
        if kernel_is_ending():
            return  # nobody has failed: the run is interrupted, and is to be resumed
        if isinstance(error, WorkerLost):
            last = self._last.splitlines()[-LAST_LINES:]
            said = "It had printed nothing." if not last else "Its last lines:\n" + "\n".join(last)
            error = TaskInterruptedError(f"Task {self._action.plan.name!r}: its worker process {error}. {said}")
        self._settle(error)

    def show(self, stream: str, text: str) -> None:
        """Have `text` recorded with the action and shown where its prints would be."""
        self._last = (self._last + text[-LAST_CHARACTERS:])[-LAST_CHARACTERS:]
        self._context.run(_write, stream, text)

    def _settle(self, end: say.Returned | say.Raised | say.Cancelled | say.Stale | Exception) -> None:
        if self._end is None:
            self._end = end
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def _reply(self, message: say.ToWorker) -> None:
        if not self._closed:
            self._link.send(message)

    def _record(self, event: Any) -> None:
        action = self._action
        if event.action != action.name:
            self._settle(RuntimeSystemError("WorkerError", f"A worker recorded {event.action!r} as {action.name!r}."))
            return
        if isinstance(event, GroupOpened):
            if action.seen_groups is None:
                action.seen_groups = set()
            if event.group in action.seen_groups:
                return
            action.seen_groups.add(event.group)
        elif isinstance(event, TraceEnded) and event.outputs is not None and action.may_repeat:
            action.remember(event.key, event.outputs)
        self._run.log.append(event)
        action.commits.soon()

    async def _commit(self, number: int) -> say.ToWorker:
        await self._run.commit()
        return say.Done(number)

    def _begin(self, number: int, answering: Coroutine[Any, Any, say.ToWorker], name: str = "") -> None:
        task = own_task(self._answer(number, answering), self._context.copy(), name or "flyte_nb")
        self._asked[number] = task

    async def _answer(self, number: int, answering: Coroutine[Any, Any, say.ToWorker]) -> None:
        try:
            reply = await answering
        except asyncio.CancelledError:
            reply = say.Withdrawn(number)
        except BaseException as error:
            reply = say.Failed(number, carry(error))
        finally:
            self._asked.pop(number, None)
        self._reply(reply)

    async def _call(self, call: say.Call) -> say.ToWorker:
        task = await self.task_of(call)
        if task is None:
            return say.CodeWanted(call.number)
        scope = self._scope.in_group(call.group)
        if call.custom_context != scope.custom_context:
            scope = scope.with_context(call.custom_context)
        return say.Answered(call.number, await submit_stored(scope, task, call.inputs, call.digest))

    async def task_of(self, call: say.Call) -> Task[Any, Any] | None:
        """The task that the worker calls; None if the kernel needs its code."""
        run = self._run
        key = (call.task, call.code_digest, call.options)
        found = run.called_by_name.get(key)
        if found is not None:
            return found
        task = run.code.task_named(call.task, call.code_digest)
        if task is None:
            if not call.code:
                return None
            task = load_snapshot(call.code, is_borrowed=True)
        if call.options:
            task = task.with_options(unpickled(call.options))
        run.called_by_name[key] = task
        return task

    async def _ask(self, question: say.Ask) -> say.ToWorker:
        opened = await ask(self._action, question.name, question.data_type, question.prompt, question.timeout_s)
        page, programs = form_addresses(self._run.name, opened.asked.prompt_id)
        return say.Posed(question.number, opened.asked, page, programs)

    async def _await_answer(self, wanted: say.AwaitAnswer) -> say.ToWorker:
        opened = self._run.prompts[wanted.prompt_id]
        return say.Done(wanted.number, await answer_text(self._action, opened))


_CALL = "flyte_nb-call"


def _write(stream: str, text: str) -> None:
    target = sys.stderr if stream == "stderr" else sys.stdout
    if target is not None:
        target.write(text)


def _log(message: say.Logged) -> None:
    logger = logging.getLogger(message.logger)
    if logger.isEnabledFor(message.level):
        record = logger.makeRecord(message.logger, message.level, "(worker)", 0, message.text, (), None)
        record.created = time.time()
        logger.handle(record)
