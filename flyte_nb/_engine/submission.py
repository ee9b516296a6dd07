"""The way of a call: name it, look it up, record it, place it, run it, record its end, answer.

`submit` is awaited by the caller, on the caller's loop. An async task runs right there; nothing else is
created for it, but that where calls nest deep, some begin on a stack of their own, an asyncio task's.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

from .._public import hand_over
from ..errors import (
    ActionAbortedError,
    BaseRuntimeError,
    OnlyAsyncIOSupportedError,
    RuntimeSystemError,
    TaskTimeoutError,
)
from ..models.events import (
    ActionQueued,
    AttemptFailed,
    AttemptStarted,
    ErrorRecord,
    StoredLiterals,
)
from ..models.phases import ActionPhase
from ..types.interface import Prepared
from . import links
from .action import Action
from .branches import waits_itself
from .ending import let_go, record_end
from .failure import as_runtime_error, is_final, record_of
from .lending import give_back_all, lend_all, take_back
from .machine import FAILED, SUCCEEDED, Answer, End, Outcome, Retry, Stop
from .naming import child_name
from .refusals import check_inline_size, check_is_going_on, refusal_in_trace
from .stepping import own_task
from .time_limits import lift_limits, set_limit
from .unread import UNREAD

if TYPE_CHECKING:
    from .._task.task import Task
    from .plan import TaskPlan
    from .scope import Scope

Early = tuple[End, StoredLiterals | None, BaseException | None]
"""What ends an action before its code runs, its outputs, and what was raised; as `_end` takes them."""

MOST_HELD_BYTES = 1024  # of a call that waits for room elsewhere; it takes four times as much by itself
DEPTH_OF_A_STACK = 16  # a call takes seven of the 1,000 frames that Python allows, and the user's code its own


@waits_itself
async def submit(scope: Scope, task: Task[Any, Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Call `task` from `scope` and return what it returns.

    Raises
    ------
    RuntimeUserError
        What the task raised, or one of its subclasses for a timeout, an abort, an unfit value.
    asyncio.CancelledError
        If the awaiting task was cancelled.
    """
    parent: Action = scope.action  # type: ignore[assignment]  # in this process a caller is an action
    run = parent.run
    try:
        _check_may_call(scope, task)
        plan = run.plan_for(task)
        arguments = plan.interface.bind(args, kwargs)
        prepared = plan.interface.prepare_inputs_nowait(arguments)
        if prepared is None:
            prepared = await plan.interface.prepare_inputs(arguments)
        answer = _answer(scope, plan, prepared)
        has_own_stack = parent.depth % DEPTH_OF_A_STACK == DEPTH_OF_A_STACK - 1
        kept, value = await own_task(answer) if has_own_stack else await answer
        return await run.value_of(kept, plan) if value is UNREAD else value
    except Exception as error:
        hand_over(error)
        raise


async def submit_stored(scope: Scope, task: Task[Any, Any], inputs: StoredLiterals, digest: bytes) -> StoredLiterals:
    """As `submit`, for a caller in another process: inputs and outputs as they are stored.

    Parameters
    ----------
    digest : bytes
        Of the inputs, as `Prepared` has it.
    """
    parent: Action = scope.action  # type: ignore[assignment]
    _check_may_call(scope, task)
    plan = parent.run.plan_for(task)
    kept, _ = await _answer(scope, plan, Prepared(parent.run.fetch(inputs), digest, None))
    return kept


async def _answer(scope: Scope, plan: TaskPlan, prepared: Prepared) -> tuple[StoredLiterals, Any]:
    """What a call gives, as it is stored, and the value where somebody has it at hand."""
    parent: Action = scope.action  # type: ignore[assignment]
    run = parent.run
    if scope.is_over:  # again: inputs may take long to be stored
        check_is_going_on(scope, f"Task {plan.name!r}")
    name = child_name(parent.known_as, scope.kind_of_call(plan.kind), prepared.digest, parent.counts)
    remembered = f"{name} {plan.code_digest}"
    if parent.results is not None and remembered in parent.results:
        return parent.results[remembered], UNREAD
    if run.finished is not None:
        found = run.finished.take(name, plan, run)
        if found is not None:
            return await run.reuse(found, plan, name, parent, scope, prepared), UNREAD
    action = Action(run, plan, name, parent, scope.group, scope.custom_context)
    parent.adopt(action)
    if parent.places:
        lend_all(parent)
    try:
        try:
            value = await perform(action, prepared)
        finally:
            parent.release(action)
            if action.results is not None and action.kept_outputs is None and parent.may_repeat:
                run.left_behind[name] = action.results
    except Exception:
        if parent.lent is not None:
            await take_back(parent)
        raise
    kept = action.kept_outputs
    if kept is None:
        raise RuntimeSystemError("NoOutputs", f"Task {plan.name!r} succeeded and its outputs are missing.")
    if parent.may_repeat and not action.code_changed:
        parent.remember(remembered, kept)
    if parent.lent is not None:
        await take_back(parent)
    return kept, value


