"""A run while it lives in this process."""

from __future__ import annotations

import asyncio
import concurrent.futures
import logging
import math
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from .._code.data import each_read_once
from ..errors import BaseRuntimeError, JournalWriteError, RunTakenOverError, RuntimeSystemError
from ..models.events import ActionEnded, ActionQueued, ErrorRecord, RunEnded, StoredLiterals, StoredText
from ..models.phases import ActionPhase
from ..storage import Store, use_store
from ..types.interface import REFUSED
from .action import Action
from .ending import give_up
from .environment import Surroundings
from .failure import as_runtime_error, record_of
from .keeping import kept_literals, kept_text
from .machine import Stop, StopReason
from .naming import ROOT_ACTION
from .prompts import OpenPrompt, ask, outcome_at_end, wait_for_answer
from .run_options import RunOptions
from .scope import Scope
from .submission import perform, submit
from .ticks import TickCommits, commit
from .unread import UNREAD
from .used_code import UsedCode

if TYPE_CHECKING:
    from .._task.task import Task
    from ..models.events import AnyEvent
    from ..models.records import Request
    from ..types.interface import Interface, Prepared
    from .cached import CachedCalls
    from .capacity import Capacity
    from .controller import Controller
    from .finished import FinishedAction, FinishedWork
    from .logs import ActionLog
    from .plan import TaskPlan
    from .ports import EventLog, Journal
    from .service import Timer

logger = logging.getLogger("flyte_nb")

LONG_READING_S = 0.05


