"""A worker process that serves many runs and many versions of a task remembers the last few, and serves all."""

from __future__ import annotations

import asyncio
import gc
import os
import threading
from pathlib import Path
from typing import Any

import pytest

import flyte_nb as flyte
from flyte_nb.backends.processes import ProcessBackend
from flyte_nb.backends.workers.kept import MOST_KEPT, Kept

env = flyte.TaskEnvironment("many", queue="one")
here = flyte.TaskEnvironment("here")
MANY = MOST_KEPT + 10


@pytest.fixture(autouse=True)
def one_worker(home: Path) -> None:
    flyte.init(home=home, queues={"one": ProcessBackend(cpus=1)})


@env.task
def kept() -> tuple[int, list[int]]:
    """The process, and how many runs, and versions of tasks, it remembers."""
    return os.getpid(), [len(one) for one in gc.get_objects() if isinstance(one, Kept)]


def version(number: int) -> Any:
    """A task that a notebook has edited so many times."""

    @env.task
    def edited() -> int:
        return number

    return edited


@here.task
async def all_versions() -> list[int]:
    versions = [version(number) for number in range(MANY)]
    return [await edited.aio() for edited in (*versions, *versions)]


was_there, may_return = threading.Event(), threading.Event()


@here.task
async def returns_to_its_worker() -> list[int]:
    first = await version(1).aio()
    was_there.set()
    await asyncio.to_thread(may_return.wait)
    return [first, await version(2).aio()]


def test_a_worker_that_has_served_many_runs_remembers_the_last_few() -> None:
    seen = [flyte.run(kept).outputs() for _ in range(MANY)]
    assert len({process for process, _ in seen}) == 1
    assert seen[9][1] == [10, 1]
    assert seen[-1][1] == [MOST_KEPT, 1]


def test_a_worker_is_told_again_what_it_has_forgotten_of_a_task() -> None:
    assert flyte.run(all_versions).outputs() == ([*range(MANY), *range(MANY)],)
    assert flyte.run(kept).outputs()[1] == [2, MOST_KEPT]


def test_a_worker_is_told_again_what_it_has_forgotten_of_a_run() -> None:
    run = flyte.run(returns_to_its_worker)
    assert was_there.wait(60)
    for number in range(MANY):
        flyte.run(version(number)).wait()
    may_return.set()
    assert run.outputs() == ([1, 2],)
