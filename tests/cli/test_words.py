"""What commands say, read by somebody who has just begun."""

from __future__ import annotations

import re
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from flyte_nb._cli.commands import program
from tests.cli.conftest import Shell

PROGRAM = """
import asyncio, os, sys, threading, time
from typing import NamedTuple
import flyte_nb as flyte

env = flyte.TaskEnvironment("words")

class Pair(NamedTuple):
    low: int
    high: int

@env.task
async def one() -> int:
    return 7

@env.task
async def two() -> tuple[int, str]:
    return 1, "a"

@env.task
async def fails() -> None:
    if not os.path.exists("mended"):
        raise ValueError("on purpose")

@env.task
async def blocks() -> None:
    time.sleep(1.5)

@env.task
async def hangs() -> None:
    print("hanging", flush=True)
    await asyncio.sleep(600)

if __name__ == "__main__":
    run = flyte.with_runcontext(name="script").run(hangs)
    if "wait" in sys.argv:
        run.wait()
    threading.Event().wait()
"""


@pytest.fixture
def shell(shell: Shell) -> Shell:
    shell.write("words.py", PROGRAM)
    return shell


def test_what_a_task_returns_is_called_the_result(shell: Shell) -> None:
    assert shell.run("run", "--name", "a", "words.py", "one")[0].endswith("result = 7\n")
    assert shell.run("run", "words.py", "two")[0].endswith("result 1 = 1\nresult 2 = 'a'\n")
    assert shell.run("get", "io", "a")[0] == "out result = 7\n"
    assert shell.json("get", "io", "a")["outputs"] == {"o0": 7}


def test_a_run_that_failed_says_what_a_resume_does_and_a_resumed_one_goes_on(shell: Shell) -> None:
    _, told = shell.run("run", "--name", "bad", "words.py", "fails", code=1)
    assert told.startswith("Run bad started.\n")
    assert "flyte-nb resume bad` tries again with the same code and keeps what succeeded; with `--file FILE`" in told
    shell.write("mended", "")
    assert shell.run("resume", "bad")[1] == "Run bad goes on.\n"
    assert "resumed once\n" in shell.run("get", "run", "bad")[0]
    _, told = shell.run("resume", "bad", code=2)
    assert "has succeeded; there is nothing to resume. To run it again: `flyte-nb rerun bad`" in told
    assert " runs bad again.\n" in shell.run("rerun", "bad")[1]


def test_where_nothing_was_run_it_says_how_to_begin(shell: Shell) -> None:
    for command in (("get", "run"), ("get", "task")):
        told, said = shell.run(*command)
        assert not told and said.startswith("Nothing was run here yet. `flyte-nb run FILE TASK` starts a run")
    shell.run("run", "--name", "a", "words.py", "one")
    assert shell.run("get", "run", "--phase", "failed") == ("", "No run is like that.\n")
    assert shell.run("logs", "a") == ("", "Nothing was printed or logged.\n")


def test_a_run_that_did_not_succeed_says_how_to_go_on_with_it(shell: Shell) -> None:
    shell.run("run", "--name", "bad", "words.py", "fails", code=1)
    assert "flyte-nb resume bad` goes on with it.\n" in shell.run("get", "run", "bad")[0]
    shell.run("run", "--name", "good", "words.py", "one")
    assert "resume" not in shell.run("get", "run", "good")[0]


def test_a_damaged_run_is_listed_as_such_among_the_others_and_the_doctor_does_not_send_to_itself(shell: Shell) -> None:
    for name in ("first", "second"):
        shell.run("run", "--name", name, "words.py", "one")
    connection = sqlite3.connect(shell.folder / "home" / "journal.sqlite")
    with connection:
        second = "(SELECT id FROM runs WHERE name = 'second')"
        connection.execute(f"UPDATE events SET crc = 1 WHERE seq = 2 AND run = {second}")
    connection.close()
    listed, told = shell.run("get", "run")
    assert re.search(r"second +│ +│ damaged", listed) and re.search(r"first +│ words.one +│ succeeded", listed)
    assert told == "What is damaged, `flyte-nb doctor` tells.\n"
    assert "Run `flyte-nb doctor`" not in shell.run("doctor", code=1)[0]


def test_a_task_that_blocked_the_event_loop_is_told_with_what_to_do(shell: Shell) -> None:
    told, _ = shell.run("run", "--name", "slow", "words.py", "blocks")
    assert re.search(r"blocks .* blocked the event loop for \d+\.\d s\n", told)
    told, _ = shell.run("get", "action", "slow", "a0")
    assert re.search(r"this task blocked the event loop for \d+\.\d s, and no other async task could run", told)
    assert "make it a plain `def`, or run it with mode='process'" in told


def interrupted(process: subprocess.Popen[str]) -> str:
    """What a process says to Ctrl-C, once its task runs."""
    assert process.stdout is not None and process.stdout.readline() == "hanging\n"
    process.send_signal(signal.SIGINT)
    try:
        return process.communicate(timeout=30)[1]
    finally:
        process.kill()


def test_ctrl_c_on_the_command_line_speaks_of_no_cell(shell: Shell) -> None:
    told = interrupted(shell.start("run", "--name", "command", "words.py", "hangs"))
    assert "Run command was aborted: It was interrupted with Ctrl-C. `" in told
    assert "ActionAbortedError: It was interrupted with Ctrl-C.\n" in shell.run("get", "run", "command")[0]


@pytest.mark.parametrize("arguments", [["wait"], []])
def test_ctrl_c_in_a_script_stops_its_run_wherever_the_script_is_and_speaks_of_no_cell(
    shell: Shell, arguments: list[str]
) -> None:
    process = subprocess.Popen(
        [sys.executable, "words.py", *arguments],
        cwd=shell.folder,
        env=shell.env,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert "KeyboardInterrupt" in interrupted(process)
    assert "ActionAbortedError: It was interrupted with Ctrl-C.\n" in shell.run("get", "run", "script")[0]


def test_a_command_that_the_shell_does_not_find_is_named_by_its_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / ".venv" / "bin"
    folder.mkdir(parents=True)
    (folder / "flyte-nb").touch(mode=0o755)
    monkeypatch.setattr(sys, "executable", str(folder / "python"))
    monkeypatch.setenv("PATH", "/usr/bin")
    assert program() == str(folder / "flyte-nb")
    monkeypatch.chdir(tmp_path)
    assert program() == ".venv/bin/flyte-nb"
    monkeypatch.setenv("PATH", str(folder))
    assert program() == "flyte-nb"
