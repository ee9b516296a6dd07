"""Deployed tasks, called by name from where nothing of their code is."""

from __future__ import annotations

import asyncio
import dataclasses
import importlib.util
import os
import pickle
import re
from pathlib import Path
from typing import Any

import pandas as pd
import polars as pl
import pytest

import flyte_nb as flyte
from flyte_nb import remote
from flyte_nb._registry.records import Opaque, Record
from flyte_nb.backends.dask import DaskBackend
from flyte_nb.backends.processes import ProcessBackend
from flyte_nb.errors import (
    NotInTaskContextError,
    OOMError,
    RemoteTaskNotFoundError,
    RemoteTaskUsageError,
    RuntimeUserError,
)
from flyte_nb.io import DataFrame, File

from .conftest import deploy, put

env = flyte.TaskEnvironment("callers")
pytestmark = pytest.mark.usefixtures("in_use")


def get(name: str, **how: Any) -> remote.Task:
    return remote.Task.get(f"tools.{name}", **how)


def outputs(task: Any, **inputs: Any) -> Any:
    return flyte.run(task, **inputs).outputs()


@dataclasses.dataclass
class MyPoint:
    x: float
    y: float = 0.0


@env.task
async def call(name: str, inputs: dict[str, Any]) -> Any:
    return await get(name)(**inputs)


def test_a_structure_comes_back_with_attributes_and_goes_in_as_a_dictionary_or_an_object_like_it() -> None:
    @env.task
    async def both() -> str:
        first = await get("scale")(point={"x": 1.0, "items": [1]})
        assert isinstance(first, Record)
        assert (first.x, first["y"], first.items) == (3.0, 2.0, [1, 3])
        second = await get("scale")(point=first, by=2)
        third = await get("scale")(point=MyPoint(second.x), by=10)
        return await get("label")(request={"point": third, "label": "at"})

    assert outputs(both) == "at 60.0"
    assert importlib.util.find_spec("tools") is None


def test_what_the_code_prints_is_in_its_log() -> None:
    run = flyte.run(get("scale"), point={"x": 1.0})
    assert run.outputs()[0].x == 3.0
    assert run.get_logs() == ["scaling"]


@pytest.mark.parametrize("kind", [pd.DataFrame, pl.DataFrame])
def test_a_frame_of_any_library_goes_in_and_a_reference_comes_back(kind: Any) -> None:
    [found] = outputs(get("doubled"), frame=kind({"a": [1, 2]}))
    assert type(found) is DataFrame
    assert found.open(pl.DataFrame).all_sync()["a"].to_list() == [2, 4]


def test_a_file_goes_in_and_comes_back(tmp_path: Path) -> None:
    (tmp_path / "words.txt").write_text("loud")
    [found] = outputs(get("shouted"), file=File.from_local_sync(tmp_path / "words.txt"))
    assert type(found) is File
    assert Path(found.download_sync()).read_text() == "LOUD"


@pytest.mark.parametrize(("value", "kind"), [(None, "NoneType"), (1, "int"), ("1", "str")])
def test_one_of_several_types_arrives_as_the_type_it_is(value: Any, kind: str) -> None:
    assert outputs(get("either"), value=value) == (kind, [1, 2])


def test_members_of_enumerations_go_by_name() -> None:
    assert outputs(get("opposite"), shade="DARK") == "LIGHT"
    with pytest.raises(RemoteTaskUsageError, match="Expected one of 'DARK', 'LIGHT', got 'GREY'"):
        flyte.run(get("opposite"), shade="GREY")


def test_what_only_the_deployed_code_can_load_is_handed_on_unread() -> None:
    @env.task
    async def through() -> str:
        hidden = await get("hide")(secret="inside")
        assert isinstance(hidden, Opaque)
        assert "Hidden" in repr(hidden)
        return await get("reveal")(hidden=hidden)

    assert outputs(through) == "inside"
    with pytest.raises(RemoteTaskUsageError, match="which only the deployed code can make"):
        flyte.run(get("reveal"), hidden=object())


def test_plain_data_may_be_passed_where_anything_may() -> None:
    assert outputs(get("whatever"), value=[1, {"a": None}])[0] == {"got": [1, {"a": None}], "kind": "list"}


