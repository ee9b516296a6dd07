"""Places that tasks take and give back."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import flyte_nb as flyte
from flyte_nb._engine.action import Action
from flyte_nb._engine.capacity import Capacity
from flyte_nb._engine.lending import give_back_all
from flyte_nb.backends.threads import ThreadBackend

env = flyte.TaskEnvironment("room", queue="one")


@env.task(retries=flyte.RetryStrategy(1, flyte.Backoff("60s")))
def fails(mark: str) -> None:
    Path(mark).touch()
    raise ValueError("not yet")


@env.task
def succeeds() -> int:
    return 1


def test_an_action_that_pauses_before_its_next_attempt_holds_no_place(home: Path, tmp_path: Path) -> None:
    flyte.init(home=home, queues={"one": ThreadBackend(1)})
    pausing = flyte.run(fails, str(tmp_path / "mark"))
    deadline = time.monotonic() + 20
    while not (tmp_path / "mark").exists():
        assert time.monotonic() < deadline
        time.sleep(0.01)

    other = flyte.run(succeeds)
    while not other.done():
        assert time.monotonic() < deadline, "it waits for the place of an action that waits for its next attempt"
        time.sleep(0.01)

    assert not pausing.done()
    pausing.abort("enough")
    pausing.wait()
    assert other.outputs()[0] == 1


def test_the_end_of_an_action_is_recorded_before_its_place_is_free(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    flyte.init(home=home, queues={"one": ThreadBackend(1)})
    had_ended: list[bool] = []

    def noted(action: Action) -> None:
        had_ended.append(action.ended)
        give_back_all(action)

    monkeypatch.setattr("flyte_nb._engine.submission.give_back_all", noted)

    assert flyte.run(succeeds).outputs() == 1
    assert had_ended == [True]


class Working:
    """Counts who works at the same time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._now = self.most = 0

    @contextmanager
    def one(self) -> Iterator[None]:
        with self._lock:
            self._now += 1
            self.most = max(self.most, self._now)
        yield
        with self._lock:
            self._now -= 1


def test_no_more_actions_work_at_once_than_the_run_allows_also_after_they_had_waited_for_calls() -> None:
    working = Working()
    free = flyte.TaskEnvironment("room_free")

    @free.task
    async def leaf(x: int) -> int:
        with working.one():
            await asyncio.sleep(0)
        return x

    @free.task
    async def branch(x: int) -> int:
        for call in range(3):
            await leaf(10 * x + call)
            with working.one():
                for _ in range(10):
                    await asyncio.sleep(0)
        return x

    @free.task
    async def root() -> int:
        return sum(await asyncio.gather(*(branch(x) for x in range(8))))

    assert flyte.with_runcontext(max_action_concurrency=2).run(root).outputs() == 28
    assert working.most == 2


def test_no_more_sync_tasks_work_at_once_than_there_are_places_also_after_they_had_called_others(home: Path) -> None:
    flyte.init(home=home, queues={"one": ThreadBackend(2)})
    working = Working()

    @env.task
    def leaf(x: int) -> int:
        return x

    @env.task
    def branch(x: int) -> int:
        leaf(x)
        with working.one():
            for _ in range(1000):
                time.sleep(0)
        return x

    @flyte.TaskEnvironment("room_root").task
    async def root() -> int:
        return sum(await asyncio.gather(*(branch.aio(x) for x in range(12))))

    assert flyte.run(root).outputs() == 66
    assert working.most == 2


@pytest.mark.parametrize("sync", [False, True])
def test_with_one_place_for_all_of_them_actions_end_whose_branches_call_again_and_again(sync: bool) -> None:
    free = flyte.TaskEnvironment("room_branches")

    @free.task
    async def leaf(x: int) -> int:
        return x

    @free.task
    def leaf_on_a_thread(x: int) -> int:
        return x

    async def branch(x: int) -> int:
        called = leaf_on_a_thread.aio if sync else leaf
        return sum([await called(10 * x + call) for call in range(x % 3 + 1)])

    @free.task
    async def middle(first: int) -> int:
        return sum(await asyncio.gather(*(branch(x) for x in range(first, first + 4))))

    @free.task
    def middle_on_a_thread(first: int) -> int:
        return leaf_on_a_thread(first) + sum(flyte.map(leaf_on_a_thread, range(first, first + 4)))

    @free.task
    async def root() -> int:
        called = middle_on_a_thread.aio if sync else middle
        return sum(await asyncio.gather(*(called(x) for x in range(5))))

    run = flyte.with_runcontext(max_action_concurrency=1).run(root)
    run.wait(timeout=60)
    assert run.phase == "succeeded"


async def others_go_on() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


def test_a_branch_that_takes_the_place_again_does_not_keep_it_from_the_call_of_another_branch() -> None:
    free = flyte.TaskEnvironment("room_two_branches")
    first_runs, first_may_end, second_begins = asyncio.Event(), asyncio.Event(), asyncio.Event()

    @free.task
    async def leaf(x: int) -> int:
        if x == 1:
            first_runs.set()
            await first_may_end.wait()
        return x

    @free.task
    async def parent() -> int:
        async def second() -> int:
            await second_begins.wait()
            return await leaf(2)

        return sum(await asyncio.gather(leaf(1), second()))

    @free.task
    async def holder() -> None:
        await others_go_on()  # the first branch waits for the place
        second_begins.set()
        await others_go_on()  # and so does the call of the second

    @free.task
    async def root() -> int:
        called = asyncio.create_task(parent())
        await first_runs.wait()
        holds = asyncio.create_task(holder())
        await others_go_on()
        first_may_end.set()
        await holds
        return await called

    run = flyte.with_runcontext(max_action_concurrency=1).run(root)
    run.wait(timeout=60)
    assert run.outputs() == 3


def test_an_action_that_waits_for_its_place_after_a_call_can_be_aborted() -> None:
    free = flyte.TaskEnvironment("room_abort")
    holds = threading.Event()

    @free.task
    async def leaf() -> int:
        return 1

    @free.task
    async def calls() -> int:
        return await leaf()

    @free.task
    async def holder() -> None:
        holds.set()
        await asyncio.sleep(600)

    @free.task
    async def root() -> None:
        await asyncio.gather(calls(), holder())

    run = flyte.with_runcontext(max_action_concurrency=1).run(root)
    assert holds.wait(20)

    run.abort()
    run.wait(timeout=60)
    assert run.phase == "aborted"


@pytest.mark.asyncio
@pytest.mark.parametrize("handed_over", [False, True])
async def test_a_place_that_is_handed_to_one_who_was_cancelled_is_not_lost(handed_over: bool) -> None:
    capacity = Capacity(1)
    await capacity.take_again()
    waiting = asyncio.create_task(capacity.take_again())
    await asyncio.sleep(0)

    capacity.give_back()
    if handed_over:
        asyncio.get_running_loop().call_soon(waiting.cancel)
    else:
        waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting

    await asyncio.wait_for(capacity.take_again(), 20)
