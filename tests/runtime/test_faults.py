"""What parents see when children fail, are retried, or take too long."""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import sqlite3
import threading
import traceback
from pathlib import Path

import pytest

import flyte_nb as flyte
from flyte_nb import errors
from flyte_nb.remote import Action, Run
from tests.timers import Timers

env = flyte.TaskEnvironment("faults")


class OurError(Exception):
    pass


@env.task
async def fails(text: str = "boom") -> int:
    raise OurError(text)


def test_a_users_exception_reaches_the_parent_with_its_code_and_cause() -> None:
    seen: dict[str, object] = {}

    @env.task
    async def parent() -> int:
        try:
            return await fails()
        except errors.RuntimeUserError as error:
            seen.update(code=error.code, cause=error.__cause__, message=error.root_cause_message)
            return 5

    run = flyte.run(parent)

    assert run.outputs() == 5
    assert run.phase == flyte.ActionPhase.SUCCEEDED
    assert seen["code"] == "OurError"
    assert isinstance(seen["cause"], OurError)
    assert seen["message"] == "boom"


def test_outputs_raises_the_runs_failure_and_wait_does_not() -> None:
    run = flyte.run(fails, "no way")

    run.wait()
    assert run.phase == "failed"
    with pytest.raises(errors.RuntimeUserError, match="no way") as caught:
        run.outputs()
    assert caught.value.code == "OurError"
    with pytest.raises(errors.RuntimeUserError):
        run.raise_for_status()


def test_the_first_failure_is_the_child_with_the_users_traceback_whole_and_nothing_of_ours() -> None:
    @env.task
    async def deeper() -> int:
        return await fails("down here")

    @env.task
    async def parent() -> int:
        return await deeper()

    run = flyte.run(parent)
    run.wait()

    failure = run.first_failure()
    assert failure is not None
    assert failure.task_name == "faults.fails"
    assert failure.error_info is not None
    assert "raise OurError(text)" in failure.error_info.traceback
    assert "_engine" not in failure.error_info.traceback
    assert failure.error_info.traceback.rstrip().endswith("OurError: down here")


def test_what_outputs_raises_shows_the_callers_line_and_the_tasks_and_nothing_of_the_engine() -> None:
    @env.task
    async def broken() -> None:
        raise ValueError("boom")

    @env.task
    async def parent() -> None:
        await broken()

    run = flyte.run(parent)
    for _ in range(2):
        with pytest.raises(errors.RuntimeUserError) as raised:
            run.outputs()
        shown = "".join(traceback.format_exception(raised.value))
        assert 'raise ValueError("boom")' in shown
        assert "run.outputs()" in shown
        assert "/_engine/" not in shown and "/backends/" not in shown


def test_a_run_that_went_well_has_no_first_failure() -> None:
    @env.task
    async def fine() -> int:
        return 1

    run = flyte.run(fine)
    run.wait()
    assert run.first_failure() is None


def test_another_process_raises_the_same_error() -> None:
    run = flyte.run(fails)
    run.wait()

    with pytest.raises(errors.RuntimeUserError) as caught:
        Run.get(run.name).outputs()
    assert caught.value.code == "OurError"
    assert "raise OurError(text)" in "".join(caught.value.__notes__)


def test_a_failed_attempt_is_retried_and_both_are_recorded() -> None:
    calls = 0

    @env.task(retries=2)
    async def flaky() -> int:
        nonlocal calls
        calls += 1
        if calls == 1:
            raise OurError("first")
        return calls

    run = flyte.run(flaky)

    assert run.outputs() == 2
    details = run.action.details()
    assert details.attempts == 2
    first, second = details.attempt_list
    assert first.error is not None and first.error.code == "OurError"
    assert second.error is None


def test_when_retries_are_exhausted_the_last_attempts_own_error_is_raised() -> None:
    calls = 0

    @env.task(retries=flyte.RetryStrategy(2, backoff=flyte.Backoff(base=0.001)))
    async def always() -> int:
        nonlocal calls
        calls += 1
        raise OurError(f"attempt {calls}")

    with pytest.raises(errors.RuntimeUserError, match="attempt 3") as caught:
        flyte.run(always).outputs()
    assert caught.value.code == "OurError"
    assert calls == 3


