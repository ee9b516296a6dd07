"""What the exit code of every command says, as the page of the documentation has it."""

from __future__ import annotations

import re
import signal
from pathlib import Path

import pytest

from flyte_nb._cli.exits import CODE_OF_PHASE, ExitCode
from flyte_nb.models.phases import ActionPhase
from tests.cli.conftest import Shell

PAGE = Path(__file__).parents[2] / "docs/guide/command_line.md"

PROGRAM = """
import asyncio
import flyte_nb as flyte

env = flyte.TaskEnvironment("ends")

@env.task
async def well(x: int = 1) -> int:
    return x

@env.task
async def fails() -> None:
    raise ValueError("on purpose")

@env.task
async def hangs() -> None:
    print("hanging", flush=True)
    await asyncio.sleep(600)
"""


@pytest.fixture
def shell(shell: Shell) -> Shell:
    shell.write("ends.py", PROGRAM)
    return shell


def test_the_page_explains_every_code_and_no_other() -> None:
    rows = re.findall(r"^\| (\d+) \| \S", PAGE.read_text(), re.MULTILINE)
    assert [int(row) for row in rows] == sorted(ExitCode)


def test_every_end_of_a_run_has_a_code() -> None:
    assert set(CODE_OF_PHASE) == {phase for phase in ActionPhase if phase.is_terminal}


@pytest.mark.parametrize(
    "command",
    [
        "run missing.py well",
        "run broken.py well",
        "run leaves.py well",
        "run notes.txt well",
        "run ends.py nothing",
        "run ends.py well --y 1",
        "run ends.py well --x many",
        "run --context word ends.py well",
        "run --queue nowhere ends.py well",
        "run --mode nowhere ends.py well",
        "run --name a/b ends.py well",
        "run --name good ends.py well",
        "resume good",
        "resume nowhere",
        "rerun nowhere",
        "abort nowhere",
        "abort good nothing",
        "delete nowhere",
        "answer good nothing yes",
        "logs nowhere",
        "logs good nothing",
        "get run nowhere",
        "get run --phase odd",
        "get run --limit 0",
        "get action good nothing",
        "get io good nothing",
        "get report good",
        "get task nowhere",
        "export ends.py",
        "export missing.ipynb",
        "export study.ipynb -o nowhere/study.py",
        "deploy missing.py",
        "deploy broken.py",
        "demo --notebook missing.ipynb",
        "gc --keep soon",
        "gc --storage nowhere",
        "ui --port 70000",
        "nothing",
    ],
)
def test_wrong_use_ends_with_2_and_starts_nothing(shell: Shell, command: str) -> None:
    shell.run("run", "--name", "good", "ends.py", "well")
    shell.write("broken.py", "1 / 0\n")
    shell.write("leaves.py", "raise SystemExit(0)\n")
    shell.write_notebook("study.ipynb", PROGRAM)
    said, problem = shell.run(*command.split(), code=2)
    assert problem and not said
    assert len(shell.json("get", "run")) == 1


@pytest.mark.parametrize(
    ("command", "code"),
    [
        ("run ends.py well", 0),
        ("rerun good", 0),
        ("abort good", 0),
        ("logs good", 0),
        ("doctor", 0),
        ("gc", 0),
        ("delete good", 0),
        ("run ends.py fails", 1),
        ("resume bad", 1),
        ("rerun bad", 1),
        ("demo --notebook failing.ipynb", 1),
    ],
)
def test_what_was_done_ends_with_0_and_what_failed_with_1(shell: Shell, command: str, code: int) -> None:
    shell.run("run", "--name", "good", "ends.py", "well")
    shell.run("run", "--name", "bad", "ends.py", "fails", code=1)
    shell.write_notebook("failing.ipynb", "1 / 0")
    shell.run(*command.split(), code=code)


def test_ctrl_c_on_who_follows_a_log_ends_that_with_130_and_not_the_run_and_an_abort_ends_the_run_with_3(
    shell: Shell,
) -> None:
    running = shell.start("run", "--name", "goes-on", "ends.py", "hangs")
    assert running.stdout is not None and running.stdout.readline() == "hanging\n"
    following = shell.start("logs", "-f", "goes-on")
    assert following.stdout is not None and "hanging" in following.stdout.readline()
    following.send_signal(signal.SIGINT)
    assert "Interrupted." in following.communicate(timeout=30)[1]
    assert following.returncode == 130
    assert shell.json("get", "run", "goes-on")["phase"] == "running"
    shell.run("abort", "goes-on")
    running.communicate(timeout=30)
    assert running.returncode == 3