async def perform(action: Action, prepared: Prepared) -> Any:
    """Run `action` from its first event to its last."""
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        raise OnlyAsyncIOSupportedError(
            f"Task {action.plan.name!r} was awaited on an event loop that is not asyncio's. Await tasks under"
            " asyncio, or under anyio with its asyncio back-end."
        ) from None
    run, plan = action.run, action.plan
    action.live_on(loop)
    run.live[action.name] = action
    try:
        waits = run.capacity is not None or plan.backend.capacity is not None or plan.cache is not None
        _record_queued(action, prepared.serialized, running=not waits)
        if plan.timeout is not None:
            set_limit(action, "deadline", plan.timeout.deadline_s)
        if waits:
            early = await _wait_to_start(action, prepared)
            if early is not None:
                return await _end(action, *early)
        value = await _attempts(action, prepared)
        if action.looked_up is not None and action.looked_up.keeps and action.kept_outputs is not None:
            run.cached.keep(action, action.looked_up)
        return value
    except GeneratorExit:
        if not action.ended:
            record_end(action, ActionPhase.ABORTED, None, ErrorRecord("Abandoned", "user", "It did not stop in time."))
        raise
    finally:
        action.ended = True
        let_go(action)


async def _wait_to_start(action: Action, prepared: Prepared) -> Early | None:
    """Look the call up, wait for room, and record that the first attempt runs; or what ends the action before."""
    run, plan, machine = action.run, action.plan, action.machine
    if plan.timeout is not None:
        set_limit(action, "max_queued_time", plan.timeout.max_queued_time_s)
    try:
        if plan.cache is not None:
            action.looked_up = await run.cached.look_up(action, prepared)
            if action.looked_up.outputs is not None:
                return SUCCEEDED if machine.stop is None else machine.gave_up(), action.looked_up.outputs, None
        if plan.by_reference:
            prepared.let_go()  # very many calls may wait for room, and it is `stored_inputs` that travel
        await _begin_attempt(action)
    except asyncio.CancelledError:
        return machine.gave_up(), None, None
    except Exception as error:
        return FAILED, None, error
    lift_limits(action, "max_queued_time")
    return None


async def _attempts(action: Action, prepared: Prepared) -> Any:
    run, plan, machine = action.run, action.plan, action.machine
    arguments: dict[str, Any] | None = prepared.values
    timeout = plan.timeout
    while True:
        raised: BaseException | None = None
        outputs: Prepared | StoredLiterals | None = None
        try:
            if timeout is not None:
                set_limit(action, "max_runtime", timeout.max_runtime_s)
            if plan.by_reference:
                outputs = await plan.backend.run(action, action.stored_inputs)
            else:
                if arguments is None:
                    arguments = await plan.interface.read_inputs(prepared.serialized)
                value = await plan.backend.run(action, arguments)
                outputs = plan.interface.prepare_outputs_nowait(value)
                if outputs is None:
                    outputs = await plan.interface.prepare_outputs(value)
                check_inline_size(plan.name, plan.max_inline_io_bytes, "output", outputs.serialized)
            outcome = Outcome.RETURNED
        except asyncio.CancelledError as error:
            if action.is_cancelled:
                outcome = Outcome.CANCELLED
            else:
                raised, outcome = error, Outcome.RAISED
        except GeneratorExit:
            raise
        except KeyboardInterrupt as interrupt:
            raised, outcome = interrupt, Outcome.RAISED_FOR_GOOD
            run.interrupted = True
            run.abort("The run was interrupted.")
        except BaseException as error:
            raised, outcome = error, Outcome.RAISED_FOR_GOOD if is_final(error) else Outcome.RAISED
        arguments = None
        lift_limits(action, "max_runtime")
        decision = machine.attempt_ended(outcome)
        if isinstance(decision, End):
            return await _end(action, decision, outputs, raised)
        early = await _wait_for_retry(action, decision, raised)
        if early is not None:
            return await _end(action, *early)


async def _begin_attempt(action: Action) -> None:
    run, plan = action.run, action.plan
    if run.capacity is not None:
        await run.capacity.take(action)
    if plan.backend.capacity is not None:
        await plan.backend.capacity.take(action)
    run.log.append(AttemptStarted(time.time(), action.name, action.attempt))
    _commit_beginning(action)


