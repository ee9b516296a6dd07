"""Who is told to have blocked a loop."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from flyte_nb._engine.duty import Duty

LOOK_EVERY_S = 0.05


@pytest.fixture
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    """A loop that does not turn."""
    loop = asyncio.new_event_loop()
    yield loop
    loop.close()


def told(loop: asyncio.AbstractEventLoop, at_work: list[str | None]) -> list[str]:
    """The actions that are told, where these were at work at one look after the other."""
    log: list[Any] = []
    run: Any = SimpleNamespace(loop=loop, busy_until=0.0, log=log, stepping=None)
    duty = Duty(SimpleNamespace(is_committing=False), SimpleNamespace())  # type: ignore[arg-type]
    for look, name in enumerate([None, None, None, *at_work]):
        run.stepping = None if name is None else SimpleNamespace(name=name)
        duty._ping_loops([run], look * LOOK_EVERY_S)
    return [event.action for event in log]


def test_an_action_that_is_at_work_for_more_than_a_second_while_its_loop_stands_is_told_once(
    loop: asyncio.AbstractEventLoop,
) -> None:
    assert told(loop, ["long"] * 60) == ["long"]


def test_short_steps_that_hold_a_loop_together_are_no_fault_of_the_one_at_work_then(
    loop: asyncio.AbstractEventLoop,
) -> None:
    assert told(loop, [f"short {look // 10}" for look in range(60)]) == []
    assert told(loop, ["short"] * 10 + ["long"] * 40) == ["long"]
