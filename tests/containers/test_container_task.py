"""Container tasks that do what they should, in a real engine."""

from __future__ import annotations

import asyncio
import dataclasses
import datetime
import enum
import json
import os
from pathlib import Path
from typing import Any, Literal

import pytest
from flyteidl2.core.literals_pb2 import LiteralMap
from pydantic import BaseModel

import flyte_nb as flyte
from flyte_nb import errors
from flyte_nb.backends.containers.engine import Engine
from flyte_nb.extras import ContainerTask
from flyte_nb.io import Dir, File
from flyte_nb.models import ActionPhase
from tests.containers.engine import IMAGE, IMAGE_OF_A_USER, make_image, remove_image

pytestmark = pytest.mark.usefixtures("engine")

env = flyte.TaskEnvironment("of_containers")


def shell(script: str, *arguments: str) -> list[str]:
    return ["/bin/sh", "-c", script, "sh", *arguments]


def task(script: str, *arguments: str, **settings: Any) -> ContainerTask:
    given: dict[str, Any] = {"name": "in_container", "image": IMAGE, "network": "none", **settings}
    return ContainerTask(command=shell(script, *arguments), **given)


class Colour(enum.Enum):
    RED = "red"


@dataclasses.dataclass
class Point:
    x: float
    labels: list[str]


class Sample(BaseModel):
    name: str
    taken: datetime.datetime
    points: list[Point]


greet = ContainerTask(
    name="greet",
    image=flyte.Image.from_base(IMAGE),
    inputs={"name": str},
    outputs={"greeting": str},
    command=["/bin/sh", "-c", "echo 'Hello, my name is {{.inputs.name}}.' | tee -a /var/outputs/greeting"],
    network="none",
)
greet_env = flyte.TaskEnvironment.from_task("greet_env", greet)
hello_env = flyte.TaskEnvironment("hello", depends_on=[greet_env])


@hello_env.task
async def say_hello(name: str = "flyte") -> str:
    return await greet(name=name)


def test_a_container_task_is_called_from_a_task_and_is_an_action_of_the_run() -> None:
    run = flyte.run(say_hello)

    assert run.outputs() == "Hello, my name is flyte."
    action = _action(run, "greet")
    assert action.phase is ActionPhase.SUCCEEDED
    assert action.parent_name == "a0"
    assert action.details().inputs() == {"name": "flyte"}
    assert list(action.get_logs()) == ["Hello, my name is flyte."]


def test_outside_a_run_a_call_runs_the_container_directly(capsys: pytest.CaptureFixture[str]) -> None:
    assert asyncio.run(greet("Ada")) == "Hello, my name is Ada."
    assert capsys.readouterr().out == "Hello, my name is Ada.\n"
    assert list(flyte.remote.Run.listall()) == []


def test_a_container_task_is_run_by_itself() -> None:
    assert flyte.run(greet, name="Ada").outputs() == "Hello, my name is Ada."


@pytest.mark.parametrize("metadata_format", ["JSON", "YAML", "PROTO"])
def test_values_come_back_as_they_went_in(metadata_format: Literal["JSON", "YAML", "PROTO"]) -> None:
    values = {
        "text": "ä 'quoted' \"twice\" $HOME `id`\nsecond line",
        "number": -(2**62),
        "fraction": 1e-300,
        "truth": False,
        "moment": datetime.datetime(2024, 2, 29, 23, 59, 59, 123456, tzinfo=datetime.UTC),
        "pause": datetime.timedelta(days=-2, microseconds=7),
        "colour": Colour.RED,
        "point": Point(0.1, ["a", "ü"]),
        "sample": Sample(name="s", taken=datetime.datetime(2024, 1, 1), points=[Point(2.0, [])]),
        "numbers": [1, 2, 3],
    }
    types: dict[str, Any] = {name: type(value) for name, value in values.items()} | {"numbers": list[int]}
    copy = task("cp /var/inputs/* /var/outputs/", inputs=types, outputs=types, metadata_format=metadata_format)

    assert tuple(flyte.run(copy, **values).outputs()) == tuple(values.values())


