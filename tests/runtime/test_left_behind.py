"""What an attempt leaves behind when it fails starts nothing in the next one."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

import flyte_nb as flyte
from flyte_nb import errors, hitl
from flyte_nb.remote import Action

env = flyte.TaskEnvironment("left")
done: list[str] = []


@env.task
async def child() -> str:
    done.append("child")
    return "called"


@flyte.trace
async def pay() -> str:
    done.append("pay")
    return "paid"


async def ask() -> str:
    await hitl.new_event.aio("sure", data_type=bool, prompt="Sure?")
    done.append("asked")
    return "asked"


@pytest.mark.parametrize("starts", [child, pay, ask])
def test_a_branch_of_an_attempt_that_failed_starts_nothing_in_the_next(starts: Callable[[], Awaitable[str]]) -> None:
    done.clear()
    left: list[Any] = []

    @env.task(retries=1)
    async def root() -> str:
        if not left:
            go = asyncio.Event()

            async def branch() -> str:
                await go.wait()
                return await starts()

            left[:] = [go, asyncio.create_task(branch())]
            raise ValueError("the first attempt fails")
        left[0].set()
        with pytest.raises(errors.RuntimeUserError, match="cannot start: attempt 1 of 'a0'.* has ended") as refused:
            await left[1]
        assert refused.value.code == "ParentEnded"
        return await starts()

    run = flyte.run(root)

    run.wait()
    assert run.phase == "succeeded"
    assert len(done) == 1
    assert len(list(Action.listall(run.name))) == (2 if starts is child else 1)
