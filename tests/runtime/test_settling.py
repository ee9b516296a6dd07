"""A caller that is cancelled while calls below are settled hears of it."""

from __future__ import annotations

import asyncio

import pytest

import flyte_nb as flyte
from flyte_nb.remote import Action

env = flyte.TaskEnvironment("settling")


@pytest.mark.parametrize("fails", [False, True])
def test_a_call_that_is_cancelled_while_it_settles_what_it_left_behind_is_cancelled(fails: bool) -> None:
    begun, cleaning, may_end = asyncio.Event(), asyncio.Event(), asyncio.Event()
    left: list[asyncio.Task[None]] = []

    @env.task
    async def cleans_up() -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            cleaning.set()
            await may_end.wait()

    @env.task(retries=3)
    async def leaves_a_call() -> str:
        left.append(asyncio.create_task(cleans_up()))
        await begun.wait()
        if fails:
            raise ValueError("another attempt may follow")
        return "a value"

    @env.task
    async def root() -> str:
        call = asyncio.create_task(leaves_a_call())
        await cleaning.wait()
        call.cancel()
        may_end.set()
        try:
            return await call
        except asyncio.CancelledError:
            return "cancelled"

    run = flyte.run(root)

    assert run.outputs() == "cancelled"
    assert len(left) == 1, "no other attempt follows"
    assert len(list(Action.listall(run.name))) == 3
