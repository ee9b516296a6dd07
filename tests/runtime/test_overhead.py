"""What an action costs, counted and not timed: time depends on the machine, and `make bench` measures it."""

from __future__ import annotations

import asyncio
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import flyte_nb as flyte

env = flyte.TaskEnvironment("overhead")
MOST_CALLS = 160
counted: Counter[str] = Counter()


@contextmanager
def counting() -> Iterator[None]:
    """Count calls of Python functions on this thread; engine, journal and the loop's own are among them."""

    def note(frame: Any, event: str, argument: Any) -> None:
        if event == "call":
            counted["calls"] += 1

    sys.setprofile(note)
    try:
        yield
    finally:
        sys.setprofile(None)


@env.task
async def noop(i: int) -> int:
    return i


@env.task
async def fan_out(width: int) -> None:
    await noop(-1)
    with counting():
        await asyncio.gather(*(noop(i) for i in range(width)))


def calls_of(width: int) -> int:
    counted.clear()
    flyte.run(fan_out, width).wait()
    return counted["calls"]


def test_an_action_of_a_fan_out_takes_few_calls_of_functions_however_many_there_are() -> None:
    calls_of(10)
    small, large = calls_of(500) / 500, calls_of(4_000) / 4_000
    assert large < MOST_CALLS
    assert large < 1.1 * small


def test_actions_that_end_together_are_committed_together(
    at_write_points: Callable[[Callable[[str], None]], AbstractContextManager[None]],
) -> None:
    reached: Counter[str] = Counter()

    def note(point: str) -> None:
        reached[point] += 1

    with at_write_points(note):
        flyte.run(fan_out, 1_000).wait()
    assert reached["after_commit"] < 500
