"""Runs that another process drives, or drove until it was killed, as a reader sees them."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import pytest

import flyte_nb as flyte
from flyte_nb import errors
from flyte_nb._follow import history
from flyte_nb.remote import Action, Run
from flyte_nb.remote.history import RunHistory
from flyte_nb.remote.waiting import wait_for_other

Start = Callable[..., Any]

env = flyte.TaskEnvironment("reading")


def phases(run: Run) -> list[tuple[str, str]]:
    return [(action.task_name, str(action.phase)) for action in Action.listall(run.name)]


STEPS_DONE = [("owned.step", "succeeded")] * 3

# while it goes on -------------------------------------------------------------------------------------------


def test_a_run_that_goes_on_elsewhere_is_running_with_the_actions_it_has_so_far(other_process: Start) -> None:
    other_process()
    run = Run.get("theirs")

    assert run.phase == "running"
    assert not run.done()
    assert phases(run) == [("owned.good", "running"), *STEPS_DONE, ("owned.gate", "running")]
    details = run.details()
    assert (details.task_name, details.end_time, details.done) == ("owned.good", None, False)
    assert {str(phase): count for phase, count in details.counts.items()} == {"running": 2, "succeeded": 3}
    assert [action.group for action in details.actions] == ["", "steps", "steps", "steps", ""]


def test_what_finished_actions_elsewhere_were_given_and_returned_is_read_without_their_code(
    other_process: Start,
) -> None:
    other_process()
    assert Run.get("theirs").inputs() == {"n": 3, "label": "none"}
    steps = [action.details() for action in Action.listall("theirs", task_name="owned.step")]
    assert [step.inputs() for step in steps] == [{"x": 0}, {"x": 1}, {"x": 2}]
    assert [step.outputs()[0] for step in steps] == [0, 10, 20]
    assert all(step.runtime is not None and step.runtime >= 0 for step in steps)


def test_what_goes_on_elsewhere_has_no_outputs_and_no_end_yet(other_process: Start) -> None:
    other_process()
    [gate] = Action.listall("theirs", in_phase="running", task_name="owned.gate")
    details = gate.details()
    assert details.outputs() == ()
    assert (details.end_time, details.runtime, details.done, gate.done()) == (None, None, False, False)
    assert gate.start_time is not None


def test_logs_and_reports_of_a_run_that_goes_on_elsewhere_are_readable(other_process: Start) -> None:
    other_process()
    run = Run.get("theirs")
    assert run.get_logs() == ["step 0", "step 1", "step 2"]
    _, second, _ = Action.listall("theirs", task_name="owned.step")
    assert run.get_logs(second.name) == second.get_logs() == ["step 1"]
    assert second.get_report() == run.get_report(second.name) == "<p>report 1</p>"


def test_raising_for_the_status_of_a_run_that_goes_on_elsewhere_raises_nothing(other_process: Start) -> None:
    other_process()
    Run.get("theirs").raise_for_status()


def test_runs_of_two_processes_are_listed_together(other_process: Start) -> None:
    other_process(name="first").finish()
    other_process(name="second")
    assert [run.name for run in Run.listall()] == ["second", "first"]
    assert [run.name for run in Run.listall(in_phase="running")] == ["second"]
    assert [run.name for run in Run.listall(in_phase="succeeded")] == ["first"]


# its end ----------------------------------------------------------------------------------------------------


def test_watching_a_run_of_another_process_tells_of_its_end(other_process: Start) -> None:
    other = other_process()
    seen = []
    for details in Run.get("theirs").watch():
        if not seen:
            other.open_gate()
        seen.append((str(details.phase), details.done))
    assert seen[0] == ("running", False)
    assert seen[-1] == ("succeeded", True)
    assert [done for _, done in seen].count(True) == 1


def test_watching_asynchronously_leaves_the_loop_free(other_process: Start) -> None:
    other = other_process()

    async def watch(watching: asyncio.Event) -> list[str]:
        seen = []
        async for details in Run.get("theirs").watch.aio():
            seen.append(str(details.phase))
            watching.set()
        return seen

    async def both() -> list[str]:
        watching = asyncio.Event()
        watcher = asyncio.create_task(watch(watching))
        await watching.wait()
        other.open_gate()
        return await watcher

    seen = asyncio.run(both())
    assert (seen[0], seen[-1]) == ("running", "succeeded")


def test_waiting_for_a_run_of_another_process_returns_when_it_has_ended(other_process: Start) -> None:
    other = other_process()
    run = Run.get("theirs")
    after: list[str] = []
    waiting = threading.Thread(target=lambda: (run.wait(), after.append(str(run.phase))))
    waiting.start()
    other.open_gate()
    waiting.join(60)
    assert after == ["succeeded"]


def test_outputs_wait_for_a_run_of_another_process(other_process: Start) -> None:
    other = other_process()
    opening = threading.Thread(target=other.open_gate)
    opening.start()
    assert Run.get("theirs").outputs() == 30
    opening.join(60)


@pytest.mark.parametrize("method", ["wait", "outputs"])
def test_awaiting_a_run_of_another_process_leaves_the_loop_free(other_process: Start, method: str) -> None:
    other = other_process()
    run = Run.get("theirs")

    async def both() -> None:
        waiting = asyncio.create_task(getattr(run, method).aio())
        await asyncio.sleep(0)
        assert not waiting.done()
        other.open_gate()
        await waiting

    asyncio.run(both())
    assert run.phase == "succeeded"
    assert run.outputs() == 30


def test_waiting_for_an_action_of_another_process_returns_when_it_has_ended(other_process: Start) -> None:
    other = other_process()
    [gate] = Action.listall("theirs", task_name="owned.gate")

    async def both() -> None:
        waiting = asyncio.create_task(gate.wait.aio())
        await asyncio.sleep(0)
        assert not waiting.done()
        other.open_gate()
        await waiting

    asyncio.run(both())
    gate.wait()
    assert gate.phase == "succeeded"
    assert gate.details().outputs() == "opened"


def test_a_task_may_wait_for_another_process_without_holding_up_its_siblings(other_process: Start) -> None:
    other = other_process()

    @env.task
    async def waits() -> int:
        return int(Run.get("theirs").outputs()[0])

    @env.task
    async def opens() -> None:
        other.open_gate()

    @env.task
    async def both() -> int:
        value, _ = await asyncio.gather(waits(), opens())
        return value

    assert flyte.run(both).outputs() == 30


def test_a_sync_task_may_wait_for_another_process(other_process: Start) -> None:
    other = other_process()

    @env.task
    def waits() -> int:
        return int(Run.get("theirs").outputs()[0])

    run = flyte.run(waits)
    other.open_gate()
    assert run.outputs() == 30


def test_after_its_process_has_exited_a_run_is_read_as_it_ended(other_process: Start) -> None:
    other_process().finish()
    run = Run.get("theirs")
    assert (run.phase, run.done()) == ("succeeded", True)
    assert run.outputs() == 30
    assert run.outputs().named_outputs == {"o0": 30}
    assert phases(run) == [("owned.good", "succeeded"), *STEPS_DONE, ("owned.gate", "succeeded")]
    assert run.first_failure() is None
    assert [span.label for span in run.timeline()] == ["good", "step", "step", "step", "gate"]
    assert [str(details.phase) for details in run.watch()] == ["succeeded"]


def test_the_failure_of_another_process_is_raised_here_with_its_code_and_traceback(other_process: Start) -> None:
    other_process("bad").finish()
    run = Run.get("theirs")
    run.wait()
    assert run.phase == "failed"
    for ask in (run.outputs, run.raise_for_status):
        with pytest.raises(errors.RuntimeUserError, match="it broke over there") as caught:
            ask()
        assert caught.value.code == "ValueError"
    failure = run.first_failure()
    assert failure is not None
    assert failure.task_name == "owned.breaks"
    assert failure.error_info is not None
    assert 'raise ValueError("it broke over there")' in failure.error_info.traceback


def test_an_action_is_aborted_from_another_process_and_its_parent_hears_the_reason(other_process: Start) -> None:
    other_process("careful")
    [gate] = Action.listall("theirs", task_name="owned.gate")
    gate.abort("Not today.")
    run = Run.get("theirs")
    assert "the gate was aborted" in run.outputs()[0]
    assert "Not today." in run.outputs()[0]
    assert gate.phase == "aborted"
    assert "Not today." in gate.details().abort_info


def test_a_run_that_ends_while_it_is_being_read_is_never_shown_as_aborted(
    other_process: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = other_process()
    run = Run.get("theirs")
    judge = history.is_alive

    def judge_after_the_end(*arguments: Any) -> bool:
        monkeypatch.setattr(history, "is_alive", judge)
        other.finish()
        return judge(*arguments)

    monkeypatch.setattr(history, "is_alive", judge_after_the_end)
    assert run.phase in ("running", "succeeded")


def test_details_taken_while_a_run_ends_never_say_that_it_was_interrupted(
    other_process: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = other_process()
    run = Run.get("theirs")
    judge = history.is_alive

    def judge_after_the_end(*arguments: Any) -> bool:
        monkeypatch.setattr(history, "is_alive", judge)
        other.finish()
        return judge(*arguments)

    monkeypatch.setattr(history, "is_alive", judge_after_the_end)
    assert run.details().phase in ("running", "succeeded")


# its process killed -----------------------------------------------------------------------------------------


def test_a_run_whose_process_was_killed_is_shown_as_interrupted(other_process: Start) -> None:
    other_process().kill()
    run = Run.get("theirs")
    assert (run.phase, run.done()) == ("aborted", True)
    details = run.details()
    assert details.error_info is not None
    assert details.error_info.code == "Interrupted"
    assert "went away" in details.error_info.message
    assert repr(run) == "<Run theirs of owned.good: aborted>"


def test_of_a_killed_process_what_was_finished_stays_so_and_what_was_in_flight_is_aborted(
    other_process: Start,
) -> None:
    other_process().kill()
    run = Run.get("theirs")
    assert phases(run) == [("owned.good", "aborted"), *STEPS_DONE, ("owned.gate", "aborted")]
    [gate] = Action.listall("theirs", task_name="owned.gate")
    assert gate.done()
    assert "went away" in gate.details().abort_info
    assert run.get_logs() == ["step 0", "step 1", "step 2"]


def test_nobody_waits_for_a_killed_process(other_process: Start) -> None:
    other_process().kill()
    run = Run.get("theirs")
    run.wait()
    asyncio.run(run.wait.aio())
    assert [str(details.phase) for details in run.watch()] == ["aborted"]
    for ask in (run.outputs, run.raise_for_status):
        with pytest.raises(errors.ActionAbortedError, match=r"theirs.*went away"):
            ask()


def test_waiting_ends_when_the_process_is_killed(other_process: Start) -> None:
    other = other_process()
    run = Run.get("theirs")
    after: list[str] = []
    waiting = threading.Thread(target=lambda: (run.wait(), after.append(str(run.phase))))
    waiting.start()
    other.kill()
    waiting.join(60)
    assert after == ["aborted"]


def test_a_reader_that_saw_the_run_going_on_sees_it_interrupted(other_process: Start) -> None:
    other = other_process()
    run = Run.get("theirs")
    before = run.details()
    other.kill()
    assert before.phase == "running"
    assert run.details().phase == "aborted"
    assert run.action.phase == "aborted"


def test_a_killed_run_is_listed_among_the_aborted_and_not_among_the_running(other_process: Start) -> None:
    other_process().kill()
    assert [run.name for run in Run.listall(in_phase="running")] == []
    assert [run.name for run in Run.listall(in_phase="aborted")] == ["theirs"]


def test_aborting_a_run_whose_process_was_killed_does_nothing(other_process: Start) -> None:
    other_process().kill()
    run = Run.get("theirs")
    run.abort("Too late.")
    [gate] = Action.listall("theirs", task_name="owned.gate")
    gate.abort("Too late.")
    details = run.details()
    assert details.error_info is not None
    assert "went away" in details.error_info.message
    wait_for_other(RunHistory("theirs"))
