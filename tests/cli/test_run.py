"""`flyte-nb run`: a task of a file or a notebook, its inputs as options, its end as exit code."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from flyte_nb._journal import JournalReader
from tests.cli.conftest import COMMAND, Shell

PROGRAM = """
import asyncio
import dataclasses
import datetime
import enum
import os
from typing import Literal

import pandas as pd
import flyte_nb as flyte
from helper import twice

env = flyte.TaskEnvironment("typed")


class Color(enum.Enum):
    RED = "red"
    BLUE = "blue"


@dataclasses.dataclass
class Point:
    x: int
    tags: list[str]


@env.task
async def show(
    count: int,
    share: float = 0.5,
    flag: bool = False,
    text: str | None = None,
    color: Color = Color.RED,
    mode: Literal["fast", "slow"] = "fast",
    day: datetime.date = datetime.date(2020, 1, 1),
    point: Point | None = None,
    many_values: list[int] = [],
) -> str:
    '''Show what came.'''
    print("a line of the task")
    return repr((count, share, flag, text, color.value, mode, day.isoformat(), point, many_values))


@env.task
async def doubled(x: int) -> int:
    return twice(x)


@env.task
async def rows(table: pd.DataFrame) -> int:
    return len(table)


@env.task
async def size(data: flyte.io.File) -> int:
    async with data.open() as stream:
        return len(await stream.read())


@env.task
async def fails() -> None:
    raise ValueError("on purpose")


@env.task(timeout=1)
async def slow() -> None:
    await asyncio.sleep(60)


@env.task
async def hangs() -> None:
    print("hanging", flush=True)
    await asyncio.sleep(60)


@env.task
async def talks() -> int:
    for number in range(20_000):
        print("line", number, flush=number % 1_000 == 0)
    return 7


@env.task
async def gated() -> str:
    if not os.path.exists(os.environ["FLYTE_NB_HOME"] + "/gate"):
        raise ValueError("the gate is shut")
    return "through"


if __name__ == "__main__":
    raise SystemExit("the script was run")
"""

EVENTFUL = """
import asyncio
import flyte_nb as flyte
from flyte_nb import hitl

env = flyte.TaskEnvironment("eventful", depends_on=[hitl.env])


@flyte.trace
async def ask(question: str) -> str:
    return question


@env.task
async def leaf(n: int) -> int:
    return n


@env.task(retries=1)
async def flaky() -> None:
    if flyte.ctx().attempt_number == 1:
        raise ValueError("not yet")


@env.task
async def main() -> None:
    await ask("what")
    with flyte.group("a heading"):
        await asyncio.gather(*(leaf(n) for n in range(30)))
    await flaky()
    raise ValueError("the end")


@env.task
async def approved() -> bool:
    event = await hitl.new_event.aio("go on", data_type=bool, prompt="Shall we?")
    return await event.wait.aio()
