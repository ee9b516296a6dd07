"""Groups, logs, custom context, environment variables."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import os
import secrets
import sys
import threading
from pathlib import Path

import pytest

import flyte_nb as flyte
from flyte_nb.remote import Action

env = flyte.TaskEnvironment("order")


@env.task
async def leaf(x: int = 0) -> int:
    await asyncio.sleep(0)
    return x


def groups(run: flyte.Run) -> list[str]:
    return [action.details().group for action in Action.listall(run.name)]


def test_calls_inside_a_group_are_shown_under_it_across_gather() -> None:
    @env.task
    async def root() -> None:
        await leaf(0)
        with flyte.group("first"):
            await asyncio.gather(leaf(1), leaf(2))
            with flyte.group("inner"):
                await leaf(3)
            await leaf(4)
        await leaf(5)

    run = flyte.run(root)
    run.wait()

    assert groups(run) == ["", "", "first", "first", "inner", "first", ""]


def test_a_group_ends_with_an_exception() -> None:
    @env.task
    async def root() -> None:
        try:
            with flyte.group("broken"):
                raise ValueError
        except ValueError:
            await leaf()

    run = flyte.run(root)
    run.wait()

    assert groups(run) == ["", ""]


def test_map_opens_a_group() -> None:
    @env.task
    async def root() -> None:
        list(flyte.map(leaf, [1], group_name="mine"))
        list(flyte.map(leaf, [2]))

    run = flyte.run(root)
    run.wait()

    assert groups(run) == ["", "mine", "map leaf"]


def test_a_group_outside_a_run_does_nothing() -> None:
    with flyte.group("anything"):
        assert asyncio.run(leaf(3)) == 3


def test_what_a_task_prints_and_logs_is_stored_with_its_action_in_order(capsys: pytest.CaptureFixture[str]) -> None:
    logger = logging.getLogger("tests.order")

    @env.task
    async def child(name: str) -> None:
        print(f"{name}: one")
        await asyncio.sleep(0)
        logger.warning("%s: two", name)
        print(f"{name}: three", file=sys.stderr)

    @env.task
    def sync_child() -> None:
        print("from a thread")

    @env.task
    async def root() -> None:
        print("begin")
        await asyncio.gather(child("a"), child("b"))
        sync_child()
        print("end")

    run = flyte.run(root)
    run.wait()

    _, first, second, third = Action.listall(run.name)
    assert first.get_logs() == ["a: one", "tests.order: a: two", "a: three"]
    assert second.get_logs() == ["b: one", "tests.order: b: two", "b: three"]
    assert third.get_logs() == ["from a thread"]
    assert run.action.get_logs() == ["begin", "end"]
    assert len(run.get_logs()) == 9
    shown = capsys.readouterr()
    assert shown.out == "begin\na: one\nb: one\nfrom a thread\nend\n"
    assert "a: three\n" in shown.err


def test_custom_context_is_a_base_with_inner_overrides_that_are_restored() -> None:
    seen: list[dict[str, str]] = []

    @env.task
    async def child() -> None:
        seen.append(flyte.get_custom_context())

    @env.task
    async def root() -> None:
        await child()
        with flyte.custom_context(trace_id="inner", extra="1"):
            await child()
        await child()

    flyte.with_runcontext(custom_context={"trace_id": "outer"}).run(root).wait()

    assert seen == [{"trace_id": "outer"}, {"trace_id": "inner", "extra": "1"}, {"trace_id": "outer"}]


def test_custom_context_reaches_grandchildren() -> None:
    @env.task
    async def grandchild() -> str:
        return flyte.ctx().custom_context["key"]  # type: ignore[union-attr]

    @env.task
    async def child() -> str:
        return await grandchild()

    @env.task
    async def root() -> str:
        with flyte.custom_context(key="value"):
            return await child()

    assert flyte.run(root).outputs() == "value"


def test_custom_context_holds_strings_only() -> None:
    with pytest.raises(TypeError, match="'n'.*int"), flyte.custom_context(n=1):  # type: ignore[arg-type]
        pass
    with pytest.raises(TypeError, match="strings only"):
        flyte.with_runcontext(custom_context={"n": 1})  # type: ignore[dict-item]


def test_ctx_tells_a_task_where_it_runs_and_is_none_outside() -> None:
    @env.task
    async def root() -> tuple[str, str, int, str]:
        context = flyte.ctx()
        assert context is not None
        return context.action.name, context.action.run_name, context.attempt_number, context.mode

    assert flyte.ctx() is None
    run = flyte.with_runcontext(name="mine").run(root)
    assert run.outputs() == ("a0", "mine", 1, "local")


def test_the_project_and_domain_of_a_run_are_current_in_its_tasks() -> None:
    @env.task
    async def root() -> tuple[str, str]:
        return flyte.current_project(), flyte.current_domain()

    assert flyte.with_runcontext(project="p", domain="d").run(root).outputs() == ("p", "d")


def test_environment_variables_hold_for_the_attempt_only_and_do_not_leak_between_async_tasks() -> None:
    @env.task
    async def reads() -> list[str | None]:
        values = []
        for _ in range(5):
            values.append(os.environ.get("FLYTE_NB_TEST"))
            await asyncio.sleep(0)
        return values

    @env.task
    async def root() -> list[list[str | None]]:
        one = reads.override(env_vars={"FLYTE_NB_TEST": "one"})
        two = reads.override(env_vars={"FLYTE_NB_TEST": "two"})
        return list(await asyncio.gather(one(), two(), reads()))

    run = flyte.run(root)

    assert run.outputs()[0] == [["one"] * 5, ["two"] * 5, [None] * 5]
    assert "FLYTE_NB_TEST" not in os.environ


def test_environment_variables_of_a_run_reach_sync_tasks() -> None:
    @env.task
    def reads() -> str | None:
        return os.environ.get("FLYTE_NB_TEST")

    run = flyte.with_runcontext(env_vars={"FLYTE_NB_TEST": "value"}).run(reads)

    assert run.outputs() == "value"
    assert "FLYTE_NB_TEST" not in os.environ


def test_a_secret_reaches_the_task_and_is_recorded_nowhere(monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    value = secrets.token_hex(16)
    folder = home.parent / "secrets"
    (folder / "my-group").mkdir(parents=True)
    (folder / "my-group" / "my-key").write_text(value + "\n")
    monkeypatch.setenv("FLYTE_NB_SECRETS_DIR", str(folder))
    with_secret = flyte.TaskEnvironment(
        "secrets", secrets=flyte.Secret("my-key", group="my-group", as_env_var="FLYTE_NB_TEST_TOKEN")
    )

    @with_secret.task
    async def root() -> str:
        return hashlib.sha256(os.environ["FLYTE_NB_TEST_TOKEN"].encode()).hexdigest()

    run = flyte.run(root)

    assert run.outputs() == hashlib.sha256(value.encode()).hexdigest()
    assert "FLYTE_NB_TEST_TOKEN" not in os.environ
    stored = b"".join(path.read_bytes() for path in home.rglob("*") if path.is_file())
    assert run.name.encode() in stored
    assert value.encode() not in stored


def test_a_secret_that_is_nowhere_is_a_failure_that_says_where_to_put_it() -> None:
    with_secret = flyte.TaskEnvironment("missing", secrets="no-such-secret")

    @with_secret.task
    async def root() -> None: ...

    with pytest.raises(flyte.errors.RuntimeUserError, match="no-such-secret.*NO_SUCH_SECRET"):
        flyte.run(root)


def test_redefining_a_task_replaces_it_silently_and_a_run_in_flight_keeps_what_it_started_with() -> None:
    redefined = threading.Event()

    def define(answer: int) -> object:
        @env.task
        async def version() -> int:
            return answer

        return version

    current = {"version": define(1)}

    @env.task
    async def root() -> list[int]:
        first = await current["version"]()  # type: ignore[operator]
        await asyncio.to_thread(redefined.wait, 20)
        second = await current["version"]()  # type: ignore[operator]
        return [first, second]

    run = flyte.run(root)
    while len(list(Action.listall(run.name))) < 2:
        pass
    current["version"] = define(2)
    redefined.set()

    assert run.outputs()[0] == [1, 1]
    assert flyte.run(root).outputs()[0] == [2, 2]


def test_printing_while_runs_come_and_go_is_safe(capsys: pytest.CaptureFixture[str]) -> None:
    """`print` borrows `sys.stdout`: what covers it must outlive every call, or the interpreter crashes."""
    covers = set()
    for _ in range(3):
        run = flyte.run(leaf)
        covers.add(id(sys.stdout))
        run.wait()
    assert len(covers - {id(sys.stdout)}) <= 1
    stop = threading.Event()

    def talk() -> None:
        while not stop.is_set():
            print("one", "two", "three")

    thread = threading.Thread(target=talk)
    thread.start()
    for index in range(30):
        assert flyte.run(leaf, index).outputs() == index
    stop.set()
    thread.join(20)
    assert "one two three" in capsys.readouterr().out
