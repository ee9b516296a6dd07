"""Environment variables of an attempt are there for its code, and for nobody else where the place allows it."""

from __future__ import annotations

import asyncio
import os
import threading
from pathlib import Path

import pytest

import flyte_nb as flyte

env = flyte.TaskEnvironment("variables")
NAME = "FLYTE_NB_VARIABLES_TEST"


@pytest.fixture(autouse=True)
def unset(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(NAME, "")  # what a leak has left goes with the test
    monkeypatch.delenv(NAME)


@env.task
async def read() -> str | None:
    return os.environ.get(NAME)


@env.task
def read_on_a_thread() -> str | None:
    return os.environ.get(NAME)


@pytest.mark.parametrize("order", [("one", "two"), ("two", "one")])
def test_variables_of_tasks_that_wait_in_map_do_not_leak_whatever_order_they_end_in(order: tuple[str, str]) -> None:
    waiting: set[str] = set()
    go_on = {name: asyncio.Event() for name in order}

    @env.task
    async def wait(name: str) -> None:
        waiting.add(name)
        await go_on[name].wait()

    @env.task
    async def waits_in_map(name: str) -> list[str | None]:
        before = os.environ.get(NAME)
        list(flyte.map(wait, [name]))
        return [before, os.environ.get(NAME)]

    @env.task
    async def meanwhile() -> list[str | None]:
        while len(waiting) < 2:
            await asyncio.sleep(0)
        found = [os.environ.get(NAME)]
        for name in order:
            go_on[name].set()
            await ended[name].wait()
            found.append(os.environ.get(NAME))
        return found

    ended = {name: asyncio.Event() for name in order}

    @env.task
    async def root() -> list[list[str | None]]:
        async def call(name: str) -> list[str | None]:
            try:
                return await waits_in_map.override(env_vars={NAME: name})(name)
            finally:
                ended[name].set()

        return list(await asyncio.gather(call("one"), call("two"), meanwhile()))

    assert flyte.run(root).outputs()[0] == [["one", "one"], ["two", "two"], [None, None, None]]
    assert NAME not in os.environ


def test_a_secret_of_a_task_that_calls_a_sync_task_is_gone_when_it_has_ended(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "VARIABLES_TEST_KEY").write_text("hidden")
    monkeypatch.setenv("FLYTE_NB_SECRETS_DIR", str(tmp_path))

    @env.task
    async def root() -> list[str | None]:
        return [os.environ.get(NAME), read_on_a_thread(), os.environ.get(NAME)]

    with_secret = root.override(secrets=flyte.Secret("VARIABLES_TEST_KEY", as_env_var=NAME))

    assert flyte.run(with_secret).outputs()[0] == ["hidden", None, "hidden"]
    assert NAME not in os.environ


def test_a_call_that_is_awaited_has_its_own_variables_and_not_those_of_who_awaits_it() -> None:
    @env.task
    async def root() -> list[str | None]:
        other = read.override(env_vars={NAME: "other"})
        return [await read(), await other(), *await asyncio.gather(read()), os.environ.get(NAME)]

    assert flyte.run(root.override(env_vars={NAME: "root"})).outputs()[0] == [None, "other", None, "root"]
    assert NAME not in os.environ


def test_threads_that_overlap_leave_no_variable_behind() -> None:
    both_run, first_has_ended = threading.Barrier(2), threading.Event()

    @env.task
    def first() -> None:
        both_run.wait()

    @env.task
    def second() -> str | None:
        both_run.wait()
        first_has_ended.wait()
        return os.environ.get(NAME)

    @env.task
    async def root() -> str | None:
        ends = asyncio.create_task(first.override(env_vars={NAME: "first"}).aio())
        found = asyncio.create_task(second.override(env_vars={NAME: "second"}).aio())
        await ends
        first_has_ended.set()
        return await found

    assert flyte.run(root).outputs() in ("first", "second")  # who was the last to begin
    assert NAME not in os.environ