class LiveRun:
    """State that the actions of one run share.

    Attributes
    ----------
    live : dict
        Actions on their way, by name.
    left_behind : dict of str to dict
        What had succeeded below actions that did not, for another attempt of an action above them.
    prompts : dict
        Questions asked so far, by their identity.
    code : UsedCode
        Which tasks it uses.
    stepping : Action or None
        Whose code holds the loop right now.
    busy_until : float
        Until when, by the monotonic clock, a call held the loop to find out what its task uses; infinite meanwhile.
    settling : Lock
        Held while a request is taken and while the run ends: whatever comes after that is settled with its end.
    settled : set of int
        Requests whose outcome is queued, and perhaps not committed.
    done : concurrent.futures.Future
        Done once the end is committed; never carries the run's own failure, which is `error`.
    interrupted : bool
        A `KeyboardInterrupt` struck the code of one of its tasks.
    finished : FinishedWork or None
        Results of an earlier try, on resume.
    """

    def __init__(
        self,
        controller: Controller,
        log: EventLog,
        options: RunOptions,
        loop: asyncio.AbstractEventLoop,
        store: Store,
        finished: FinishedWork | None,
        capacity: Capacity | None,
        at_hand: dict[str, list[Task[Any, Any]]],
        generation: int,
        root: TaskPlan,
    ) -> None:
        self.controller = controller
        self.log = log
        self.name: str = log.name
        self.options = options
        self.loop = loop
        self.journal: Journal = controller.journal
        self.commits: TickCommits = TickCommits(loop, controller.journal, log)
        self.cached: CachedCalls = controller.cached
        self.store = store
        self.finished = finished
        self.capacity = capacity
        self.live: dict[str, Action] = {}
        self.left_behind: dict[str, dict[str, StoredLiterals]] = {}
        self.stepping: Action | None = None
        self.busy_until: float = 0.0
        self.started_at: float = time.time()
        self.done: concurrent.futures.Future[None] = concurrent.futures.Future()
        self.phase: ActionPhase = ActionPhase.RUNNING
        self.error: BaseRuntimeError | None = None
        self.values: Any = None
        self.prompts: dict[str, OpenPrompt] = {}
        self.settling: threading.Lock = threading.Lock()
        self.settled: set[int] = set()
        self.dirty_logs: set[ActionLog] = set()
        self.root_task: asyncio.Task[None] | None = None
        self.interface: Interface = root.interface
        self.code: UsedCode = UsedCode(log, at_hand, generation)
        self._plans: dict[Task[Any, Any], TaskPlan] = {}
        self.abort_message: str = ""
        self.interrupted = False
        self.called_by_name: dict[tuple[str, str, bytes], Task[Any, Any]] = {}
        self.surroundings: Surroundings = Surroundings.now()
        self.code.begin_with(root.declared, root.known)
        if root.task is root.declared:
            self._plans[root.task] = root
        log.when_lost = self.lose

    # code ---------------------------------------------------------------------------------------------------

    def plan_for(self, task: Task[Any, Any]) -> TaskPlan:
        """How this run uses `task`: as it was when the run started, even if its cell was run again since.

        What it reaches by name is what that means now, so there is another plan where a helper was edited.
        """
        plan = self._plans.get(task)
        if plan is not None and plan.known.names_hold():
            return plan
        with self.reading(), each_read_once():
            use = self.code.use_of(task.declared)
            if plan is None or plan.is_of_other_code(use):
                plan = self.controller.make_plan(task, use.task, self.options)
            plan.use(use)
        if task.declared is task:
            self._plans[task] = plan
        return plan

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Inside the block it is found out what a task or a trace uses: the time that takes is not the task's.

        Where that is next to none, the time of the task goes on: it may call one trace after the other in one step.
        """
        if asyncio._get_running_loop() is not self.loop:  # a thread, which holds up no loop
            yield
            return
        before, begun = self.busy_until, time.monotonic()
        self.busy_until = math.inf
        try:
            yield
        finally:
            ended = time.monotonic()
            self.busy_until = ended if ended - begun > LONG_READING_S else before

    # values -------------------------------------------------------------------------------------------------

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

    async def reuse(
        self, found: FinishedAction, plan: TaskPlan, name: str, parent: Action, scope: Scope, prepared: Prepared
    ) -> StoredLiterals:
        """Answer a call with the result of an earlier try."""
        if found.from_other_run:
            serialized = self.fetch(found.outputs)
            now = time.time()
            self.log.append(
                ActionQueued(
                    now,
                    name,
                    parent.name,
                    plan.name,
                    plan.short_name,
                    self.keep(prepared.serialized),
                    scope.group,
                    plan.code_digest,
                    custom_context=scope.custom_context if scope.custom_context is not parent.custom_context else None,
                )
            )
            self.log.append(ActionEnded(now, name, ActionPhase.RECOVERED, self.keep(serialized), None, None, "resume"))
            await parent.commits.committed()
        return found.outputs

    async def value_of(self, outputs: StoredLiterals, plan: TaskPlan) -> Any:
        """What a task returned, read anew."""
        serialized = self.fetch(outputs)
        value = plan.interface.read_outputs_nowait(serialized)
        return await plan.interface.read_outputs(serialized) if value is REFUSED else value

    # what its code asks --------------------------------------------------------------------------------------

    submit: Callable[..., Coroutine[Any, Any, Any]] = staticmethod(submit)
    give_up: Callable[[Action], None] = staticmethod(give_up)
    ask: Callable[[Action, str, str, str, float], Coroutine[Any, Any, OpenPrompt]] = staticmethod(ask)
    wait_for_answer: Callable[[Action, OpenPrompt], Coroutine[Any, Any, Any]] = staticmethod(wait_for_answer)

    async def commit(self) -> None:
        """Make durable what was appended, at once if that can be; errors as `ticks.commit`."""
        commits = self.commits_on(asyncio.get_running_loop())
        try:
            commit(self.journal, self.log)
        except JournalWriteError as error:
            if not error.is_held:
                raise
            await commits.committed()

    def commits_on(self, loop: asyncio.AbstractEventLoop) -> TickCommits:
        """Commits for an action that is awaited on `loop`."""
        return self.commits if loop is self.loop else TickCommits(loop, self.journal, self.log)

    # life ---------------------------------------------------------------------------------------------------

    async def main(self, plan: TaskPlan, prepared: Prepared) -> None:
        """Run the root action; the body of the run's own asyncio task."""
        with use_store(self.store):
            root = Action(self, plan, ROOT_ACTION, None, "", self.options.custom_context)
            self.live[ROOT_ACTION] = root
            if self.abort_message:
                root.machine.wish_stop(Stop(StopReason.ABORT, self.abort_message))
            phase, record = ActionPhase.SUCCEEDED, None
            try:
                outputs = self._outputs_of_root(plan)
                if outputs is None:
                    self.values = await perform(root, prepared)
                    outputs = root.kept_outputs
                else:
                    self.values = UNREAD
                if self.values is UNREAD and outputs is not None:
                    self.values = await self.value_of(outputs, plan)
            except asyncio.CancelledError:
                phase = ActionPhase.ABORTED
                record = ErrorRecord("Cancelled", "user", self.abort_message or "The run was cancelled.")
            except BaseException as error:
                self.error = as_runtime_error(error).with_traceback(None)  # its frames hold the task
                record = record_of(self.error)
                phase = _phase_of_failure(self.error, root.machine.stop)
        await self._finish(phase, record)

    def _outputs_of_root(self, plan: TaskPlan) -> StoredLiterals | None:
        """What the root gave in a try that was lost between the root's end and its own."""
        if self.finished is None or self.finished.from_other_run:
            return None
        found = self.finished.take(ROOT_ACTION, plan, self)
        return found.outputs if found is not None else None

    def abort(self, message: str, action: str = "") -> bool:
        """Stop the run, or one action of it; False if there is nothing to stop. Any thread may call it."""
        if action and action != ROOT_ACTION:
            found = self.live.get(action)
            if found is None:
                return False
            found.stop(Stop(StopReason.ABORT, message))
            return True
        if self.phase.is_terminal:
            return False
        self.abort_message = message
        root = self.live.get(ROOT_ACTION)
        if root is not None:
            root.stop(Stop(StopReason.ABORT, message))
        return True

    def lose(self, error: RunTakenOverError) -> None:
        """Somebody else drives the run from now on: nothing of it goes on here."""
        if not self.abort(str(error)) and self.done.done():
            logger.warning("%s", error)

    def call_after(self, delay_s: float, callback: Callable[[], None]) -> Timer:
        """A timer that runs even while user code holds the loop."""
        return self.controller.service.call_after(delay_s, callback)

    @property
    def lost(self) -> RunTakenOverError | None:
        """Why this process has nothing to say about the run any more."""
        return self.log.lost

    def raise_if_lost(self) -> None:
        """Raise `RunTakenOverError` if somebody else drives the run."""
        if self.lost is not None:
            raise self.lost.with_traceback(None)

    def settle(self, request: Request, outcome: str, event: AnyEvent | None = None) -> None:
        """Queue what became of `request`, with the event that tells of it; called with `settling` held."""
        self.log.settle(request.request_id, outcome, event)
        self.settled.add(request.request_id)

    def flush_logs(self) -> None:
        """Queue what actions have printed so far."""
        for log in tuple(self.dirty_logs):
            log.flush()

    @property
    def only_waits_for_journal(self) -> bool:
        """Whether none of its code runs any more, and another process keeps it from recording so."""
        root = self.live.get(ROOT_ACTION)
        return self.commits.is_held and (root.ended if root is not None else self.phase.is_terminal)

    async def _finish(self, phase: ActionPhase, record: ErrorRecord | None) -> None:
        with self.settling:
            self.phase = phase
        ended = RunEnded(time.time(), phase, record)
        try:
            self.log.append_end(ended, lambda request: outcome_at_end(self, request, phase))
            await self.commit()
        except RuntimeSystemError as error:
            self.phase = ActionPhase.FAILED
            self.error = error
        finally:
            if self.lost is not None:
                self.phase, self.error, self.values = ActionPhase.ABORTED, self.lost, None
                logger.warning("%s", self.lost)
            self.controller.forget(self)
            self.code.forget()
            self._plans.clear()
            self.called_by_name.clear()
            self.done.set_result(None)


def _phase_of_failure(error: BaseRuntimeError, stop: Stop | None) -> ActionPhase:
    """Phase of a run whose root was ended by `error`; what stopped a call below is a failure of the root's."""
    if stop is None:
        return ActionPhase.FAILED
    if stop.reason is StopReason.ABORT:
        return ActionPhase.ABORTED if error.code == "ActionAbortedError" else ActionPhase.FAILED
    return ActionPhase.TIMED_OUT if error.code == "TaskTimeoutError" else ActionPhase.FAILED
