"""How each program of the guide is run.

A program with a main guard is run as a script, and all its runs must succeed. Every other one is imported. `CHECKS`
says what is done beyond that, or instead where the guide sleeps for long; what a block leaves to its reader stands in
`PRELUDES`.
"""

from __future__ import annotations

from typing import NamedTuple


class Pending(NamedTuple):
    """A program that fails today, with what its failure says."""

    reason: str
    failure: str


PRELUDES = {
    "grouping-actions/grouping.py": """
import asyncio
import flyte
env = flyte.TaskEnvironment("grouping")

@env.task
async def process_data(data: str, step: str) -> str:
    return f"{step}({data})"

@env.task
async def process_item(item: int | str, step: str) -> str:
    return f"{step}({item})"
""",
    "container-tasks/7": """
import flyte
from flyte.extras import ContainerTask
env = flyte.TaskEnvironment("languages")

@env.task
async def python_analysis_task(value: int) -> str:
    return f"{value} is {'even' if value % 2 == 0 else 'odd'}"
""",
    "notebooks/1": "import flyte",
    "traces/caching_vs_checkpointing.py": "from typing import List",
    "remote-tasks/5": "def local_process(path: str) -> int:\n    return -1\n",
    "unit-testing/1": """
import flyte

@flyte.TaskEnvironment("direct").task
def my_task(x: int, y: int) -> int:
    return x + y
""",
    "unit-testing/2": """
import flyte

@flyte.TaskEnvironment("run").task
def my_task(x: int, y: int) -> int:
    return x + y
""",
}
"""What a block takes for granted and its page does not show."""

EXCERPTS = {
    "custom-context/1": "import flyte",
    "custom-context/4": """
import flyte
env = flyte.TaskEnvironment("excerpt")

@env.task
async def some_task() -> None:
    assert flyte.ctx().custom_context == {"base": "b", "key": "v", "timeout_seconds": "3"} | {
        "experiment": "exp-blue", "run_group": "g-7"}
""",
    "custom-context/5": "import flyte",
    "custom-context/6": "import flyte\nctx = {'timeout_seconds': '3'}",
    "fanout/4": "",
    "remote-tasks/23": "import flyte\nimport flyte.remote\nis_production = True\n",
    "grouping-actions/1": """
import flyte
env = flyte.TaskEnvironment("excerpt")
data = "d"

@env.task
async def task_a(data: str) -> str:
    return data

task_b = task_c = task_a
""",
}
"""Blocks that are lines of a task's body, with what goes before the task; an empty text is the block's own page."""

PENDING: dict[str, Pending] = {}
"""Programs that need parts which do not exist yet. One that begins to work fails its test: take it out."""

DEPLOYED = {
    "spark_env.py": "remote-tasks/10",
    "ml_env.py": "remote-tasks/11",
    "data_team.py": """
import flyte
import pandas
env = flyte.TaskEnvironment("data_team")

@env.task
async def spark_analyzer(input_path: str) -> pandas.DataFrame:
    return pandas.DataFrame({"path": [input_path]})

@env.task
async def analyzer(input_path: str) -> int:
    return len(input_path)
""",
    "package_example.py": """
import flyte
env = flyte.TaskEnvironment("package-example")

@env.task
async def calculate_average(numbers: list[float]) -> float:
    return sum(numbers) / len(numbers)
""",
}
"""What the page about remote tasks takes for deployed: files, by their text, or by the program that is their text."""

SLOW = {
    "abort-tasks/action_lifetime.py": "sleeps ten seconds",
}

PACKAGES = {
    "handling-custom-types/5": {
        "my_transformer/__init__.py": "",
        "my_transformer/custom_type.py": "handling-custom-types/1",
        "my_transformer/transformer.py": "handling-custom-types/3",
    },
    "links/3": {"flyteplugins/wandb/__init__.py": "links/2"},
}
"""Files beside a program: their text, or the program that is their text."""

