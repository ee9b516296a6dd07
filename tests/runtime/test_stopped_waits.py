"""A sync task that waits for something else than its calls leaves the wait when it is stopped."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable

import pytest

import flyte_nb as flyte
from flyte_nb import durable, hitl
from flyte_nb._engine import action
from flyte_nb.backends import threads

env = flyte.TaskEnvironment("stopped_waits")


@env.task
async def endless() -> None:
    await asyncio.Event().wait()


def _sleeps() -> None:
    durable.sleep(3600)


def _waits_for_a_run() -> None:
    flyte.remote.Run.get("other").wait()


def _waits_for_an_action() -> None:
    flyte.remote.Run.get("other").action.wait()


def _watches() -> None:
    for _ in flyte.remote.Run.get("other").watch():
        pass


def _asks() -> None:
    hitl.new_event("go", data_type=bool, prompt="Go on?").wait()


def _runs_a_loop() -> None:
    asyncio.run(asyncio.sleep(3600))


@pytest.mark.parametrize("waits", [_sleeps, _runs_a_loop, _waits_for_a_run, _waits_for_an_action, _watches, _asks])
def test_a_sync_task_that_is_aborted_while_it_waits_does_not_go_on(waits: Callable[[], None]) -> None:
    began, told = threading.Event(), threading.Event()

    @env.task
    def stands() -> None:
        began.set()
        try:
            waits()
        except asyncio.CancelledError:
            told.set()
            raise

    other = flyte.with_runcontext(name="other").run(endless)
    run = flyte.run(stands)
    assert began.wait(timeout=60)
    run.abort()
    run.wait()

    assert run.phase == "aborted"
    assert told.wait(timeout=60)
    other.abort()
    other.wait()


def test_calls_on_a_loop_of_a_sync_task_that_is_aborted_end_their_cleaning_before_the_loop_ends(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(threads, "POLITE_S", 60.0)  # also where all of it is slow
    monkeypatch.setattr(action, "GRACE_S", 60.0)
    began, said = threading.Event(), list[str]()

    @env.task
    async def cleans() -> None:
        try:
            began.set()
            await asyncio.Event().wait()
        finally:
            for _ in range(20):
                await asyncio.sleep(0.005)
            said.append("cleaned")

    @env.task
    def has_a_loop() -> None:
        async def main() -> None:
            try:
                await cleans()
            finally:
                said.append("left")

        asyncio.run(main())

    run = flyte.run(has_a_loop)
    assert began.wait(timeout=60)
    run.abort()
    run.wait()

    assert said == ["cleaned", "left"]
