"""`flyte-nb logs`: the lines of all actions in the order of time."""

from __future__ import annotations

from tests.cli.conftest import Shell

PROGRAM = """
import asyncio
import flyte_nb as flyte

env = flyte.TaskEnvironment("talks")
SAID = []

@env.task
async def say(n: int) -> None:
    SAID.append(n)
    print(f"line {n}\\nof {n}")

@env.task
async def main() -> list[int]:
    print("begin", end="")
    await asyncio.gather(*(say(n) for n in range(30)))
    return SAID
"""


def test_the_log_of_a_run_is_in_the_order_of_time_and_names_who_wrote_each_line(shell: Shell) -> None:
    shell.write("talks.py", PROGRAM)
    shell.run("run", "--name", "spoken", "talks.py", "main")
    said = shell.json("get", "io", "spoken")["outputs"]["o0"]
    lines = shell.run("logs", "spoken")[0].splitlines()
    assert [line.partition(" | ")[2] for line in lines] == [
        "begin",
        *(text for n in said for text in (f"line {n}", f"of {n}")),
    ]
    tasks = {action["name"]: action["task"] for action in shell.json("get", "action", "spoken")}
    for line in lines:
        task, action = line.partition(" | ")[0].split()
        assert tasks[action] == f"talks.{task}"
    assert shell.run("logs", "-f", "spoken")[0].splitlines() == lines
    assert shell.run("logs", "spoken", "a0")[0] == "begin\n"
