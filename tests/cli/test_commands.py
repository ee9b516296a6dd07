"""The command line, on a real home."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

PROGRAM = """
import asyncio, os, sys
import flyte_nb as flyte

env = flyte.TaskEnvironment("script")

@env.task(report=True)
async def step(x: int) -> int:
    print(f"step {x} [red]")
    flyte.report.log(f"<p>report {x}</p>")
    return 10 * x

@env.task
async def main(n: int) -> int:
    values = [await step(x) for x in range(n)]
    if os.environ.get("HANG"):
        print("hanging", flush=True)
        await asyncio.sleep(600)
    if os.environ.get("FAIL"):
        raise ValueError("on purpose [bold]")
    return sum(values)

if __name__ == "__main__":
    run = flyte.with_runcontext(name=sys.argv[1]).run(main, 3)
    run.wait()
"""


class Terminal:
    """Commands in a folder with a home."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.env = {**os.environ, "FLYTE_NB_HOME": str(folder / "home"), "COLUMNS": "200", "NO_COLOR": "1"}
        (folder / "script.py").write_text(textwrap.dedent(PROGRAM))

    def start(self, name: str, **variables: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "script.py", name],
            cwd=self.folder,
            env={**self.env, **variables},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def script(self, name: str, **variables: str) -> str:
        process = self.start(name, **variables)
        return process.communicate(timeout=60)[0]

    def flyte_nb(self, *arguments: str, code: int = 0) -> str:
        done = subprocess.run(
            [sys.executable, "-c", "from flyte_nb._cli import main; main()", *arguments],
            cwd=self.folder,
            env=self.env,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == code, done.stdout + done.stderr
        assert "Traceback" not in done.stderr
        return done.stdout + done.stderr


def until(process: subprocess.Popen[str], text: str) -> None:
    """Wait until a process has printed `text`."""
    assert process.stdout is not None
    printed = ""
    for line in process.stdout:
        printed += line
        if text in line:
            return
    pytest.fail(f"The process ended without saying {text!r}:\n{printed}")


@pytest.fixture
def terminal(tmp_path: Path) -> Terminal:
    return Terminal(tmp_path)


def test_a_finished_run_is_listed_shown_logged_and_read(terminal: Terminal) -> None:
    terminal.script("good")
    assert "good" in terminal.flyte_nb("get", "run")
    assert "succeeded" in terminal.flyte_nb("get", "run", "good")
    tree = terminal.flyte_nb("get", "action", "good")
    assert tree.count("script.step") == 3
    assert terminal.flyte_nb("get", "logs", "good") == "step 0 [red]\nstep 1 [red]\nstep 2 [red]\n"
    assert "out o0 = 30" in terminal.flyte_nb("get", "io", "good")
    step = next(word for word in tree.split() if len(word) == 20 and set(word) <= set("0123456789abcdef"))
    assert "report 0" in terminal.flyte_nb("get", "report", "good", step)
    missing = terminal.flyte_nb("get", "report", "good", "-o", "report.html", code=1)
    assert "has no report" in missing and f"script.step {step}" in missing
    assert not (terminal.folder / "report.html").exists()
    assert "attempts: 1" in terminal.flyte_nb("get", "action", "good", step)


def test_a_failure_is_shown_with_the_users_traceback_as_text(terminal: Terminal) -> None:
    terminal.script("bad", FAIL="1")
    shown = terminal.flyte_nb("get", "run", "bad")
    assert "ValueError: on purpose [bold]" in shown
    assert 'raise ValueError("on purpose [bold]")' in shown


def test_a_run_is_aborted_from_another_process(terminal: Terminal) -> None:
    process = terminal.start("hangs", HANG="1")
    until(process, "hanging")
    assert "aborted" in terminal.flyte_nb("abort", "hangs")
    process.wait(30)
    assert "has ended already" in terminal.flyte_nb("abort", "hangs")


def test_a_killed_run_is_shown_as_aborted_and_resumed_from_the_command_line(terminal: Terminal) -> None:
    process = terminal.start("killed", HANG="1")
    until(process, "hanging")
    process.send_signal(signal.SIGKILL)
    process.wait(30)
    assert "aborted" in terminal.flyte_nb("get", "run", "killed")
    tree = terminal.flyte_nb("get", "action", "killed")
    assert "not started" not in tree + terminal.flyte_nb("get", "action", "killed", "a0")
    found = terminal.flyte_nb("doctor", code=1)
    assert "interrupted: run killed" in found
    assert found.count("flyte-nb resume") == 1
    assert "Mend" not in found

    resumed = terminal.flyte_nb("resume", "killed")

    assert "succeeded" in resumed
    assert "[red]" not in resumed
    assert "out o0 = 30" in terminal.flyte_nb("get", "io", "killed")
    assert "All is well" in terminal.flyte_nb("doctor")


def test_a_repair_that_a_living_run_forbids_fails_and_says_so_and_one_that_is_made_does_not(terminal: Terminal) -> None:
    process = terminal.start("hangs", HANG="1")
    until(process, "hanging")
    with sqlite3.connect(terminal.folder / "home" / "journal.sqlite") as connection:
        connection.execute("UPDATE events SET crc = 1 WHERE seq = 2")
    connection.close()
    said = terminal.flyte_nb("doctor", "--repair", code=1)
    assert "Not repaired: run hangs is going on in process" in said and "All is well" not in said
    process.send_signal(signal.SIGKILL)
    process.wait(30)
    assert "mended: copied what can be read" in terminal.flyte_nb("doctor", "--repair")


def test_a_repair_of_what_is_no_journal_fails_and_says_what_to_do(terminal: Terminal) -> None:
    terminal.script("good")
    home = terminal.folder / "home"
    for file in home.glob("journal.sqlite*"):
        file.unlink()
    (home / "journal.sqlite").write_bytes(b"no database" * 1000)
    assert "Not repaired: it cannot be opened at all. Move it" in terminal.flyte_nb("doctor", "--repair", code=1)


def test_an_answer_to_a_run_that_has_succeeded_fails_with_its_name_and_state(terminal: Terminal) -> None:
    program = """
        import flyte_nb as flyte
        env = flyte.TaskEnvironment("asks", depends_on=[flyte.hitl.env])

        @env.task
        async def main() -> None:
            await flyte.hitl.new_event.aio("in vain", data_type=int)

        flyte.with_runcontext(name="over").run(main).wait()
    """
    (terminal.folder / "script.py").write_text(textwrap.dedent(program))
    terminal.script("over")
    assert "Error: Run 'over' has succeeded; nobody waits" in terminal.flyte_nb(
        "answer", "over", "in vain", "1", code=1
    )


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (("get", "run", "nowhere"), "No run named 'nowhere'"),
        (("get", "action", "nowhere", "a0"), "No run named 'nowhere'"),
        (("resume", "nowhere"), "No run named 'nowhere'"),
        (("abort", "nowhere"), "No run named 'nowhere'"),
        (("gc", "--keep", "soon"), "soon"),
        (("answer", "nowhere", "question", "yes"), "nowhere"),
    ],
)
def test_a_wrong_use_is_one_line(terminal: Terminal, arguments: tuple[str, ...], text: str) -> None:
    terminal.script("good")
    said = terminal.flyte_nb(*arguments, code=1)
    assert text in said
    assert "No run" not in said or "`flyte-nb get run` lists" in said


def test_old_runs_are_forgotten(terminal: Terminal) -> None:
    terminal.script("good")
    assert "Forgot 0 runs" in terminal.flyte_nb("gc", "--keep", "30d")
    assert "Would forget 1 runs" in terminal.flyte_nb("gc", "--keep", "0s", "--dry-run")
    assert "Forgot 1 runs" in terminal.flyte_nb("gc", "--keep", "0s")
    assert "good" not in terminal.flyte_nb("get", "run")