for _name in ("handling-custom-types/2", "handling-custom-types/3"):
    PACKAGES[_name] = {
        "my_transformer/__init__.py": "",
        "my_transformer/custom_type.py": "handling-custom-types/1",
    }

ENTRY_POINTS = {
    "handling-custom-types/5": (
        "my_transformer",
        "[flyte.plugins.types]\nmy_transformer = my_transformer.transformer:register_positive_int_transformer\n",
    )
}

_RUN = """
import flyte, program
def outputs(task, *args, **kwargs):
    return flyte.run(task, *args, **kwargs).outputs()
"""


def _asserted(expression: str) -> str:
    return f"{_RUN}\nassert {expression}\n"


_ELLIPSIS_FILLED_IN = """
import flyte
environment = flyte.TaskEnvironment
flyte.TaskEnvironment = lambda name: environment("links" if name is ... else name)
import program
def links_of(run, task):
    run.outputs()
    [action] = [action for action in run.details().actions if action.task_name == task]
    return {link.name: link.uri for link in action.links}
"""

CHECKS = {
    "links/1": f"""{_ELLIPSIS_FILLED_IN}
found = links_of(flyte.run(program.my_task), "links.my_task")
assert found["Grafana"].startswith("https://grafana.example.com/d/abc123?var-pod="), found
""",
    "links/3": f"""{_ELLIPSIS_FILLED_IN}
found = links_of(flyte.run(program.main, wandb_id="my-run-id"), "links.train_model")
assert found == {{"Weights & Biases": "https://wandb.ai/my-team/my-ml-project/runs/my-run-id"}}, found
""",
    "reports/globe_visualization.py": """
import flyte, program
program.get_html_content = lambda: f"<p>{len(program.generate_globe_data())} cities</p>"  # the page leaves it out
run = flyte.run(program.generate_globe_visualization)
run.wait()
assert run.get_report() == "<p>20 cities</p>"
""",
    "files-and-directories/jsonl.py": f"""{_RUN}
import asyncio
from flyteplugins.jsonl import JsonlFile
env = flyte.TaskEnvironment("check")

@env.task
async def main() -> None:
    assert await program.read_records(await program.write_records()) == 500_000
    assert await program.read_records(await program.write_compressed()) == 100_000
    large = await program.write_large_dataset()
    assert len([file async for file in large.walk()]) == 5
    assert await program.sum_values(large) == sum(i * i for i in range(500_000))
    assert await program.process_in_batches(await program.write_compressed_dir()) == 200_000
    assert await program.analyze_with_arrow(large) == sum(i * i for i in range(500_000)) / 500_000
    broken = JsonlFile.new_remote("broken.jsonl")
    async with broken.open("wb") as stream:
        await stream.write(b'{{"a": 1}}\\nnonsense\\n{{"a": 2}}\\n')
    assert await program.read_with_error_handling(broken) == 2
    assert await program.read_with_custom_handler(broken) == 2

flyte.run(main).outputs()
""",
    "custom-context/override_context.py": """
import flyte, program
run = flyte.with_runcontext(custom_context={"trace_id": "root-abc"}).run(program.parent)
assert run.outputs() == "child-override"
""",
    "abort-tasks/cancel_tasks.py": f"{_RUN}\nflyte.run(program.main, 30, 0.2).wait()\n",
    "abort-tasks/external_abort.py": """
import time
import flyte, program
from flyte.remote import Action
run = flyte.run(program.main, 3, 1.0)
aborted = False
while not aborted:
    for action in Action.listall(for_run_name=run.name):
        if action.task_name == "external_abort.long_sleeper":
            action.abort(reason="from outside")
            aborted = True
            break
    time.sleep(0.05)
assert run.outputs() == "Hello World!"
""",
    "reports/streaming_reports.py": f"""{_RUN}
assert outputs(program.data_processing_dashboard, total_records=1500) == "Processed 1,500 records successfully"
""",
    "error-handling/error_handling.py": """
import flyte, program
from flyte.remote import Action
run = flyte.run(program.main)
assert run.outputs() == 42
actions = Action.listall(for_run_name=run.name)
phases = [str(action.phase) for action in actions if action.task_name == "fail.oomer"]
assert phases == ["failed", "succeeded"], f"phases == {phases}"
""",
    "traces/task_vs_trace.py": _asserted("outputs(program.research_workflow, 't')[0]['topic'] == 't'"),
    "traces/function_types.py": _asserted("len(outputs(program.research_workflow, 't')[0]['processed_data']) == 3"),
    "traces/pattern.py": _asserted("outputs(program.research_pipeline, 't')[0]['sources_count'] == 1"),
    "traces/caching_vs_checkpointing.py": _asserted("outputs(program.data_pipeline, 'd')[0]['accuracy'] == 0.7 + 0.1"),
    "grouping-actions/grouping.py": f"""{_RUN}
assert outputs(program.data_pipeline, "d")[0].startswith("save_model(validate_model(")
assert outputs(program.parallel_processing_example, 2)[0] == "parallel_results: ['transform(0)', 'transform(1)']"
assert "postprocess(transform(preprocess(1)))" in outputs(program.multi_phase_workflow, 2)[0]
assert outputs(program.hierarchical_example, "d")[0].startswith("train_final_model")
assert outputs(program.conditional_processing, True, "d")[0].startswith("optimize_result")
assert outputs(program.conditional_processing, False, "d")[0].startswith("simple_processing")
""",
    "human-in-the-loop/hitl.py": """
import time
import flyte, flyte.errors, program
from flyte_nb.remote.requests import answer_prompt
run = flyte.run(program.main)
while True:
    try:
        answer_prompt(run.name, "review_decision", "true")
        break
    except flyte.errors.RuntimeUserError:
        time.sleep(0.05)
assert "approved" in run.outputs()[0]
""",
    "other-features/1": _asserted("outputs(program.outer_task, 1) == 12"),
    "other-features/2": _asserted("outputs(program.sync_outer_task, 1) == 12"),
    "other-features/3": _asserted("outputs(program.main)[0] == [6, 7]"),
    "other-features/5": _asserted("outputs(program.main) == 'Hello, Flyte!' * 2"),
    "other-features/6": _asserted("outputs(program.sync_task) == 'done'"),
    "other-features/7": _asserted("outputs(program.async_task, 3) == 'Processed 3'"),
    "other-features/8": _asserted("outputs(program.async_main, 3)[0] == ['Task 0', 'Task 1', 'Task 2']"),
    "other-features/9": _asserted("outputs(program.batch_process, [1, 2])[0] == [2, 4]"),
    "remote-tasks/1": f"""{_RUN}
import pandas
assert outputs(program.my_task, "s3://data")[0].open(pandas.DataFrame).all_sync()["path"].tolist() == ["s3://data"]
""",
    "remote-tasks/5": _asserted("outputs(program.pipeline_with_fallback, 's3://data')[0]['status'] == 'fallback'"),
    "remote-tasks/7": """
import asyncio
import program
asyncio.run(program.startup())
run = asyncio.run(program.process_request("s3://data"))
assert run.outputs()[0].uri
""",
    "remote-tasks/9": _asserted("outputs(program.dynamic_pipeline, 'spark_analyzer', 's3://data')[0].uri"),
    "remote-tasks/12": _asserted("outputs(program.orchestrate_pipeline, 's3://data') == 42.5 * 2.5"),
    "remote-tasks/18": _asserted("outputs(program.process_large_dataset, 's3://data')[0].uri"),
    "remote-tasks/19": _asserted("outputs(program.robust_pipeline, 's3://data')[0].uri"),
    "remote-tasks/22": f"""{_RUN}
from flyte_nb.backends.processes import ProcessBackend
flyte.init(queues={{"high-priority": ProcessBackend()}})  # the page takes a queue of this name for given
assert outputs(program.production_pipeline, 's3://data')[0].uri
""",
    "unit-testing/1": "import program\nassert program.result == 30\n",
    "unit-testing/2": "import program\nassert program.result == 30\n",
}
"""What is done with a program that was imported; plain scripts of ours."""
