"""Container tasks are checked when they are declared and called, before any engine is asked."""

from __future__ import annotations

import datetime
import os
import pickle
import subprocess
import sys
from typing import Any

import cloudpickle
import pandas as pd
import pytest

import flyte_nb as flyte
from flyte_nb._code.digest import code_digest
from flyte_nb.extras import ContainerTask
from flyte_nb.extras.moments import duration_from, seconds_text
from flyte_nb.io import File


def declared(**changes: Any) -> ContainerTask:
    return ContainerTask(**{"name": "t", "image": "alpine:3.18", "command": ["true"], **changes})


class Unreadable:
    pass


@pytest.mark.parametrize(
    ("changes", "kind", "told"),
    [
        ({"name": ""}, ValueError, "cannot be a name"),
        ({"image": "two words"}, ValueError, "'two words' cannot be an image"),
        ({"image": "--privileged"}, ValueError, "'--privileged' cannot be an image"),
        ({"image": 3}, TypeError, "image is a text or an Image, got int: 3"),
        (
            {"image": flyte.Image.from_debian_base().with_pip_packages("numpy")},
            ValueError,
            "would have to be built, and images are not built here",
        ),
        ({"image": flyte.Image.auto()}, ValueError, "would have to be built"),
        ({"command": "echo hi"}, TypeError, r"list of texts, got str: 'echo hi'. Split it: \['echo', 'hi'\]"),
        ({"command": ["echo", 1]}, TypeError, "and 1 is none"),
        ({"command": ["echo", "{{.inputs.nmae}}"], "inputs": {"name": str}}, ValueError, "there is 'name'. Declare"),
        ({"arguments": ["{{.inputs.x}}"]}, ValueError, "there is no input 'x'; there is none"),
        ({"inputs": {"a/b": str}}, ValueError, "'a/b' cannot be the name of an input"),
        ({"outputs": {"..": str}}, ValueError, "cannot be the name of an output"),
        ({"inputs": {"x": Unreadable}}, TypeError, "input 'x' is a .*Unreadable, which only Python can read"),
        ({"outputs": {"x": pd.DataFrame}}, TypeError, "output 'x' is a .*DataFrame, which only Python can read"),
        ({"input_data_dir": "inputs"}, ValueError, "absolute path in the container"),
        ({"output_data_dir": "/var/../etc"}, ValueError, "absolute path in the container"),
        ({"output_data_dir": "/var/inputs/out"}, ValueError, "must lie apart"),
        ({"metadata_format": "XML"}, ValueError, "one of JSON, YAML, PROTO, got 'XML'"),
        ({"retires": 3}, TypeError, "there is no option 'retires'"),
        ({"retries": -1}, ValueError, "retries"),
        ({"cache": flyte.Cache("auto", ignored_inputs=("y",)), "inputs": {"x": int}}, ValueError, "no input 'y'"),
    ],
)
def test_what_cannot_be_is_refused_with_the_reason(changes: dict[str, Any], kind: type[Exception], told: str) -> None:
    with pytest.raises(kind, match=told):
        declared(**changes)


@pytest.mark.parametrize(
    ("inputs", "told"),
    [
        ({}, "'n' is missing; 's.txt' is missing. It takes .n: int, s.txt: str."),
        ({"n": 1, "s.txt": "", "m": 2}, "unknown argument 'm'. It takes"),
    ],
)
def test_a_call_with_other_inputs_is_refused(inputs: dict[str, Any], told: str) -> None:
    task = declared(inputs={"n": int, "s.txt": str})
    with pytest.raises(TypeError, match=told):
        flyte.run(task, **inputs)


def test_an_input_of_another_type_is_refused_before_anything_runs() -> None:
    with pytest.raises(flyte.errors.RuntimeDataValidationError, match="'f' of task 't'"):
        flyte.run(declared(inputs={"f": File}), f="data.csv")


def test_an_environment_is_made_from_container_tasks() -> None:
    task = declared()
    env = flyte.TaskEnvironment.from_task("env", task)
    assert env.tasks == {"t": task}
    assert task.environment is env
    assert flyte.TaskEnvironment("other", depends_on=[env]).depends_on == [env]


def test_everything_that_decides_what_a_container_does_belongs_to_the_digest_of_the_task() -> None:
    digest = code_digest(declared().func)
    assert code_digest(declared().func) == digest
    assert code_digest(declared().override(retries=2).func) == digest
    for changes in (
        {"image": "alpine:3.19"},
        {"command": ["false"]},
        {"arguments": ["x"]},
        {"outputs": {"o": str}},
        {"output_data_dir": "/out"},
        {"metadata_format": "YAML"},
        {"network": "none"},
    ):
        assert code_digest(declared(**changes).func) != digest, changes


def test_a_function_that_calls_a_container_task_has_another_digest_when_its_command_changes() -> None:
    def caller_of(task: ContainerTask) -> Any:
        async def caller() -> None:
            await task()

        return caller

    assert code_digest(caller_of(declared())) == code_digest(caller_of(declared()))
    assert code_digest(caller_of(declared())) != code_digest(caller_of(declared(command=["false"])))


def test_a_container_task_travels_to_another_process() -> None:
    task = declared(inputs={"n": int}, resources=flyte.Resources(memory="1Gi"), retries=3)
    copy = pickle.loads(cloudpickle.dumps(task))
    assert isinstance(copy, ContainerTask)
    assert code_digest(copy.func) == code_digest(task.func)
    assert copy.options.retries.count == 3
    assert copy.interface.signature == task.interface.signature
    variant = pickle.loads(cloudpickle.dumps(task.override(short_name="v")))
    assert variant.short_name == "v"


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90", 90), ("0.5", 0.5), ("-3.25", -3.25), ("PT1H30M", 5400), ("1:30:00", 5400), ("1 day, 0:00:01", 86401)],
)
def test_durations_are_read_in_the_forms_that_tools_write(text: str, seconds: float) -> None:
    assert duration_from(text) == datetime.timedelta(seconds=seconds)


@pytest.mark.parametrize(
    "value",
    [
        datetime.timedelta(0),
        datetime.timedelta(microseconds=1),
        datetime.timedelta(microseconds=-1),
        datetime.timedelta(days=-400, seconds=3, microseconds=999_999),
        datetime.timedelta.max,
    ],
)
def test_durations_lose_nothing(value: datetime.timedelta) -> None:
    assert duration_from(seconds_text(value)) == value


def test_declaring_one_imports_no_client_of_an_engine() -> None:
    program = (
        "import sys\nfrom flyte_nb.extras import ContainerTask\nContainerTask('light', 'alpine', ['true'])\n"
        "print([name for name in ('docker', 'requests', 'urllib3') if name in sys.modules])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(entry for entry in sys.path if entry)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "[]"
