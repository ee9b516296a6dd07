"""A wide fan-out: what waits for a worker is held as little as can be."""

from __future__ import annotations

import asyncio
import tracemalloc
from pathlib import Path

import pytest

import flyte_nb as flyte
from flyte_nb.backends.processes import ProcessBackend

env = flyte.TaskEnvironment("fan_out")
elsewhere = flyte.TaskEnvironment("fan_out_elsewhere", queue="workers")


@elsewhere.task
async def waits(payload: str) -> None:
    await asyncio.sleep(600)


@env.task
async def held_while_they_wait(n: int, size: int) -> int:
    """Bytes that are held while `n` calls have been made, whose inputs share one text in this process."""
    payload = "x" * size
    tracemalloc.start()
    try:
        calls = [asyncio.ensure_future(waits(payload)) for _ in range(n)]
        await asyncio.sleep(0)  # each goes as far as it can
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    for call in calls:
        call.cancel()
    await asyncio.wait(calls)
    return held


@pytest.mark.parametrize(
    ("n", "size"),
    [
        (400, 100_000),
        (6_000, 30_000),  # what the journal holds, and no store; twice 16 MiB may wait for a slow disk
        pytest.param(100_000, 100_000, marks=pytest.mark.slow),
        pytest.param(100_000, 20_000, marks=pytest.mark.slow),
    ],
)
def test_a_fan_out_does_not_hold_the_inputs_of_all_its_calls_at_once(n: int, size: int, home: Path) -> None:
    flyte.init(home=home, queues={"workers": ProcessBackend(cpus=2)})

    held = flyte.run(held_while_they_wait, n, size).outputs()[0]

    assert held < n * size / 2


@elsewhere.task
async def last_of(payload: str) -> str:
    return payload[-6:]


@env.task
async def lasts(n: int, size: int) -> list[str]:
    return list(await asyncio.gather(*(last_of(f"{i:0>{size}}") for i in range(n))))


def test_each_call_of_a_fan_out_gets_its_own_inputs_however_long_it_has_waited(home: Path) -> None:
    flyte.init(home=home, queues={"workers": ProcessBackend(cpus=2)})

    assert flyte.run(lasts, 900, 30_000).outputs()[0] == [f"{i:0>6}" for i in range(900)]
