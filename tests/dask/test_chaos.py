"""Dask workers are killed at random during a run: the result is right, and nothing is left behind."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

import flyte_nb as flyte
from flyte_nb.backends.dask import DaskBackend

env = flyte.TaskEnvironment("survivor_on_dask")
BRANCHES, LEAVES, KILLS = 5, 30, 4


@env.task(retries=10)
def leaf(x: int, marks: str) -> int:
    with (Path(marks) / f"leaf-{x}").open("a") as file:
        file.write("x")
    (Path(marks) / f"process-{os.getpid()}").touch()
    return x * x


@env.task(retries=10)
async def branch(first: int, n: int, marks: str) -> int:
    (Path(marks) / f"process-{os.getpid()}").touch()
    return sum(await asyncio.gather(*(leaf.aio(x, marks) for x in range(first, first + n))))


@env.task(retries=10)
async def main(branches: int, n: int, marks: str) -> int:
    (Path(marks) / f"process-{os.getpid()}").touch()
    return sum(await asyncio.gather(*(branch(first, n, marks) for first in range(0, branches * n, n))))


@pytest.mark.parametrize("seed", [1])
def test_a_run_whose_dask_workers_are_killed_at_random_gives_the_right_result(
    new_cluster: Callable[..., Any], home: Path, tmp_path: Path, seed: int
) -> None:
    marks = tmp_path / "marks"
    marks.mkdir()
    cluster = new_cluster(n_workers=2, threads_per_worker=2)
    flyte.init(home=home, queues={"dask": DaskBackend(cluster)})
    dice = random.Random(seed)
    run = flyte.with_runcontext(mode="dask").run(main, BRANCHES, LEAVES, str(marks))

    killed = 0
    for number in sorted(dice.sample(range(2, BRANCHES * LEAVES - 20), KILLS)):
        while len(list(marks.glob("leaf-*"))) < number and not run.done():
            time.sleep(0.01)
        alive = [nanny.process.pid for nanny in tuple(cluster.workers.values()) if nanny.process and nanny.process.pid]
        if alive and not run.done():
            with contextlib.suppress(psutil.NoSuchProcess):
                psutil.Process(dice.choice(alive)).kill()
                killed += 1

    assert run.outputs()[0] == sum(x * x for x in range(BRANCHES * LEAVES))
    assert killed >= KILLS - 1
    cluster.close()
    processes = [int(path.name.removeprefix("process-")) for path in marks.glob("process-*")]
    deadline = time.monotonic() + 30
    while any(psutil.pid_exists(pid) for pid in processes):
        assert time.monotonic() < deadline, "processes of tasks are left behind"
        time.sleep(0.02)