def test_nothing_that_deployed_code_gives_is_unpickled_by_its_caller(
    tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    noted = tmp_path / "unpickled by"
    monkeypatch.setenv("FLYTE_NB_TEST_NOTED", str(noted))
    put(
        tmp_path,
        "hostile.py",
        """
        import os
        import flyte_nb as flyte
        env = flyte.TaskEnvironment("hostile")

        class Noticed(Exception):
            def __reduce__(self):
                return exec, (
                    "import os; os.makedirs(os.environ['FLYTE_NB_TEST_NOTED'] + '/' + str(os.getpid()), exist_ok=True)",
                )

        @env.task
        async def untyped():
            return Noticed()

        @env.task
        async def inside() -> dict:
            return {"it": Noticed()}

        @env.task
        async def raised() -> int:
            raise Noticed("no")
        """,
    )
    deploy(tmp_path / "registry", tmp_path, "hostile", "v1")
    flyte.init(home=home, registry=tmp_path / "registry")
    assert isinstance(outputs(remote.Task.get("hostile.untyped"))[0], Opaque)
    with pytest.raises(RuntimeUserError, match="cannot be read by others: it holds a pickled object"):
        outputs(remote.Task.get("hostile.inside"))
    with pytest.raises(RuntimeUserError, match="no"):
        outputs(remote.Task.get("hostile.raised"))
    for run in remote.Run.listall():
        reader = remote.Run.get(run.name)
        for action in remote.Action.listall(run.name):
            details = action.details()
            (details.inputs(), details.outputs(), details.input_previews(), details.output_previews())
        if reader.phase == flyte.ActionPhase.SUCCEEDED:
            assert "pickle" in repr(reader.outputs())
    unpickled_by = os.listdir(noted)
    assert unpickled_by and str(os.getpid()) not in unpickled_by


def test_an_error_of_the_code_keeps_its_code_and_message_without_its_class() -> None:
    @env.task
    async def catching() -> str:
        try:
            await get("refuse")()
        except RuntimeUserError as error:
            return f"{error.code}: {error}"
        return ""

    assert outputs(catching) == "Refused: this and that"


@pytest.mark.parametrize(
    ("inputs", "problem"),
    [
        ({}, "input 'point' is missing"),
        ({"point": {"x": 1.0}, "other": 1}, "there is no input 'other'"),
        ({"point": {"y": 1.0}}, "'x' is missing; its fields are 'x', 'y', 'items'"),
        ({"point": {"x": 1.0, "z": 1.0}}, "there is no field 'z'"),
        ({"point": {"x": "one"}}, "x: expected number, got str: 'one'"),
        ({"point": 5}, "expected object"),
        ({"point": {"x": 1.0}, "by": "many"}, "Expected int, got str"),
    ],
)
def test_wrong_arguments_are_said_with_what_was_expected(inputs: dict[str, Any], problem: str) -> None:
    call_it = re.escape("Call it as scale(point: Point, by: int = 3).")
    with pytest.raises(RemoteTaskUsageError, match=f"(?s){re.escape(problem)}.*{call_it}"):
        flyte.run(get("scale"), **inputs)


def test_inputs_have_names() -> None:
    with pytest.raises(RemoteTaskUsageError, match="takes its inputs by name, and 1 came without"):
        flyte.run(get("leaf"), 1)

    @env.task
    async def positional() -> int:
        return await get("leaf")(1)  # type: ignore[no-any-return]

    with pytest.raises(RemoteTaskUsageError, match="by name"):
        outputs(positional)


def test_get_looks_nothing_up_and_fetch_does(home: Path) -> None:
    flyte.init(home=home, registry="memory://nowhere/at/all")
    task = remote.Task.get("nobody.nothing")
    with pytest.raises(RemoteTaskNotFoundError, match="no deployed task 'nobody.nothing'"):
        task.fetch()
    with pytest.raises(RemoteTaskNotFoundError):
        flyte.run(task)


def test_what_was_fetched_is_used_from_then_on(tmp_path: Path, home: Path) -> None:
    for version, number in (("v1", 1), ("v2", 2)):
        put(tmp_path / version, "figures.py", NUMBERS.format(number=number))
    deploy(tmp_path / "registry", tmp_path / "v1", "figures", "v1")
    flyte.init(home=home, registry=tmp_path / "registry")
    fetched = remote.Task.get("figures.number", auto_version="latest")
    details = fetched.fetch()
    assert (details.name, details.version) == ("figures.number", "v1")
    unfetched = remote.Task.get("figures.number")
    deploy(tmp_path / "registry", tmp_path / "v2", "figures", "v2")
    assert outputs(fetched) == outputs(details) == 1
    assert outputs(unfetched) == outputs(remote.Task.get("figures.number", version="v2")) == 2
    assert [task.name for task in remote.Task.listall()] == ["figures.number"]


NUMBERS = """
import flyte_nb as flyte
env = flyte.TaskEnvironment("figures")

@env.task
async def number() -> int:
    return {number}
"""


def test_a_run_uses_two_versions_of_one_task_and_each_is_itself(tmp_path: Path, home: Path) -> None:
    for version, number in (("v1", 1), ("v2", 2)):
        put(tmp_path / version, "figures.py", NUMBERS.format(number=number))
        deploy(tmp_path / "registry", tmp_path / version, "figures", version)
    flyte.init(home=home, registry=tmp_path / "registry")

    numbers = flyte.TaskEnvironment("figures")

    @numbers.task
    async def number() -> int:
        return 3

    @env.task
    async def all_three() -> list[int]:
        remotes = [remote.Task.get("figures.number", version=version) for version in ("v1", "v2")]
        return [*[await one() for one in remotes], await number()]

    assert outputs(all_three)[0] == [1, 2, 3]
    assert flyte.with_runcontext(mode="process").run(all_three).outputs()[0] == [1, 2, 3]
    run = flyte.run(remote.Task.get("figures.number", version="v2"))
    assert run.outputs() == 2
    assert flyte.rerun(run.name).outputs() == 2


def test_calls_below_a_deployed_task_are_actions_of_the_run_and_its_overrides_travel() -> None:
    run = flyte.run(get("tree"), number=3)
    assert run.outputs() == 6
    found = {action.task_name for action in remote.Action.listall(run.name)}
    assert found == {"tools.tree", "tools.leaf"}


def test_code_has_the_variables_of_its_environment_and_neither_the_folder_nor_the_modules_of_its_caller(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    task = get("surroundings").override(env_vars={"LEVEL": "high"}, short_name="around", retries=1, timeout="1m")
    found = outputs(task)[0]
    assert (found["version"], found["region"], found["level"]) == ("v1", "", "high")
    assert str(tmp_path) not in found["path"].split(os.pathsep)
    assert found["pid"] != str(os.getpid())
    assert outputs(get("surroundings"))[0]["region"] == "eu"


def test_its_queue_is_one_of_the_callers_and_holds_as_many_at_once_as_that_has_cores(
    in_use: Path, home: Path, tmp_path: Path
) -> None:
    flyte.init(home=home, registry=in_use, queues={"one": ProcessBackend(cpus=1), "two": ProcessBackend(cpus=2)})

    @env.task
    async def meeting(queue: str) -> list[str]:
        here = get("meets").override(queue=queue, timeout="20s" if queue == "two" else "1s")
        folder = tmp_path / queue
        folder.mkdir()
        calls = [here(folder=str(folder), me=me, other=other) for me, other in ("ab", "ba")]
        met = await asyncio.gather(*calls, return_exceptions=True)
        return [end if isinstance(end, str) else type(end).__name__ for end in met]

    assert outputs(meeting, queue="two")[0] == ["met", "met"]
    assert sorted(outputs(meeting, queue="one")[0]) == ["TaskTimeoutError", "met"]


def test_a_queue_that_cannot_take_it_is_refused(in_use: Path, home: Path) -> None:
    flyte.init(home=home, registry=in_use, queues={"cluster": DaskBackend()})
    leaf = get("leaf")
    with pytest.raises(RuntimeUserError, match=r"asks for queue 'nowhere', and init\(queues=...\) knows 'cluster'"):
        flyte.run(leaf.override(queue="nowhere"), number=1)
    with pytest.raises(RemoteTaskUsageError, match="queue 'cluster' is a DaskBackend. Name a queue that is a Process"):
        flyte.run(leaf.override(queue="cluster"), number=1)


def test_a_queue_that_only_its_author_has_is_no_matter() -> None:
    assert outputs(get("calls_leaf_in_a_queue"), number=1) == 2


def test_overrides_add_up_and_wrong_ones_are_refused() -> None:
    task = get("surroundings").override(env_vars={"LEVEL": "1"}).override(retries=2)
    assert task.resolved().options.retries.count == 2
    assert outputs(task)[0]["level"] == "1"
    with pytest.raises(RemoteTaskUsageError, match=r"'reusable' cannot be overridden.*resources, retries"):
        task.override(**{"reusable": 1})
    with pytest.raises(RemoteTaskUsageError, match="timeout"):
        task.override(timeout="soon")


def test_a_memory_limit_holds() -> None:
    with pytest.raises(OOMError, match=r"tools\.greedy"):
        outputs(get("greedy").override(resources=flyte.Resources(memory="250Mi", storage="1Gi")))


def test_the_cache_of_a_deployed_task_works() -> None:
    assert outputs(get("kept"), number=1) == outputs(get("kept"), number=1) != outputs(get("kept"), number=2)


def test_a_secret_is_looked_up_by_the_worker_and_never_in_the_process_that_calls(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    task = remote.Task.get("keyed.length_of_key")
    with pytest.raises(RuntimeUserError, match="api-key") as raised:
        outputs(task)
    assert raised.value.code == "SecretNotFound"
    remote.Secret.create("api-key", "x" * 12)
    asked: list[str] = []
    monkeypatch.setattr("flyte_nb._engine.controller.resolve_secret", lambda secret: asked.append(secret.label) or "")
    assert outputs(task) == 12
    assert asked == []


def test_the_current_version_is_that_of_the_caller_and_needs_one() -> None:
    task = get("leaf", auto_version="current")
    with pytest.raises(RemoteTaskUsageError, match="no task runs here"):
        flyte.run(task, number=1)

    @env.task
    async def calling() -> int:
        return await task(number=1)  # type: ignore[no-any-return]

    with pytest.raises(RemoteTaskUsageError, match="was not deployed and its run has none"):
        outputs(calling)
    assert flyte.with_runcontext(version="v1").run(calling).outputs() == 2
    with pytest.raises(RemoteTaskNotFoundError, match="no version 'v2'"):
        flyte.with_runcontext(version="v2").run(calling).outputs()


def test_deployed_code_calls_other_deployed_code_of_its_version(tmp_path: Path, home: Path) -> None:
    put(
        tmp_path,
        "first.py",
        """
        import flyte_nb as flyte
        import flyte_nb.remote
        from second import env as second, double
        env = flyte.TaskEnvironment("first", depends_on=[second])
        by_name = flyte_nb.remote.Task.get("second.double", auto_version="current")

        @env.task
        async def main(number: int) -> int:
            return await double(number) + await by_name(number=number)
        """,
    )
    put(
        tmp_path,
        "second.py",
        """
        import flyte_nb as flyte
        env = flyte.TaskEnvironment("second")

        @env.task
        async def double(number: int) -> int:
            return 2 * number
        """,
    )
    deploy(tmp_path / "registry", tmp_path, "first")
    flyte.init(home=home, registry=tmp_path / "registry")
    assert outputs(remote.Task.get("first.main"), number=5) == 20


def test_a_deployed_task_is_called_from_a_worker_process_too() -> None:
    assert flyte.with_runcontext(mode="process").run(call, "leaf", {"number": 41}).outputs() == 42


def test_outside_a_task_it_says_how_to_start_it() -> None:
    with pytest.raises(RemoteTaskUsageError, match=r"flyte\.run\(task, \.\.\.\)"):
        get("leaf")(number=1)


@pytest.mark.parametrize(
    "how", [{"version": "v1", "auto_version": "latest"}, {"auto_version": "newest"}, {"version": ""}, {"version": 3}]
)
def test_a_version_that_cannot_be_is_refused_at_once(how: dict[str, Any]) -> None:
    with pytest.raises(RemoteTaskUsageError):
        get("leaf", **how)


def test_a_resumed_run_finds_its_deployed_tasks_finished(tmp_path: Path, home: Path) -> None:
    failing = tmp_path / "fails"
    failing.touch()

    @env.task
    async def twice() -> list[int]:
        first = int((await get("surroundings")())["pid"])
        if failing.exists():
            raise ValueError("not yet")
        return [first, int((await get("surroundings")())["pid"])]

    run = flyte.run(twice)
    with pytest.raises(RuntimeUserError):
        run.outputs()
    [pid] = [action for action in remote.Action.listall(run.name) if action.task_name == "tools.surroundings"]
    before = pid.details().outputs()[0]["pid"]
    failing.unlink()
    assert remote.Run.get(run.name).resume().outputs()[0][0] == int(before)


def test_a_reference_travels_and_forgets_what_it_has_fetched() -> None:
    task = get("leaf")
    task.fetch()
    copied = pickle.loads(pickle.dumps(task))
    assert (copied.name, copied.version) == (task.name, None)
    assert outputs(copied, number=1) == 2
    assert issubclass(NotInTaskContextError, RuntimeUserError)
