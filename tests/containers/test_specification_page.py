"""The uses that the page *Container tasks* shows, with a busybox in the place of images from the internet."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import flyte_nb as flyte
from flyte_nb.extras import ContainerTask
from flyte_nb.io import File
from tests.containers.engine import IMAGE

pytestmark = pytest.mark.usefixtures("engine")

env = flyte.TaskEnvironment("specification")

code_runner = ContainerTask(
    name="code_runner",
    image=IMAGE,
    input_data_dir="/var/inputs",
    output_data_dir="/var/outputs",
    inputs={"script.sh": File, "a": int, "b": int},
    outputs={"result": int},
    command=["/bin/sh", "-c", "sh /var/inputs/script.sh {{.inputs.a}} {{.inputs.b}} > /var/outputs/result"],
    network="none",
)

sort_lines = ContainerTask(
    name="run_sort",
    image=IMAGE,
    input_data_dir="/data",
    output_data_dir="/results",
    inputs={"query": File, "key": str},
    outputs={"sorted": File},
    command=["sort", "-t", ",", "-k", "{{.inputs.key}}", "-o", "/results/sorted"],
    arguments=["/data/query"],
    network="none",
)

legacy = ContainerTask(
    name="legacy",
    image=IMAGE,
    input_data_dir="/app/inputs",
    output_data_dir="/app/outputs",
    inputs={"data_file": File},
    outputs={"processed": File},
    command=["cp", "/app/inputs/data_file", "/app/outputs/processed"],
    network="none",
)

power = ContainerTask(
    name="power",
    image=IMAGE,
    inputs={"n": int},
    outputs={"result": int},
    input_data_dir="/inputs",
    output_data_dir="/outputs",
    command=["/bin/sh", "-c", "echo $((1 << $0)) > /outputs/result", "{{.inputs.n}}"],
    network="none",
)


def text_of(file: Any) -> str:
    with file.open_sync("r") as stream:
        return str(stream.read())


def test_a_script_goes_in_under_the_name_of_its_file(tmp_path: Path) -> None:
    path = tmp_path / "my_script.sh"
    path.write_text("echo $(($1 + $2))\n")

    @env.task
    async def execute_script() -> int:
        script = await File.from_local(path)
        return int(await code_runner(**{"script.sh": script, "a": 10, "b": 20}))

    assert flyte.run(execute_script).outputs() == 30


def test_generated_code_runs_in_a_sandbox_made_for_it(tmp_path: Path) -> None:
    @env.task
    async def run_generated_code(script_content: str, param_a: int, param_b: int) -> int:
        sandbox = ContainerTask(
            name="code_sandbox",
            image=IMAGE,
            inputs={"script": File, "a": int, "b": int},
            outputs={"result": int},
            command=["/bin/sh", "-c", "sh /var/inputs/script {{.inputs.a}} {{.inputs.b}} > /var/outputs/result"],
            network="none",
        )
        path = tmp_path / "generated.sh"
        path.write_text(script_content)
        return int(await sandbox(script=await File.from_local(path), a=param_a, b=param_b))

    assert flyte.run(run_generated_code, "echo $(($1 * $2))", 6, 7).outputs() == 42


def test_a_tool_runs_by_itself_without_a_shell_in_folders_of_its_own_names(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("b,1\na,2\n")

    @env.task
    async def main() -> tuple[File, File]:
        rows = await File.from_local(path)
        ranked = await sort_lines(query=rows, key="1")
        return ranked, await legacy(data_file=ranked)

    ranked, processed = flyte.run(main).outputs()
    assert text_of(ranked) == text_of(processed) == "a,2\nb,1\n"


def test_languages_work_on_each_other_s_results() -> None:
    @env.task
    def analyse(computed: int) -> str:
        return f"{computed} has {computed.bit_length()} bits"

    @env.task
    async def multi_language(iterations: int) -> dict[str, Any]:
        computed = await power(n=iterations)
        return {"result": computed, "analysis": analyse(computed)}

    assert flyte.run(multi_language, 10).outputs()[0] == {"result": 1024, "analysis": "1024 has 11 bits"}
