"""Something of its own that a task had cancelled is an error of the task's, as nobody has cancelled the task."""

from __future__ import annotations

import asyncio

import pytest

import flyte_nb as flyte
from flyte_nb import errors
from flyte_nb.remote import Action

env = flyte.TaskEnvironment("own")


@env.task(retries=1)
async def waits_for_what_it_cancelled(times: int) -> str:
    context = flyte.ctx()
    assert context is not None
    if context.attempt_number <= times:
        never = asyncio.get_running_loop().create_future()
        never.cancel()
        await never
    return "after all"


@env.task(retries=1)
def raises_it(times: int) -> str:
    context = flyte.ctx()
    assert context is not None
    if context.attempt_number <= times:
        raise asyncio.CancelledError
    return "after all"


@env.task
async def root(kind: str, times: int) -> str:
    try:
        if kind == "async":
            return await waits_for_what_it_cancelled(times)
        return await raises_it.aio(times)
    except Exception as error:
        assert isinstance(error, errors.RuntimeUserError)
        return error.code


@pytest.mark.parametrize("kind", ["async", "sync"])
@pytest.mark.parametrize("mode", [None, "process"])
def test_it_is_retried_and_then_caught_as_any_error(kind: str, mode: str | None) -> None:
    assert flyte.with_runcontext(mode).run(root, kind, 1).outputs() == "after all"

    run = flyte.with_runcontext(mode).run(root, kind, 9)
    assert run.outputs() == "CancelledError"
    assert sorted(str(action.phase) for action in Action.listall(run.name)) == ["failed", "succeeded"]


def test_a_root_that_waits_for_what_it_cancelled_has_failed() -> None:
    run = flyte.run(waits_for_what_it_cancelled, 9)
    run.wait()

    assert run.phase == "failed"
    with pytest.raises(errors.RuntimeUserError, match="nobody had cancelled the task"):
        run.outputs()