def test_a_tool_writes_a_line_end_and_spaces_that_do_not_belong_to_the_value() -> None:
    measure = task(
        "echo ' 42 ' > /var/outputs/count; echo 1 > /var/outputs/found; date -u +%Y-%m-%dT%H:%M:%SZ -d @0 >"
        " /var/outputs/at; echo 1:30:00 > /var/outputs/took; echo ' text' > /var/outputs/said",
        outputs={
            "count": int,
            "found": bool,
            "at": datetime.datetime,
            "took": datetime.timedelta,
            "said": str,
        },
    )
    epoch = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
    assert tuple(flyte.run(measure).outputs()) == (42, True, epoch, datetime.timedelta(hours=1, minutes=30), " text")


def test_values_are_arguments_and_no_shell_sees_them() -> None:
    hostile = "a b; touch /var/outputs/pwned; $(id) `id` {{.inputs.other}} '\"\\ \n*"
    echo = ContainerTask(
        name="echo",
        image=IMAGE,
        inputs={"text": str, "other": str, "count": int, "truth": bool},
        outputs={"all": str},
        command=["/bin/sh", "-c", 'for word; do printf "<%s>" "$word"; done > /var/outputs/all; ls /var/outputs', "sh"],
        arguments=["{{.inputs.text}}", "--n={{ .inputs.count }}x", "{{.inputs.truth}}", "{{.Other}}"],
        network="none",
    )
    run = flyte.run(echo, text=hostile, other="no", count=3, truth=True)

    assert run.outputs() == f"<{hostile}><--n=3x><true><{{{{.Other}}}}>"
    assert list(_action(run, "echo").get_logs()) == ["all"]


def test_files_and_folders_are_mounted_where_the_container_cannot_change_them(tmp_path: Path) -> None:
    (tmp_path / "add.sh").write_text("echo $(($1 + $2))\n")
    (tmp_path / "a, b").mkdir()
    (tmp_path / "a, b" / "x").write_text("in a folder\n")
    script = File.from_existing_remote(str(tmp_path / "add.sh"))
    folder = Dir.from_existing_remote(str(tmp_path / "a, b"))
    add = task(
        "sh /var/inputs/add.sh $1 $2 > /var/outputs/result; cat $3/x > /var/outputs/copy;"
        " for f in add.sh folder/x new; do echo spoiled > /var/inputs/$f || echo refused; done 2> /dev/null",
        *("{{.inputs.a}}", "{{.inputs.b}}", "{{.inputs.folder}}"),
        inputs={"add.sh": File, "a": int, "b": int, "folder": Dir},
        outputs={"result": int, "copy": File},
    )
    run = flyte.run(add, **{"add.sh": script, "a": 10, "b": 20, "folder": folder})

    result, copy = run.outputs()
    assert result == 30
    with copy.open_sync("r") as stream:
        assert stream.read() == "in a folder\n"
    assert list(_action(run, "in_container").get_logs()) == ["refused"] * 3
    assert (tmp_path / "add.sh").read_text() == "echo $(($1 + $2))\n"
    assert (tmp_path / "a, b" / "x").read_text() == "in a folder\n"


def test_a_file_of_a_declared_format_goes_in_and_comes_out_and_another_format_is_refused(tmp_path: Path) -> None:
    (tmp_path / "table.csv").write_text("name,n\na,1\nb,2\n")
    pick = task(
        "cut -d, -f2 /var/inputs/table > /var/outputs/numbers; wc -l < {{.inputs.table}} > /var/outputs/lines",
        inputs={"table": File["csv"]},
        outputs={"numbers": File["txt"], "lines": int},
    )
    table = File.from_existing_remote(str(tmp_path / "table.csv"))

    numbers, lines = flyte.run(pick, table=table).outputs()

    assert (numbers.format, lines) == ("txt", 3)
    with numbers.open_sync("r") as stream:
        assert stream.read() == "n\n1\n2\n"
    with pytest.raises(errors.RuntimeDataValidationError, match="'txt'.*'csv'|'csv'.*'txt'"):
        flyte.run(pick, table=numbers)