def test_an_attempt_that_could_not_be_recorded_while_another_process_held_the_journal_is_retried(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("flyte_nb._journal.connection.BUSY_TIMEOUT_S", 0.05)
    flyte.init(home=home / "another")
    attempts: list[int] = []

    @env.task
    async def step() -> int:
        return 1

    @env.task(retries=1)
    async def main() -> int:
        attempts.append(1)
        with contextlib.closing(sqlite3.connect(home / "another" / "journal.sqlite", isolation_level=None)) as other:
            if len(attempts) == 1:
                other.execute("BEGIN IMMEDIATE")
            return await step()

    assert flyte.run(main).outputs() == 1
    assert attempts == [1, 1]


def test_a_non_recoverable_error_stops_retries() -> None:
    calls = 0

    @env.task(retries=5)
    async def hopeless() -> int:
        nonlocal calls
        calls += 1
        raise errors.NonRecoverableError("give up")

    with pytest.raises(errors.NonRecoverableError, match="give up"):
        flyte.run(hopeless).outputs()
    assert calls == 1


@pytest.mark.parametrize(
    "timeout",
    [0.05, datetime.timedelta(milliseconds=50), flyte.Timeout(max_runtime=0.05), flyte.Timeout(deadline=0.05)],
)
def test_a_task_that_takes_too_long_is_a_timeout_error_in_its_parent(timeout: object) -> None:
    @env.task(timeout=timeout)
    async def slow() -> None:
        await asyncio.sleep(60)

    @env.task
    async def parent() -> str:
        try:
            await slow()
        except errors.TaskTimeoutError as error:
            return str(error)
        return "in time"

    run = flyte.run(parent)

    assert "faults.slow" in run.outputs()[0]
    assert [str(action.phase) for action in Action.listall(run.name)] == ["succeeded", "timed_out"]


@env.task(timeout=0.05)
async def never_in_time() -> None:
    await asyncio.sleep(60)


@env.task
async def calls_it() -> None:
    await never_in_time()


@env.task
async def calls_the_caller() -> None:
    await calls_it()


def test_only_the_action_whose_own_timeout_passed_is_timed_out_and_those_above_have_failed() -> None:
    run = flyte.run(calls_the_caller)

    with pytest.raises(errors.TaskTimeoutError, match="never_in_time"):
        run.outputs()
    assert run.phase == "failed"
    assert [str(action.phase) for action in Action.listall(run.name)] == ["failed", "failed", "timed_out"]
    alone = flyte.run(never_in_time)
    alone.wait()
    assert alone.phase == "timed_out"


def test_a_timeout_of_a_call_made_while_cleaning_up_after_a_cancellation_is_a_timeout_error() -> None:
    working = asyncio.Event()

    async def work() -> str:
        try:
            working.set()
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            with pytest.raises(errors.TaskTimeoutError, match="never_in_time"):
                await never_in_time()
        return "cleaned up"

    @env.task
    async def parent() -> str:
        job = asyncio.create_task(work())
        await working.wait()
        job.cancel()
        return await job

    assert flyte.run(parent).outputs() == ("cleaned up",)


def test_who_cancels_a_call_that_is_being_timed_out_gets_a_cancellation() -> None:
    timed_out = asyncio.Event()

    @env.task(timeout=0.05)
    async def cleans_up_for_long() -> None:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            timed_out.set()
            await asyncio.sleep(60)

    @env.task
    async def parent() -> str:
        call = asyncio.create_task(cleans_up_for_long())
        await timed_out.wait()
        call.cancel()
        try:
            await call
        except asyncio.CancelledError:
            return "cancelled"
        except errors.TaskTimeoutError:
            return "timed out"
        return "ran"

    assert flyte.run(parent).outputs() == ("cancelled",)


def test_a_task_that_waits_too_long_for_its_turn_is_a_timeout_error() -> None:
    turn = threading.Event()

    @env.task(timeout=flyte.Timeout(max_queued_time=0.05))
    async def late() -> None: ...

    @env.task
    async def first() -> None:
        await asyncio.to_thread(turn.wait, 20)

    @env.task
    async def parent() -> str:
        holding = asyncio.create_task(first())
        await asyncio.sleep(0)
        try:
            await late()
        except errors.TaskTimeoutError:
            return "timed out"
        finally:
            turn.set()
            await holding
        return "ran"

    run = flyte.with_runcontext(max_action_concurrency=1).run(parent)
    assert run.outputs() == ("timed out",)


def codes_of_attempts(run: flyte.Run) -> list[str | None]:
    return [attempt.error.code if attempt.error else None for attempt in run.action.details().attempt_list]


def test_a_timed_out_attempt_is_recorded_as_such_and_retried(timers: Timers) -> None:
    calls = 0

    @env.task(timeout=timers.HOUR_S, retries=1)
    async def slow_once() -> int:
        nonlocal calls
        calls += 1
        if calls == 1:
            timers.strike()
            await asyncio.Event().wait()
        return calls

    run = flyte.run(slow_once)
    assert run.outputs() == 2
    assert codes_of_attempts(run) == ["TaskTimeoutError", None]
    error = run.action.details().attempt_list[0].error
    assert error is not None and error.message == "Task 'faults.slow_once' exceeded its max_runtime of 3600 s."


@pytest.mark.parametrize("ending", ["returns", "raises"])
def test_a_timed_out_attempt_is_a_timeout_whatever_it_does_with_its_cancellation(timers: Timers, ending: str) -> None:
    @env.task(timeout=timers.HOUR_S, retries=2)
    async def goes_on(ending: str) -> int:
        if flyte.ctx().attempt_number == 1:
            raise OurError("of the first attempt")
        timers.strike()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            if ending == "raises":
                raise OurError("while cleaning up") from None
        return 1

    run = flyte.run(goes_on, ending)
    with pytest.raises(errors.TaskTimeoutError, match="max_runtime"):
        run.outputs()
    assert codes_of_attempts(run) == ["OurError", "TaskTimeoutError", "TaskTimeoutError"]


def test_a_timeout_that_comes_late_does_not_strike_the_next_attempt(timers: Timers) -> None:
    attempts = 0

    @env.task(retries=1, timeout=timers.HOUR_S)
    async def holds_the_loop_once() -> int:
        nonlocal attempts
        attempts += 1
        if attempts == 1:
            timers.strike()
            return 1
        for _ in range(5):
            await asyncio.sleep(0)
        return 2

    assert flyte.run(holds_the_loop_once).outputs() == 2


def test_a_deadline_bounds_all_attempts_together(timers: Timers) -> None:
    attempts = 0

    @env.task(retries=5, timeout=flyte.Timeout(deadline=timers.HOUR_S))
    async def never_ends() -> None:
        nonlocal attempts
        attempts += 1
        if attempts < 3:
            raise OurError("soon")
        if attempts == 3:
            timers.strike()
            await asyncio.Event().wait()

    with pytest.raises(errors.TaskTimeoutError, match="deadline"):
        flyte.run(never_ends).outputs()
    assert attempts == 3


def test_a_timeout_stops_a_sync_task_at_its_next_line() -> None:
    @env.task(timeout=0.05)
    def spins() -> None:
        while True:
            pass

    with pytest.raises(errors.TaskTimeoutError):
        flyte.run(spins).outputs()


def test_a_childs_failure_that_gather_returns_as_a_value_leaves_the_run_green() -> None:
    @env.task
    async def parent() -> list[str]:
        results = await asyncio.gather(fails(), fails(text="other"), return_exceptions=True)
        return [type(result).__name__ for result in results]

    assert flyte.run(parent).outputs()[0] == ["RuntimeUserError", "RuntimeUserError"]


def test_memory_error_is_an_oom_error_in_the_parent() -> None:
    @env.task
    async def hungry() -> int:
        raise MemoryError("too much")

    @env.task
    async def parent() -> str:
        try:
            await hungry()
        except errors.OOMError as error:
            return error.code
        return "fine"

    assert flyte.run(parent).outputs() == ("OOMError",)


def test_a_value_that_does_not_fit_names_the_input_and_the_task() -> None:
    @env.task
    async def takes(x: int) -> int:
        return x

    with pytest.raises(errors.RuntimeDataValidationError, match="'x' of task 'faults.takes'.*Expected int, got str"):
        flyte.run(takes, "one")


def test_a_return_value_that_does_not_fit_is_the_tasks_failure() -> None:
    @env.task
    async def gives() -> int:
        return "one"  # type: ignore[return-value]

    with pytest.raises(errors.RuntimeDataValidationError, match="The result of task 'faults.gives': Expected int"):
        flyte.run(gives).outputs()


def test_wrong_arguments_are_a_type_error_that_names_the_task() -> None:
    with pytest.raises(TypeError, match=r"faults\.fails\(\).*nothing"):
        flyte.run(fails, nothing=1)


def test_values_over_the_inline_limit_are_refused_by_name() -> None:
    @env.task(max_inline_io_bytes=1000)
    async def large() -> str:
        return "x" * 2000

    with pytest.raises(errors.InlineIOMaxBytesBreached, match=r"faults\.large.*1,000"):
        flyte.run(large).outputs()


def test_a_forgotten_await_is_said_so() -> None:
    @env.task
    async def forgets() -> int:
        return fails("never awaited")  # type: ignore[return-value]

    with pytest.raises(errors.RuntimeDataValidationError, match="await"):
        flyte.run(forgets).outputs()
