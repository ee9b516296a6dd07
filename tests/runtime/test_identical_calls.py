"""`serialize=True`: a call that waits for an identical one is an action like any other."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

import flyte_nb as flyte
from flyte_nb import errors
from flyte_nb._runtime.runtime import current_runtime
from flyte_nb.remote import Action
from tests.timers import Timers

env = flyte.TaskEnvironment("identical")
SERIALIZED = flyte.Cache("auto", version_override="1", serialize=True)


class Gate:
    """A place where the call that computes stands until it is let go on."""

    def __init__(self) -> None:
        self.reached = threading.Event()
        self.opened = threading.Event()
        self.passed = 0

    async def pass_through(self) -> None:
        self.reached.set()
        while not self.opened.is_set():
            await asyncio.sleep(0)
        self.passed += 1


@pytest.fixture
def gate() -> Any:
    one = Gate()
    yield one
    one.opened.set()


def waiting_task(gate: Gate, **options: Any) -> Any:
    @env.task(cache=SERIALIZED, **options)
    async def work(x: int) -> int:
        await gate.pass_through()
        return x

    return work


def queued_actions(run: flyte.Run) -> list[Action]:
    while True:
        found = [action for action in Action.listall(run.name) if action.name != "a0"]
        if found:
            return found


def test_a_call_that_waits_is_queued_and_takes_the_result_of_the_one_that_ran(gate: Gate) -> None:
    work = waiting_task(gate)

    @env.task
    async def root() -> int:
        return int(await work(1))

    first = flyte.run(work, 1)
    gate.reached.wait()
    second = flyte.run(root)
    [waiting] = queued_actions(second)
    assert str(waiting.phase) == "queued"
    gate.opened.set()

    assert second.outputs() == 1
    assert gate.passed == 1
    outcome = waiting.details().cache
    assert outcome is not None
    assert (outcome.status, outcome.source_run) == ("hit", first.name)


def test_an_identical_call_that_does_not_wait_runs_too_and_its_miss_says_what_would_make_it_wait(gate: Gate) -> None:
    @env.task(cache=flyte.Cache("auto", version_override="1"))
    async def work(x: int) -> int:
        await gate.pass_through()
        return x

    first = flyte.run(work, 1)
    gate.reached.wait()
    gate.reached.clear()
    second = flyte.run(work, 1)
    gate.reached.wait()
    gate.opened.set()
    assert (first.outputs(), second.outputs(), gate.passed) == (1, 1, 2)

    reasons = [Action.get(run.name, "a0").details().cache.reason for run in (first, second)]  # type: ignore[union-attr]
    assert reasons[0].startswith("No earlier call has this code and these inputs.")
    assert reasons[1].startswith(
        "An identical call was running, and had no result yet; Cache(..., serialize=True) makes such calls wait."
    )
    third = flyte.run(work, 2)
    third.wait()
    assert Action.get(third.name, "a0").details().cache.reason.startswith("No earlier call")  # type: ignore[union-attr]


def test_aborting_a_call_that_waits_ends_it_and_its_parent_hears_of_an_abort(gate: Gate) -> None:
    work = waiting_task(gate)

    @env.task
    async def root() -> str:
        try:
            await work(1)
        except errors.ActionAbortedError as error:
            return str(error)
        return "not aborted"

    flyte.run(work, 1)
    gate.reached.wait()
    run = flyte.run(root)
    [waiting] = queued_actions(run)
    waiting.abort("no longer wanted")

    [message] = run.outputs()
    assert "no longer wanted" in message
    assert str(Action.get(run_name=run.name, name=waiting.name).phase) == "aborted"
    assert run.phase == "succeeded"


@pytest.mark.parametrize("which", ["max_queued_time", "deadline"])
def test_the_timeouts_of_a_call_run_while_it_waits(gate: Gate, which: str) -> None:
    work = waiting_task(gate)

    @env.task
    async def root() -> str:
        try:
            await work.override(timeout=flyte.Timeout(**{"max_runtime": 60, which: 0.05}))(1)
        except errors.TaskTimeoutError as error:
            return str(error)
        return "no timeout"

    flyte.run(work, 1)
    gate.reached.wait()
    run = flyte.run(root)

    [message] = run.outputs()
    assert which in message
    assert [str(action.phase) for action in queued_actions(run)] == ["timed_out"]


@pytest.mark.parametrize("cache", ["disable", SERIALIZED])
def test_the_time_that_a_call_may_be_queued_does_not_run_while_it_runs(timers: Timers, cache: Any) -> None:
    @env.task(timeout=flyte.Timeout(max_runtime=60, max_queued_time=timers.HOUR_S), cache=cache)
    async def work() -> int:
        return timers.running

    assert flyte.with_runcontext(max_action_concurrency=1).run(work).outputs() == 0
    assert len(timers.made) == 1


def test_a_call_that_its_parent_leaves_behind_while_it_waits_is_aborted(gate: Gate) -> None:
    work = waiting_task(gate)

    @env.task
    async def root() -> str:
        asyncio.create_task(work(1))
        while not queued.is_set():
            await asyncio.sleep(0)
        return "done"

    queued = threading.Event()
    flyte.run(work, 1)
    gate.reached.wait()
    run = flyte.run(root)
    [waiting] = queued_actions(run)
    queued.set()

    assert run.outputs() == "done"
    assert str(Action.get(run_name=run.name, name=waiting.name).phase) == "aborted"


def test_a_call_that_is_cancelled_while_it_waits_takes_nothing_from_others_that_wait(gate: Gate) -> None:
    work = waiting_task(gate)

    @env.task
    async def root() -> list[int]:
        runs, cancelled, waits = (asyncio.create_task(work(7)) for _ in range(3))
        await asyncio.to_thread(gate.reached.wait, 20)
        for _ in range(20):
            await asyncio.sleep(0)
        cancelled.cancel()
        with pytest.raises(asyncio.CancelledError):
            await cancelled
        gate.opened.set()
        return [await runs, await waits]

    assert flyte.run(root).outputs() == [7, 7]
    assert gate.passed == 1


def test_when_the_call_that_runs_fails_the_next_one_runs() -> None:
    calls: list[int] = []

    @env.task(cache=SERIALIZED)
    async def work(x: int) -> int:
        calls.append(x)
        await asyncio.sleep(0.01)
        if len(calls) == 1:
            raise ValueError("the first one fails")
        return x

    @env.task
    async def root() -> list[Any]:
        return [
            type(got).__name__ for got in await asyncio.gather(*(work(1) for _ in range(3)), return_exceptions=True)
        ]

    [found] = flyte.run(root).outputs()
    assert sorted(found) == ["RuntimeUserError", "int", "int"]
    assert calls == [1, 1]


def test_a_process_that_dies_while_others_wait_for_it_leaves_the_work_to_them(home: Path, gate: Gate) -> None:
    gate.opened.set()
    work = waiting_task(gate)  # by its name and version the same as that of the program
    program = Path(__file__).with_name("serialized_program.py")
    holder = subprocess.Popen([sys.executable, str(program), str(home)], stdout=subprocess.PIPE, text=True)
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "computing\n"

        @env.task
        async def root() -> int:
            return int(await work(1))

        run = flyte.run(root)
        [waiting] = queued_actions(run)
        assert str(waiting.phase) == "queued"
    finally:
        holder.kill()
        holder.wait()
    assert run.outputs() == 1


@pytest.mark.parametrize("serialize", [True, False])
def test_a_damaged_record_in_the_cache_is_a_miss_and_is_replaced(home: Path, serialize: bool) -> None:
    calls: list[int] = []

    @env.task(cache=flyte.Cache("auto", version_override="1", serialize=serialize))
    async def work(x: int) -> int:
        calls.append(x)
        return x

    flyte.run(work, 1).wait()
    current_runtime().controller.cached._cache._connection.execute("UPDATE cache SET outputs = x'00'")
    run = flyte.run(work, 1)

    assert run.outputs() == 1
    outcome = Action.get(run_name=run.name, name="a0").details().cache
    assert outcome is not None
    assert (outcome.status, outcome.reason) == ("miss", "The record of the kept result is damaged.")
    assert flyte.run(work, 1).outputs() == 1
    assert calls == [1, 1]


def test_what_a_cache_policy_raises_is_the_failure_of_the_action() -> None:
    class Broken:
        def get_version(self, salt: str, params: Any) -> str:
            raise LookupError("no version today")

    @env.task(cache=flyte.Cache("auto", policies=Broken()))
    async def work() -> int:
        return 1

    run = flyte.run(work)
    run.wait()
    assert run.phase == "failed"
    with pytest.raises(errors.RuntimeUserError, match="no version today"):
        run.outputs()
