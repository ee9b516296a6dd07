"""Coroutines that a task runs beside itself (gather, create_task, task groups) wait as the task itself may."""

from __future__ import annotations

import asyncio
import contextvars
import inspect
import os
import sys
import threading
import traceback
import warnings
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import anyio
import pytest

import flyte_nb as flyte
from flyte_nb.remote import Action

env = flyte.TaskEnvironment("branches")

Function = Callable[[], Coroutine[Any, Any, Any]]


@env.task
async def double(x: int) -> int:
    await asyncio.sleep(0)
    return 2 * x


@env.task
def triple(x: int) -> int:
    return 3 * x


async def with_gather(*functions: Function) -> None:
    await asyncio.gather(*(function() for function in functions))


async def with_create_task(*functions: Function) -> None:
    for one in [asyncio.create_task(function()) for function in functions]:
        await one


async def with_a_task_group(*functions: Function) -> None:
    async with asyncio.TaskGroup() as group:
        for function in functions:
            group.create_task(function())


async def with_anyio(*functions: Function) -> None:
    async with anyio.create_task_group() as group:
        for function in functions:
            group.start_soon(function)


WAYS = [with_gather, with_create_task, with_a_task_group, with_anyio]


@pytest.mark.parametrize("beside_each_other", WAYS)
@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0)])
def test_branches_that_wait_in_map_end_in_any_order(beside_each_other: Any, order: tuple[int, ...]) -> None:
    ended: list[int] = []
    gates = [asyncio.Event() for _ in range(3)]
    waiting = 0

    @env.task
    async def held(index: int) -> int:
        nonlocal waiting
        waiting += 1
        if waiting == 3:
            gates[order[0]].set()
        await gates[index].wait()
        return index

    @env.task
    async def parent() -> None:
        async def branch(index: int) -> None:
            assert list(flyte.map(held, [index])) == [index]
            ended.append(index)
            if len(ended) < 3:
                gates[order[len(ended)]].set()

        await beside_each_other(*(lambda index=index: branch(index) for index in range(3)))

    run = flyte.run(parent)
    run.wait(timeout=20)
    run.raise_for_status()
    assert ended == list(order)


def test_a_branch_calls_sync_tasks_and_waits_for_runs() -> None:
    @env.task
    async def parent() -> list[int]:
        async def calls() -> int:
            return triple(triple(1))

        async def waits_for_a_run() -> int:
            return int(flyte.run(double, 2).outputs()[0])

        return list(await asyncio.gather(calls(), waits_for_a_run()))

    assert flyte.run(parent).outputs()[0] == [9, 4]


@pytest.mark.parametrize("mode", ["process", None])
def test_branches_wait_in_a_worker_process_and_on_a_loop_of_a_sync_task_too(mode: Any) -> None:
    async def branches() -> list[int]:
        met = asyncio.Event()

        async def first() -> int:
            [result] = flyte.map(double, [1])
            met.set()
            return result

        async def second() -> int:
            await met.wait()
            return triple(1)

        async def third() -> int:
            while not met.is_set():
                triple(1)
            return 4

        return list(await asyncio.gather(first(), second(), third()))

    @env.task
    async def parent() -> list[int]:
        return await branches()

    @env.task
    def above() -> list[int]:
        return asyncio.run(parent())

    run = flyte.with_runcontext(mode=mode).run(above)
    run.wait(timeout=30)
    assert run.outputs()[0] == [2, 3, 4]


def test_cancelling_a_branch_that_waits_ends_its_wait_and_aborts_its_calls() -> None:
    begun = asyncio.Event()

    @env.task
    async def sleeps(x: int) -> int:
        begun.set()
        await asyncio.sleep(60)
        return x

    @env.task
    async def parent() -> list[str]:
        heard: list[str] = []

        async def branch() -> None:
            try:
                list(flyte.map(sleeps, [1]))
            except asyncio.CancelledError:
                heard.append("cancelled")
                raise

        one = asyncio.create_task(branch())
        await begun.wait()
        one.cancel()
        await asyncio.wait([one])
        return [*heard, str(one.cancelled())]

    run = flyte.run(parent)
    assert run.outputs()[0] == ["cancelled", "True"]
    assert [str(one.phase) for one in Action.listall(run.name)] == ["succeeded", "aborted"]


def test_a_branch_has_the_context_that_asyncio_gives_it() -> None:
    variable = contextvars.ContextVar("variable", default="unset")
    seen: list[str] = []

    @env.task
    async def parent() -> None:
        async def branch(new: str) -> None:
            seen.append(variable.get())
            variable.set(new)
            triple(1)
            await double(1)
            seen.append(variable.get())

        variable.set("of the task")
        await asyncio.create_task(branch("of the branch"))
        given = contextvars.copy_context()
        given.run(variable.set, "given")
        await asyncio.create_task(branch("changed"), context=given)
        seen.extend([variable.get(), given[variable]])

    flyte.run(parent).outputs()
    assert seen == ["of the task", "of the branch", "given", "changed", "of the task", "changed"]