def test_a_container_that_does_not_run_as_root_reads_its_inputs_and_writes_its_outputs(tmp_path: Path) -> None:
    (tmp_path / "private").write_text("for my eyes only")
    (tmp_path / "private").chmod(0o600)
    read = task(
        "id -u > /var/outputs/user; cat /var/inputs/file > /var/outputs/read; umask 077; mkdir /var/outputs/folder;"
        " echo 1 > /var/outputs/folder/x",
        image=IMAGE_OF_A_USER,
        inputs={"file": File},
        outputs={"user": int, "read": str, "folder": Dir},
    )
    user, content, folder = flyte.run(read, file=File.from_existing_remote(str(tmp_path / "private"))).outputs()

    assert (user, content) == (1000, "for my eyes only")
    assert [file.name for file in folder.walk_sync()] == ["x"]


@pytest.mark.parametrize("metadata_format", ["JSON", "YAML", "PROTO"])
def test_one_file_holds_all_inputs(metadata_format: Literal["JSON", "YAML", "PROTO"], tmp_path: Path) -> None:
    (tmp_path / "data").write_text("x")
    suffix = {"JSON": "json", "YAML": "yaml", "PROTO": "pb"}[metadata_format]
    index = task(
        f"cp /var/inputs/inputs.{suffix} /var/outputs/index",
        inputs={"n": int, "file": File, "point": Point},
        outputs={"index": File},
        metadata_format=metadata_format,
    )
    data = File.from_existing_remote(str(tmp_path / "data"))
    with flyte.run(index, n=1, file=data, point=Point(1.0, ["a"])).outputs()[0].open_sync() as stream:
        content = stream.read()

    if metadata_format == "PROTO":
        literals = LiteralMap.FromString(content).literals
        assert literals["n"].scalar.primitive.integer == 1
        assert literals["file"].scalar.blob.uri == "/var/inputs/file"
        return
    import yaml

    expected = {"n": 1, "file": "/var/inputs/file", "point": {"x": 1.0, "labels": ["a"]}}
    assert (json.loads(content) if metadata_format == "JSON" else yaml.safe_load(content)) == expected


def test_links_inside_the_output_folder_are_followed() -> None:
    linked = task(
        "cd /var/outputs; mkdir d; echo 1 > d/one; ln d/one hard; ln -s d/one relative;"
        " ln -s /var/outputs/d/one absolute",
        outputs={"relative": int, "absolute": int, "hard": int},
    )
    assert tuple(flyte.run(linked).outputs()) == (1, 1, 1)


def test_the_images_own_entry_point_runs_where_there_is_no_command(engine: Engine) -> None:
    reference = "localhost/flyte-nb-test-entry:1"
    make_image(engine, reference, 'ENTRYPOINT ["/bin/sh", "-c", "echo $0 > /var/outputs/said"]')
    entry = ContainerTask("entry", reference, [], arguments=["hello"], outputs={"said": str}, network="none")
    assert flyte.run(entry).outputs() == "hello"
    remove_image(engine, reference)


def test_variables_and_secrets_are_in_the_containers_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLYTE_NB_TEST_TOKEN", "s3cret\nline")
    seen = task(
        'printf "%s|%s|%s" "$A" "$FLYTE_NB_TEST_TOKEN" "$PATH" > /var/outputs/seen',
        outputs={"seen": str},
        env_vars={"A": "x=y z", "PATH": "/bin:/nowhere"},
        secrets="flyte-nb-test-token",
    )
    assert flyte.run(seen).outputs() == "x=y z|s3cret\nline|/bin:/nowhere"


def test_without_local_logs_lines_are_recorded_and_not_shown(capsys: pytest.CaptureFixture[str]) -> None:
    run = flyte.run(task("echo to be read; echo later >&2", local_logs=False))
    run.wait()
    assert sorted(_action(run, "in_container").get_logs()) == ["later", "to be read"]
    captured = capsys.readouterr()
    assert "to be read" not in captured.out + captured.err