async def _wait_for_retry(action: Action, decision: Retry, raised: BaseException | None) -> Early | None:
    """Clear up after an attempt, and begin another when it is time; or what ends the action before."""
    failed = _failure(action, decision.answer, raised, decision.stop)
    try:
        if action.stop_requested:
            await action.absorb_cancels()
        await action.settle_children()
        action.forgive()
        if action.log is not None:
            action.log.end_attempt()
        if action.places or action.lent is not None:
            give_back_all(action)
        failure = AttemptFailed(time.time(), action.name, decision.attempt - 1, record_of(failed), decision.delay_s)
        action.run.log.append(failure)
        action.commits.soon()
        if decision.delay_s:
            await asyncio.sleep(decision.delay_s)
        await _begin_attempt(action)
    except asyncio.CancelledError:
        return action.machine.gave_up(), None, None
    except Exception as gone:
        return FAILED, None, gone
    return None


async def _end(
    action: Action,
    end: End,
    outputs: Prepared | StoredLiterals | None,
    raised: BaseException | None,
) -> Any:
    action.closed = True
    lift_limits(action)
    cancelled = end.answer is Answer.CANCELLATION
    try:
        await action.settle_children()
    except asyncio.CancelledError:
        cancelled = True
    failed: BaseRuntimeError | None = None
    if end.answer is not Answer.VALUE and end.answer is not Answer.CANCELLATION:
        failed = _failure(action, end.answer, raised, action.machine.stop)
    kept: StoredLiterals | None = None
    if end.answer is Answer.VALUE and outputs is not None:
        try:
            kept = outputs if isinstance(outputs, StoredLiterals) else action.run.keep(outputs.serialized)
            action.kept_outputs = kept
        except Exception as broken:
            failed = as_runtime_error(broken)
            end = FAILED
    record = record_of(failed) if failed is not None else None
    if end.answer is Answer.CANCELLATION:
        stop = action.machine.stop
        record = ErrorRecord("Cancelled", "user", stop.message if stop else "Its caller cancelled it.")
    record_end(action, end.phase, kept, record)
    if action.places or action.lent is not None:
        give_back_all(action)  # whoever is next begins while this end is committed
    if not (action.plan.by_reference and action.commits.committed_at_once()):
        await action.commits.committed()
    if cancelled and end.answer is not Answer.ABORTED_ERROR:
        raise asyncio.CancelledError
    if action.stop_requested:
        await action.absorb_cancels()
    if failed is not None:
        raise failed
    return outputs.values if isinstance(outputs, Prepared) else UNREAD


def _record_queued(action: Action, serialized: bytes, *, running: bool) -> None:
    run, plan = action.run, action.plan
    check_inline_size(plan.name, plan.max_inline_io_bytes, "input", serialized)
    parent = action.parent
    context = action.custom_context
    kept = run.keep(serialized)
    if plan.by_reference and len(kept.inline or b"") <= MOST_HELD_BYTES:
        action.held_inputs = kept
    action.queued_number = run.log.append_numbered(
        ActionQueued(
            time.time(),
            action.name,
            parent.name if parent is not None else "",
            plan.name,
            plan.short_name,
            kept,
            action.group,
            plan.code_digest,
            running,
            plan.backend.name,
            plan.max_attempts,
            plan.report,
            plan.cache.behavior if plan.cache is not None else "",
            plan.resources,
            None if parent is not None and context is parent.scope.custom_context else context,
            plan.options,
        )
    )
    _commit_beginning(action)
    if plan.links:
        links.record_links(action)


def _commit_beginning(action: Action) -> None:
    """That something begins need not be durable at once. Elsewhere than on a loop, its end comes with another tick; the
    service thread commits what waits for long.
    """
    if not action.plan.by_reference or action.parent is None:
        action.commits.soon()
    action.commits.relieve()


def _check_may_call(scope: Scope, task: Task[Any, Any]) -> None:
    if scope.trace:
        raise refusal_in_trace(scope, task)
    if scope.is_over:
        check_is_going_on(scope, f"Task {task.name!r}")


def _failure(action: Action, answer: Answer, raised: BaseException | None, stop: Stop | None) -> BaseRuntimeError:
    """The error of an action, or of an attempt of it, that came to `answer`, an error; its code may have raised one."""
    if answer is Answer.TIMEOUT_ERROR:
        return TaskTimeoutError(f"Task {action.plan.name!r} exceeded its {stop.message if stop else 'timeout'}.")
    if answer is Answer.ERROR and raised is not None:
        return as_runtime_error(raised)
    return ActionAbortedError(stop.message if stop else "The action was aborted.")
