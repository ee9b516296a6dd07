"""Waiting for a run no longer than one has time: what waits gives up, the run goes on."""

from __future__ import annotations

import asyncio
import gc
import signal
import subprocess
import sys
import threading
import weakref
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

import flyte_nb as flyte

env = flyte.TaskEnvironment("waiting")
go_on = threading.Event()


@env.task
def stands() -> str:
    go_on.wait(30)
    return "went on"


@env.task
async def waits_for_another(run: str, seconds: float) -> str:
    try:
        flyte.Run.get(run).wait(timeout=seconds)
    except TimeoutError:
        return "no longer"
    return "ended"


@pytest.fixture
def run() -> Iterator[flyte.Run]:
    """A run that goes on until it is told to end."""
    go_on.clear()
    yield flyte.run(stands)
    go_on.set()


@pytest.mark.parametrize("timeout", [0, 0.01, timedelta(milliseconds=10), "10ms"])
def test_whoever_waits_no_longer_than_told_gets_a_timeout_error_and_the_run_goes_on(
    run: flyte.Run, timeout: Any
) -> None:
    with pytest.raises(TimeoutError, match=rf"Run '{run.name}' has not ended after [\d.]+ s; it goes on"):
        run.wait(timeout=timeout)
    assert not run.done()
    go_on.set()
    run.wait(timeout=30)
    assert run.outputs(timeout=30) == "went on"


def test_outputs_are_waited_for_no_longer_than_told(run: flyte.Run) -> None:
    with pytest.raises(TimeoutError, match="has not ended after 0.01 s"):
        run.outputs(timeout=0.01)
    go_on.set()
    assert run.outputs() == "went on"


def test_awaiting_ends_in_time_too_and_leaves_the_run_alone(run: flyte.Run) -> None:
    async def impatient() -> None:
        with pytest.raises(TimeoutError):
            await run.wait.aio(timeout=0.01)
        with pytest.raises(TimeoutError):
            await run.outputs.aio(timeout=0.01)

    asyncio.run(impatient())
    assert not run.done()
    go_on.set()
    assert asyncio.run(run.outputs.aio(timeout=30)) == "went on"


def test_an_action_is_waited_for_no_longer_than_told(run: flyte.Run) -> None:
    with pytest.raises(TimeoutError, match=rf"Action 'a0' of run '{run.name}' has not ended after 0.01 s; it goes on"):
        run.action.wait(timeout=0.01)
    go_on.set()
    run.action.wait(timeout=30)
    assert run.action.done()


def test_a_task_waits_for_another_run_no_longer_than_told(run: flyte.Run) -> None:
    assert flyte.run(waits_for_another, run.name, 0.01).outputs() == "no longer"
    go_on.set()
    assert flyte.run(waits_for_another, run.name, 30.0).outputs() == "ended"


def test_a_run_that_has_ended_is_waited_for_without_a_limit_being_passed() -> None:
    go_on.set()
    run = flyte.run(stands)
    run.wait()
    run.wait(timeout=0)
    assert run.outputs(timeout=0) == "went on"


def test_a_time_that_is_none_is_refused(run: flyte.Run) -> None:
    with pytest.raises(TypeError, match="timeout: expected seconds, a timedelta, or text such as '2h'"):
        run.wait(timeout=[1])  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="timeout: expected a length of time of zero or more, got -1"):
        run.wait(timeout=-1)
    with pytest.raises(TypeError, match=r"wait\(\): quiet is True or False; got 10. A time limit is timeout=10"):
        run.wait(10)  # type: ignore[arg-type]


def test_a_loop_that_awaited_a_run_lives_no_longer_than_its_user_wants() -> None:
    @env.task
    async def one() -> int:
        return 1

    async def awaits() -> weakref.ref[asyncio.AbstractEventLoop]:
        await flyte.run(one).wait.aio()
        run = await flyte.with_runcontext(mode="notebook").run.aio(one)
        await run.wait.aio()
        return weakref.ref(asyncio.get_running_loop())

    loops = [asyncio.run(awaits()) for _ in range(3)]
    gc.collect()
    assert [loop() for loop in loops] == [None, None, None]


def test_a_script_that_ctrl_c_reaches_while_it_waits_for_runs_at_its_exit_ends_by_it_after_all_exit_handlers() -> None:
    script = """
import atexit, threading, time
begun = threading.Semaphore(0)
atexit.register(lambda: print("an exit handler", flush=True))
import flyte_nb as flyte
env = flyte.TaskEnvironment("script")
@env.task
def sleeps() -> None:
    begun.release()
    while True:
        time.sleep(0.01)
for name in ("one", "two"):
    flyte.with_runcontext(name=name).run(sleeps)
    begun.acquire()
"""
    running = subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert running.stderr is not None
    assert "waiting for run one" in running.stderr.readline()
    running.send_signal(signal.SIGINT)
    said, _ = running.communicate(timeout=120)
    assert (running.returncode, said) == (-signal.SIGINT, "an exit handler\n")
    assert {str(flyte.Run.get(name).phase) for name in ("one", "two")} == {"aborted"}


@pytest.mark.skipif((3, 12) <= sys.version_info < (3, 12, 3), reason="no threads then, whatever one does")
def test_runs_that_a_script_does_not_wait_for_can_do_at_its_exit_what_they_can_before() -> None:
    script = """
import asyncio, sys, threading, time
import flyte_nb as flyte
env = flyte.TaskEnvironment("script")
@env.task
def on_a_thread() -> int:
    while threading.main_thread().is_alive() and not threading._SHUTTING_DOWN:
        time.sleep(0.001)
    return asyncio.run(in_an_executor())
@env.task
async def in_an_executor() -> int:
    return await asyncio.to_thread(another)
@env.task
def another() -> int:
    started = threading.Thread(target=lambda: None)
    started.start()
    return 3
flyte.with_runcontext(name="goes on").run(on_a_thread)
"""
    subprocess.run([sys.executable, "-c", script], timeout=60, check=True)
    assert flyte.Run.get("goes on").outputs() == 3