def test_a_branch_looks_like_its_coroutine() -> None:
    @env.task
    async def parent() -> None:
        async def branch() -> None:
            await asyncio.sleep(0)

        one = asyncio.create_task(branch(), name="mine")
        assert one.get_name() == "mine"
        assert "branch()" in repr(one) and __file__ in repr(one)
        coroutine: Any = one.get_coro()
        assert inspect.getcoroutinestate(coroutine) == inspect.CORO_CREATED
        await asyncio.sleep(0)
        assert [frame.f_code.co_name for frame in one.get_stack()] == ["branch"]
        await one

    flyte.run(parent).outputs()


def test_the_error_of_a_branch_shows_the_users_lines_only() -> None:
    @env.task
    async def parent() -> list[str]:
        async def branch() -> None:
            triple(1)
            await asyncio.sleep(0)
            raise LookupError("nothing there")

        try:
            await asyncio.gather(branch())
        except LookupError as error:
            return [frame.filename for frame in traceback.extract_tb(error.__traceback__)]
        return []

    assert set(flyte.run(parent).outputs()[0]) == {__file__}


def test_environment_variables_of_a_task_are_those_of_its_branches() -> None:
    @env.task
    async def parent() -> list[str]:
        async def branch() -> str:
            await asyncio.sleep(0)
            return os.environ.get("BRANCHES_TEST", "")

        return list(await asyncio.gather(branch(), branch()))

    run = flyte.run(parent.override(env_vars={"BRANCHES_TEST": "set"}))
    assert run.outputs()[0] == ["set", "set"]


def test_a_branch_that_was_cancelled_before_it_began_warns_of_nothing() -> None:
    @env.task
    async def parent() -> bool:
        async def branch() -> None:
            triple(1)

        one = asyncio.create_task(branch())
        one.cancel()
        await asyncio.wait([one])
        return one.cancelled()

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert flyte.run(parent).outputs() == (True,)


def test_the_users_own_factory_makes_the_asyncio_tasks() -> None:
    made: list[str] = []

    def factory(loop: asyncio.AbstractEventLoop, coroutine: Any, **options: Any) -> asyncio.Task[Any]:
        made.append(coroutine.__qualname__.rpartition(".")[2])
        return asyncio.Task(coroutine, loop=loop, **options)

    @env.task
    async def parent() -> list[int]:
        async def branch(x: int) -> int:
            return next(flyte.map(double, [x])) + await double(x)

        asyncio.get_running_loop().set_task_factory(factory)
        await double(0)
        results = await asyncio.gather(branch(1), branch(2))
        asyncio.get_running_loop().set_task_factory(None)
        return list(results)

    assert flyte.run(parent).outputs()[0] == [4, 8]
    assert made == ["branch", "branch"]


@pytest.mark.skipif(sys.version_info < (3, 12), reason="eager tasks came with Python 3.12")
def test_tasks_that_begin_eagerly_wait_too() -> None:
    @env.task
    async def parent() -> list[int]:
        async def branch(x: int) -> int:
            return next(flyte.map(double, [triple(x)])) + await waits(x)

        asyncio.get_running_loop().set_task_factory(asyncio.eager_task_factory)  # type: ignore[attr-defined]
        await double(0)
        results = await asyncio.gather(branch(1), waits(2), branch(3))
        asyncio.get_running_loop().set_task_factory(None)
        return list(results)

    @env.task
    async def waits(x: int) -> int:
        return triple(x)

    run = flyte.run(parent)
    run.wait(timeout=20)
    assert run.outputs()[0] == [9, 6, 27]


def test_asyncio_tasks_of_no_run_are_left_alone_and_so_is_the_loop_once_its_runs_have_ended() -> None:
    begun, may_end = threading.Event(), threading.Event()

    @env.task
    async def held() -> None:
        begun.set()
        await asyncio.to_thread(may_end.wait)

    async def cell() -> None:
        loop = asyncio.get_running_loop()
        run = await flyte.with_runcontext(mode="notebook").run.aio(held)
        await asyncio.to_thread(begun.wait)
        other = double.func(1)
        one = loop.create_task(other)
        assert one.get_coro() is other
        may_end.set()
        await one
        await run.wait.aio()
        run.raise_for_status()
        assert loop.get_task_factory() is None

    asyncio.run(cell())


def test_a_call_that_waits_in_a_callback_is_refused_and_told_what_to_do_instead(home: Path) -> None:
    @env.task
    async def parent() -> int:
        loop = asyncio.get_running_loop()
        got = loop.create_future()

        def calls() -> None:
            try:
                triple(1)
            except flyte.errors.RuntimeUserError as error:
                got.set_result(str(error))

        def starts() -> None:
            nonlocal started
            started = loop.create_task(triple.aio(1))

        started: asyncio.Task[int]
        loop.call_soon(calls)
        assert "Have the callback start an asyncio task" in await got
        loop.call_soon(starts)
        await asyncio.sleep(0)
        return await started

    assert flyte.run(parent).outputs() == 3