def test_a_failed_container_is_tried_again_and_the_retry_is_recorded() -> None:
    @env.task
    async def main() -> str:
        return await task(
            "cat /var/inputs/word > /var/outputs/out; [ $(cat /var/outputs/out) = good ]",
            inputs={"word": str},
            outputs={"out": str},
            retries=1,
        )(word="bad")

    run = flyte.run(main)
    run.wait()
    action = _action(run, "in_container")
    assert action.phase is ActionPhase.FAILED
    assert action.details().attempts == 2


def test_a_cached_result_is_taken_until_the_command_changes() -> None:
    def stamp(script: str) -> ContainerTask:
        return task(f"{script} > /var/outputs/n", outputs={"n": str}, cache="auto", name="stamp")

    random = "head -c 16 /dev/urandom | sha256sum"
    first = flyte.run(stamp(random)).outputs()[0]
    assert flyte.run(stamp(random)).outputs() == first
    assert flyte.run(stamp(f"true; {random}")).outputs() != first


def test_a_task_made_inside_a_task_runs_its_own_command_each_time() -> None:
    """Generated code: the same name, another command."""

    @env.task
    async def compute(expression: str) -> int:
        sandbox = task(f"echo $(({expression})) > /var/outputs/result", name="sandbox", outputs={"result": int})
        return await sandbox()

    @env.task
    async def main() -> list[int]:
        return list(await asyncio.gather(compute("1 + 1"), compute("6 * 7")))

    assert flyte.run(main).outputs()[0] == [2, 42]
    assert flyte.run(compute, "5 - 2").outputs() == 3


def test_a_finished_container_is_not_run_again_on_resume(tmp_path: Path) -> None:
    done = task("head -c 16 /dev/urandom | sha256sum > /var/outputs/n", outputs={"n": str}, name="done")
    marker = tmp_path / "repaired"
    seen: list[str] = []

    @env.task
    async def main() -> str:
        value = str(await done())
        seen.append(value)
        if not marker.exists():
            raise ValueError("not yet")
        return value

    run = flyte.run(main)
    run.wait()
    marker.touch()
    resumed = run.resume()
    assert resumed.outputs() == seen[0]
    assert seen[0] == seen[1]


def test_override_changes_the_limits_of_one_call() -> None:
    limit = task(
        "cat /sys/fs/cgroup/memory/memory.limit_in_bytes > /var/outputs/n || cat /sys/fs/cgroup/memory.max"
        " > /var/outputs/n",
        outputs={"n": int},
        resources=flyte.Resources(memory="64Mi"),
    )

    @env.task
    async def main() -> tuple[int, int]:
        bigger = limit.override(short_name="bigger", resources=flyte.Resources(memory="96Mi", cpu="500m", shm="8Mi"))
        return await limit(), await bigger()

    assert tuple(flyte.run(main).outputs()) == (64 * 2**20, 96 * 2**20)


def test_a_task_in_a_worker_process_calls_a_container_task() -> None:
    greeter = ContainerTask("greeter", IMAGE, greet._recipe.command, {"name": str}, outputs={"greeting": str})

    @env.task
    async def far(name: str) -> str:
        return str(await greeter(name=name))

    run = flyte.with_runcontext(mode="process").run(far, name="Ada")
    assert run.outputs() == "Hello, my name is Ada."
    assert list(_action(run, "greeter").get_logs()) == ["Hello, my name is Ada."]


def test_untrusted_code_can_be_cut_off_from_the_network() -> None:
    def interfaces(network: str) -> set[str]:
        look = task("ls /sys/class/net > /var/outputs/seen", outputs={"seen": str}, network=network)
        return set(str(flyte.run(look).outputs()[0]).split())

    assert interfaces("none") == {"lo"}
    before = set(os.listdir("/sys/class/net"))
    of_the_host = interfaces("host")
    stayed = before & set(os.listdir("/sys/class/net"))  # those of other containers come and go
    assert len(stayed) > 1
    assert stayed <= of_the_host


def _actions(run: Any) -> list[Any]:
    return list(flyte.remote.Action.listall(for_run_name=run.name))


def _action(run: Any, task_name: str) -> Any:
    return next(action for action in _actions(run) if action.task_name == task_name)