"""


@pytest.fixture(autouse=True)
def program(shell: Shell) -> None:
    shell.write("typed.py", PROGRAM)
    shell.write("helper.py", "def twice(x):\n    return 2 * x\n")


def test_options_are_the_tasks_inputs(shell: Shell) -> None:
    shown, _ = shell.run("run", "typed.py", "show", "--help")
    assert "Show what came." in shown
    for text in (
        "--count int",
        "[required]",
        "--flag / --no-flag",
        "red|blue",
        "fast|slow",
        "--many-values",
        "[default: 0.5]",
        "[default: red]",
        "[default: fast]",
        "[default: 2020-01-01]",
        "[default: none]",
        "[default: []]",
    ):
        assert text in shown
    listed, _ = shell.run("run", "typed.py", "--help")
    assert "doubled" in listed
    assert "(x: int) -> (int)" in listed


def test_values_have_the_types_that_the_task_declares(shell: Shell) -> None:
    shell.write("many.json", "[1, 2, 3]")
    given = ["--count", "3", "--share", "1e-3", "--flag", "--text", "@@home", "--color", "blue", "--mode", "slow"]
    given += ["--day", "2024-02-29", "--point", '{"x": 1, "tags": ["a"]}', "--many-values", "@many.json"]
    shown, _ = shell.run("run", "typed.py", "show", *given)
    assert "(3, 0.001, True, '@home', 'blue', 'slow', '2024-02-29', Point(x=1, tags=['a']), [1, 2, 3])" in shown
    shown, _ = shell.run("run", "typed.py", "show", "--count", "1", "--text", "@-", typed="from the pipe")
    assert "(1, 0.5, False, 'from the pipe', 'red', 'fast', '2020-01-01', None, [])" in shown


def test_frames_and_files_are_given_by_their_path(shell: Shell) -> None:
    shell.write("table.csv", "a,b\n1,2\n3,4\n")
    assert "result = 2" in shell.run("run", "typed.py", "rows", "--table", "table.csv")[0]
    assert "result = 12" in shell.run("run", "typed.py", "size", "--data", "table.csv")[0]
    assert "no file or folder 'none.csv'" in shell.run("run", "typed.py", "size", "--data", "none.csv", code=2)[1]


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (("show",), "Missing option '--count'"),
        (("show", "--count", "many"), "'--count': expected int, got 'many'"),
        (("show", "--count", "1", "--day", "soon"), "'--day': expected a date such as 2024-02-29, got 'soon'"),
        (("show", "--count", "1", "--point", '{"x": "y"}'), "at x: expected int, got 'y'"),
        (("show", "--count", "1", "--many-values", "[1,"), "Invalid JSON"),
        (("show", "--count", "1", "--many-values", "@none.json"), "none.json"),
        (("show", "--cuont", "1"), "--count"),
        (("nothing",), "it has show, doubled"),
        (("show", "--count", "1", "--mode-of-run", "x"), "No such option"),
        (("doubled", "--x", "1", "--name", "mine"), "--name is an option of the run"),
        (("--queue", "q", "doubled"), "write it before the file"),
    ],
)
def test_a_wrong_use_says_what_was_expected(shell: Shell, arguments: tuple[str, ...], text: str) -> None:
    _, problem = shell.run("run", "typed.py", *arguments, code=2)
    assert text in problem
    assert "Traceback" not in problem


def test_a_file_that_cannot_be_loaded_shows_where(shell: Shell) -> None:
    shell.write("broken.py", "import flyte_nb\n\nnumber = 1 / 0\n")
    _, problem = shell.run("run", "broken.py", "main", code=2)
    assert 'broken.py", line 3' in problem
    assert "ZeroDivisionError" in problem
    assert "loading.py" not in problem
    assert "There is no file" in shell.run("run", "none.py", "main", code=2)[1]
    shell.write("notes.txt", "")
    assert "neither a Python file" in shell.run("run", "notes.txt", "main", code=2)[1]


@pytest.mark.parametrize(("task", "code", "phase"), [("fails", 1, "failed"), ("slow", 4, "timed_out")])
def test_the_exit_code_tells_the_phase(shell: Shell, task: str, code: int, phase: str) -> None:
    _, problem = shell.run("run", "--name", task, "typed.py", task, code=code)
    assert f"Run {task} {phase.replace('_', ' ')}. " in problem
    assert f"flyte-nb resume {task}" in problem
    assert shell.json("get", "run", task)["phase"] == phase


def test_an_aborted_run_ends_with_3(shell: Shell) -> None:
    process = shell.start("run", "--name", "stopped", "typed.py", "hangs")
    assert process.stdout is not None
    assert process.stdout.readline() == "hanging\n"
    shell.run("abort", "stopped")
    process.communicate(timeout=30)
    assert process.returncode == 3


def test_ctrl_c_aborts_the_run_and_ends_with_130(shell: Shell) -> None:
    process = shell.start("run", "--name", "interrupted", "typed.py", "hangs")
    assert process.stdout is not None
    assert process.stdout.readline() == "hanging\n"
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=30)
    assert process.returncode == 130
    assert shell.json("get", "run", "interrupted")["phase"] == "aborted"


def test_a_run_does_not_fail_because_nobody_reads_what_it_prints(shell: Shell) -> None:
    process = shell.start("run", "--name", "unread", "typed.py", "talks")
    assert process.stdout is not None and process.stderr is not None
    assert process.stdout.readline() == "line 0\n"
    process.stdout.close()
    told = process.stderr.read()
    process.stderr.close()
    assert process.wait(60) == 0
    assert "Traceback" not in told and "Broken pipe" not in told
    assert shell.json("get", "run", "unread")["phase"] == "succeeded"
    assert shell.run("logs", "unread")[0].endswith("line 19999\n")


@pytest.mark.parametrize("name", ["typed.py", "study.ipynb"])
def test_a_run_comes_from_the_file_or_the_notebook_that_its_task_is_in(shell: Shell, name: str) -> None:
    shell.write_notebook("study.ipynb", "import flyte_nb as flyte\nenv = flyte.TaskEnvironment('study')\n"
                         "@env.task\nasync def doubled(x: int) -> int:\n    return 2 * x")  # fmt: skip
    shell.program("run", "--name", "here", name, "doubled", "--x", "1")
    record = JournalReader(shell.folder / "home" / "journal.sqlite").run("here")
    assert record.source == name


def test_json_is_alone_on_the_output(shell: Shell) -> None:
    shown, printed = shell.run("run", "-o", "json", "typed.py", "show", "--count", "1")
    found = json.loads(shown)
    assert found["phase"] == "succeeded"
    assert found["outputs"]["o0"].startswith("(1,")
    assert "a line of the task" in printed


def test_a_run_of_a_file_is_resumed_from_another_folder(shell: Shell, tmp_path: Path) -> None:
    shell.run("run", "--name", "again", "typed.py", "gated", code=1)
    (shell.folder / "home" / "gate").touch()
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    shown, _ = shell.run("resume", "again", folder=elsewhere)
    assert "result = 'through'" in shown


@pytest.mark.parametrize(
    ("name", "command"),
    [("rich", ["-P", "-c", "from flyte_nb._cli import main; main()"]), ("random", ["-m", "flyte_nb"])],
)
def test_a_file_that_is_called_like_a_library_runs_and_the_name_means_the_library(
    shell: Shell, name: str, command: list[str]
) -> None:
    program = """
        import random
        import pandas, rich.text
        import flyte_nb as flyte
        from helper import twice

        env = flyte.TaskEnvironment("named")

        @env.task
        def here(x: int) -> int:
            import pandas
            return twice(x) + len(pandas.DataFrame({"a": [random.randint(1, 1)]}))

        @env.task
        async def main(x: int = 3) -> int:
            return here(x)
    """
    shell.write(f"{name}.py", program)

    whole = [sys.executable, *command, "run", "--mode", "process", f"{name}.py", "main"]
    done = subprocess.run(whole, cwd=shell.folder, env=shell.env, capture_output=True, text=True, check=False)
    assert "result = 7" in done.stdout, done.stderr


def test_a_task_of_a_package_may_import_relatively(shell: Shell) -> None:
    shell.write("shop/__init__.py", "")
    shell.write("shop/prices.py", "def price():\n    return 7\n")
    text = "import flyte_nb as flyte\nfrom .prices import price\nenv = flyte.TaskEnvironment('shop')\n"
    shell.write("shop/flow.py", text + "@env.task\ndef cost() -> int:\n    return price()\n")
    assert "result = 7" in shell.run("run", "shop/flow.py", "cost")[0]


def test_a_task_of_a_notebook_runs_without_its_other_cells(shell: Shell) -> None:
    shell.write_notebook(
        "study.ipynb",
        "%load_ext flyte_nb\nimport flyte_nb as flyte\nfrom pathlib import Path",
        "env = flyte.TaskEnvironment('study')\nFACTOR = 3",
        "@env.task\nasync def scaled(x: int) -> int:\n    return FACTOR * x",
        "Path('was_run').touch()\nrun = flyte.run(scaled, 1)\nrun.wait()",
    )
    assert "result = 12" in shell.run("run", "study.ipynb", "scaled", "--x", "4")[0]
    assert not (shell.folder / "was_run").exists()
    assert [run["task"] for run in shell.json("get", "run")] == ["study.scaled"]


def test_what_a_run_left_is_read_as_json(shell: Shell) -> None:
    shell.run("run", "--name", "read", "--label", "team=a", "typed.py", "show", "--count", "2")
    assert shell.json("get", "run", "read")["labels"] == {"team": "a"}
    assert shell.json("get", "io", "read")["inputs"]["count"] == 2
    [action] = shell.json("get", "action", "read")
    assert (action["task"], action["phase"]) == ("typed.show", "succeeded")
    assert shell.json("logs", "read")["text"] == "a line of the task\n"
    assert [task["name"] for task in shell.json("get", "task")] == ["typed.show"]
    assert "No run of a task" in shell.run("get", "task", "typed.none", code=2)[1]


def test_the_tree_of_a_run_shows_all_that_happened(shell: Shell) -> None:
    shell.write("eventful.py", EVENTFUL)
    shell.run("run", "--name", "eventful", "eventful.py", "main", code=1)
    tree, _ = shell.run("get", "action", "eventful")
    for text in ("ask  trace", "a heading", "flaky  succeeded", "2 attempts", "ValueError: the end"):
        assert text in tree
    assert sum("leaf" in line for line in tree.splitlines()) == 30
    actions = shell.json("get", "action", "eventful")
    flaky = next(action for action in actions if action["task"] == "eventful.flaky")
    assert flaky["name"] in tree
    assert [attempt["number"] for attempt in flaky["attempt_list"]] == [1, 2]
    assert flaky["attempt_list"][0]["error"]["code"] == "ValueError"
    assert [trace["name"] for trace in actions[0]["traces"]] == ["ask"]
    shown, _ = shell.run("get", "action", "eventful", flaky["name"])
    assert "attempt 1:" in shown
    assert "ValueError: not yet" in shown
    assert "trace ask:" in shell.run("get", "action", "eventful", actions[0]["name"])[0]


@contextmanager
def ended_at_last(process: subprocess.Popen[Any]) -> Iterator[None]:
    """A block that reads what a program says, and does not wait for ever where it says nothing."""
    timer = threading.Timer(60, process.kill)
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def test_an_open_question_is_shown_with_how_to_answer_it(shell: Shell) -> None:
    shell.write("eventful.py", EVENTFUL)
    process = shell.start("run", "--name", "asks", "eventful.py", "approved")
    while "asks go" not in (shown := shell.run("get", "run", "asks", code=None)[0]):
        assert process.poll() is None
    assert process.stderr is not None
    with ended_at_last(process):
        told = next(line for line in process.stderr if "Shall we?" in line)
    assert told == "asks go on (yes or no): Shall we?  Answer: flyte-nb answer asks 'go on' VALUE\n"
    assert "asks go on (yes or no): Shall we?" in shown
    assert "flyte-nb answer asks 'go on' VALUE" in shown
    assert "asks for yes or no: flyte-nb answer asks 'go on' VALUE" in shell.run("get", "action", "asks")[0]
    [question] = shell.json("get", "run", "asks")["open_questions"]
    assert (question["name"], question["data_type"], question["prompt"]) == ("go on", "bool", "Shall we?")
    _, problem = shell.run("answer", "asks", "go on", "maybe", code=2)
    assert problem == "Error: Expected yes or no (true and false will do), got 'maybe'.\n"
    shell.run("answer", "asks", "go on", "Yes")
    assert process.wait(60) == 0
    assert "asks go" not in shell.run("get", "run", "asks")[0]


def test_on_a_terminal_an_open_question_is_told_whole_however_narrow_that_is(shell: Shell) -> None:
    shell.write("eventful.py", EVENTFUL)
    ours, theirs = pty.openpty()
    command = [*COMMAND, "run", "--name", "asks", "eventful.py", "approved"]
    narrow = {**shell.env, "COLUMNS": "40"}
    with subprocess.Popen(command, cwd=shell.folder, env=narrow, stdin=theirs, stdout=theirs, stderr=theirs) as process:
        os.close(theirs)
        with open(ours, "rb", buffering=0) as terminal, ended_at_last(process):
            shown = b""
            while b"VALUE" not in shown:
                shown += terminal.read(4096)
            shell.run("answer", "asks", "go on", "yes")
            with suppress(OSError):  # nobody writes there any more
                while terminal.read(4096):
                    pass
    assert process.returncode == 0
    assert b"asks go on (yes or no): Shall we?  Answer: flyte-nb answer asks 'go on' VALUE" in shown


def test_a_log_is_followed_to_the_end_of_its_run(shell: Shell) -> None:
    running = shell.start("run", "--name", "followed", "typed.py", "hangs")
    assert running.stdout is not None
    assert running.stdout.readline() == "hanging\n"
    following = shell.start("logs", "-f", "followed")
    assert following.stdout is not None
    assert following.stdout.readline() == "hangs a0 | hanging\n"
    assert following.poll() is None
    shell.run("abort", "followed")
    following.communicate(timeout=30)
    assert following.returncode == 0
    running.communicate(timeout=30)


def test_a_shell_completes_tasks_and_runs_and_nothing_where_a_file_cannot_be_loaded(shell: Shell) -> None:
    assert "_flyte_nb_completion" in shell.run("completion", "bash")[0]
    shell.run("run", "--name", "complete-me", "typed.py", "doubled", "--x", "1")
    shell.env |= {"_FLYTE_NB_COMPLETE": "bash_complete", "COMP_CWORD": "3", "COMP_WORDS": "flyte-nb run typed.py dou"}
    assert shell.run()[0] == "plain,doubled\n"
    shell.env |= {"COMP_WORDS": "flyte-nb run missing.py dou"}
    assert shell.run() == ("", "")
    shell.env |= {"COMP_CWORD": "4", "COMP_WORDS": "flyte-nb run missing.py doubled --x"}
    assert shell.run() == ("", "")
    shell.env |= {"COMP_CWORD": "2", "COMP_WORDS": "flyte-nb abort compl"}
    assert shell.run()[0] == "plain,complete-me\n"
    home = shell.env["FLYTE_NB_HOME"]
    shell.env["FLYTE_NB_HOME"] += "-another"
    shell.env |= {"COMP_CWORD": "4", "COMP_WORDS": f"flyte-nb --home {home} abort compl"}
    assert shell.program()[0] == "plain,complete-me\n"
    shell.env |= {"COMP_WORDS": "flyte-nb --home mistyped abort compl"}
    assert shell.program() == ("\n", "")
    assert not (shell.folder / "mistyped").exists() and not Path(shell.env["FLYTE_NB_HOME"]).exists()


def test_a_shell_completes_actions_and_questions_of_the_run_before_them(shell: Shell) -> None:
    shell.write("eventful.py", EVENTFUL)
    process = shell.start("run", "--name", "asks", "eventful.py", "approved")
    while (
        "asks go on" not in shell.run("get", "run", "asks", code=None)[0]
    ):  # a name of two words, which a shell splits
        assert process.poll() is None
    shell.env |= {"_FLYTE_NB_COMPLETE": "bash_complete", "COMP_CWORD": "3"}
    for command in ("abort asks ", "logs asks "):
        shell.env["COMP_WORDS"] = f"flyte-nb {command}"
        assert shell.run()[0] == "plain,a0\n"
    shell.env |= {"COMP_CWORD": "4", "COMP_WORDS": "flyte-nb get action asks "}
    assert shell.run()[0] == "plain,a0\n"
    shell.env |= {"COMP_CWORD": "3", "COMP_WORDS": "flyte-nb answer asks "}
    identity = shell.run()[0].strip().removeprefix("plain,")
    shell.env |= {"COMP_WORDS": "flyte-nb answer nothing "}
    assert shell.run() == ("\n", "")
    del shell.env["_FLYTE_NB_COMPLETE"]
    shell.run("answer", "asks", identity, "yes")
    assert process.wait(60) == 0
    assert process.stdout is not None and process.stderr is not None
    process.stdout.close()
    process.stderr.close()


@pytest.mark.parametrize("command", [("get", "run"), ("resume", "a"), ("logs", "a"), ("doctor",), ("gc",)])
def test_a_home_that_is_mistyped_is_told_and_not_made(shell: Shell, command: tuple[str, ...]) -> None:
    _, told = shell.run("--home", "mistyped", *command, code=2)
    assert "There is no home folder mistyped." in told
    assert not (shell.folder / "mistyped").exists()


def test_a_file_that_imports_the_other_sdk_runs_unchanged_with_compat(shell: Shell) -> None:
    shell.write(
        "existing.py",
        """
        import flyte
        import flyte.report

        env = flyte.TaskEnvironment("existing")

        @env.task(report=True)
        async def main(n: int) -> int:
            await flyte.report.log.aio("<b>done</b>")
            return n + 1
        """,
    )
    printed, _ = shell.program("run", "--compat", "existing.py", "main", "--n", "4")
    assert "result = 5" in printed


UNUSABLE = """
import flyte_nb as flyte
env = flyte.TaskEnvironment("mixed")

@env.task
async def fine(n: int) -> int:
    return 2 * n

@env.task
async def many(*numbers: int) -> int:
    return sum(numbers)

@env.task
async def unknown(n: "Missing") -> int:
    return 1
"""


def test_a_task_that_cannot_be_called_is_marked_in_the_list_and_the_others_run(shell: Shell) -> None:
    shell.write("mixed.py", UNUSABLE)
    shown, _ = shell.run("run", "mixed.py", "--help")
    lines = {line.split()[0]: line for line in shown.splitlines() if line.startswith("  ")}
    assert "cannot be run: every input has a name, and '*numbers: int'" in lines["many"]
    assert "cannot be run: an annotation names something unknown" in lines["unknown"]
    assert "cannot be run" not in lines["fine"]
    assert "result = 6" in shell.run("run", "mixed.py", "fine", "--n", "3")[0]


@pytest.mark.parametrize("arguments", [(), ("--help",), ("--numbers", "1")])
def test_asking_for_a_task_that_cannot_be_called_gives_one_message(shell: Shell, arguments: tuple[str, ...]) -> None:
    shell.write("mixed.py", UNUSABLE)
    told, problem = shell.run("run", "mixed.py", "many", *arguments, code=2)
    assert not told
    assert problem == (
        "Error: Task 'mixed.many': every input has a name, and '*numbers: int' cannot be passed by one. Declare the"
        " inputs one by one, or take a list or a dict.\n"
    )
