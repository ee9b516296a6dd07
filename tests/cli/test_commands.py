"""The command line, on a real home."""

from __future__ import annotations

import contextlib
import os
import signal
import sqlite3
import subprocess

import pytest

from tests.cli.conftest import Shell

PROGRAM = """
import asyncio, os
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
    return sum(values)

@env.task
async def fails() -> None:
    raise ValueError("on purpose [bold]")
"""


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
def shell(shell: Shell) -> Shell:
    shell.write("script.py", PROGRAM)
    return shell


def run(shell: Shell, name: str) -> None:
    """A run that succeeds."""
    shell.run("run", "--name", name, "script.py", "main", "--n", "3")


def hang(shell: Shell, name: str) -> subprocess.Popen[str]:
    """A run that goes on in a process of its own."""
    process = shell.start("run", "--name", name, "script.py", "main", "--n", "3", HANG="1")
    until(process, "hanging")
    return process


def test_a_finished_run_is_listed_shown_logged_and_read(shell: Shell) -> None:
    run(shell, "good")
    assert "good" in shell.run("get", "run")[0]
    assert "succeeded" in shell.run("get", "run", "good")[0]
    tree, _ = shell.run("get", "action", "good")
    assert tree.count("script.step") == 3
    assert "out result = 30" in shell.run("get", "io", "good")[0]
    step = next(word for word in tree.split() if len(word) == 20 and set(word) <= set("0123456789abcdef"))
    assert shell.run("get", "logs", "good", step)[0] == "step 0 [red]\n"
    assert "report 0" in shell.run("get", "report", "good", step)[0]
    _, missing = shell.run("get", "report", "good", "-o", "report.html", code=2)
    assert "has no report" in missing and f"script.step {step}" in missing
    assert not (shell.folder / "report.html").exists()
    assert "attempts: 1" in shell.run("get", "action", "good", step)[0]


def test_the_custom_context_of_an_action_is_shown_with_it(shell: Shell) -> None:
    shell.run(
        "run", "--name", "traced", "--context", "trace_id=t-1 [red]", "--context", "\x1b[31m=x",
        "script.py", "main", "--n", "1",
    )  # fmt: skip
    shown, _ = shell.run("get", "action", "traced", "script.step")
    assert "context trace_id = 't-1 [red]'\n" in shown
    assert "context '\\x1b[31m' = 'x'\n" in shown
    record = shell.json("get", "action", "traced", "script.step")
    assert record["custom_context"] == {"trace_id": "t-1 [red]", "\x1b[31m": "x"}


def test_rows_of_a_fan_out_are_told_apart_by_their_first_inputs_and_cached_ones_say_so(shell: Shell) -> None:
    shell.write(
        "cities.py",
        """
        import flyte_nb as flyte
        env = flyte.TaskEnvironment("cities", cache="auto")

        @env.task
        async def visit(city: str, day: int) -> str:
            return city

        @env.task(cache="disable")
        async def main(cities: list[str]) -> list[str]:
            return [await visit(city, day) for day, city in enumerate(cities)]
        """,
    )
    first, _ = shell.run("run", "cities.py", "main", "--cities", '["Bern", "Köln"]')
    assert "✓ visit  day=0, city='Bern'  " in first
    assert "from the cache" not in first
    followed, _ = shell.run("run", "--name", "second", "cities.py", "main", "--cities", '["Bern", "Oslo"]')
    for shown in (followed, shell.run("get", "action", "second")[0]):
        lines = [line for line in shown.splitlines() if "✓ visit" in line]
        assert ["day=0, city='Bern'" in lines[0], "day=1, city='Oslo'" in lines[1]] == [True, True]
        assert ["from the cache" in line for line in lines] == [True, False]


def test_a_list_of_runs_that_ends_early_says_how_many_older_ones_there_are(shell: Shell) -> None:
    for name in ("first", "second", "third"):
        run(shell, name)
    shown, told = shell.run("get", "run", "--limit", "1")
    assert "third" in shown and "second" not in shown
    assert told == "2 older ones; --limit 3 shows all.\n"
    assert shell.run("get", "run", "--limit", "2", "--phase", "succeeded")[1] == "1 older one; --limit 3 shows all.\n"
    assert shell.run("get", "run", "--limit", "1", "-o", "json")[1] == told
    assert shell.run("get", "run", "--limit", "3")[1] == ""


def test_a_failure_is_shown_with_the_users_traceback_as_text(shell: Shell) -> None:
    shell.run("run", "--name", "bad", "script.py", "fails", code=1)
    shown, _ = shell.run("get", "run", "bad")
    assert "ValueError: on purpose [bold]" in shown
    assert 'raise ValueError("on purpose [bold]")' in shown


def test_a_run_is_aborted_from_another_process(shell: Shell) -> None:
    process = hang(shell, "hangs")
    assert shell.run("abort", "hangs")[0] == "Run hangs was aborted.\n"
    process.communicate(timeout=30)
    assert shell.run("abort", "hangs")[0] == "Run hangs has ended already: aborted.\n"


def test_a_killed_run_is_shown_as_interrupted_and_resumed_from_the_command_line(shell: Shell) -> None:
    process = hang(shell, "killed")
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=30)
    for command in (["run", "killed"], ["run", "--phase", "aborted"], ["action", "killed"]):
        assert "interrupted" in shell.run("get", *command)[0]
    known = shell.json("get", "run", "killed")
    assert (known["phase"], known["interrupted"]) == ("aborted", True)
    tree, _ = shell.run("get", "action", "killed")
    assert "not started" not in tree + shell.run("get", "action", "killed", "a0")[0]
    found, _ = shell.run("doctor", code=1)
    assert "interrupted: run killed" in found
    assert found.count("flyte-nb resume") == 1
    assert "Mend" not in found

    resumed, _ = shell.run("resume", "killed")

    assert "succeeded" in resumed
    assert "[red]" not in resumed
    assert "out result = 30" in shell.run("get", "io", "killed")[0]
    assert "All is well" in shell.run("doctor")[0]


def test_a_repair_that_a_living_run_forbids_fails_and_says_so_and_one_that_is_made_does_not(shell: Shell) -> None:
    process = hang(shell, "hangs")
    with sqlite3.connect(shell.folder / "home" / "journal.sqlite") as connection:
        connection.execute("UPDATE events SET crc = 1 WHERE seq = 2")
    connection.close()
    said, _ = shell.run("doctor", "--repair", code=1)
    assert "Not repaired: run hangs is going on in process" in said and "All is well" not in said
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=30)
    assert "mended: copied what can be read" in shell.run("doctor", "--repair")[0]


def test_a_repair_of_what_is_no_journal_fails_and_says_what_to_do(shell: Shell) -> None:
    shell.program("run", "script.py", "main", "--n", "1")
    home = shell.folder / "home"
    for file in home.glob("journal.sqlite*"):
        file.unlink()
    (home / "journal.sqlite").write_bytes(b"no database" * 1000)
    said, _ = shell.program("doctor", "--repair", code=1)
    assert "Not repaired: it cannot be opened at all. Move it" in said
    said, _ = shell.program("doctor", code=1)
    assert "Move it out of the home folder" in said and "Mend with" not in said


def test_the_doctor_says_that_another_process_holds_the_journal(shell: Shell) -> None:
    shell.program("run", "script.py", "main", "--n", "1")
    with contextlib.closing(sqlite3.connect(shell.folder / "home" / "journal.sqlite", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        said, _ = shell.run("doctor", code=1)
    assert "held: another process holds the journal for writing" in said and "All is well" not in said
    assert "All is well" in shell.run("doctor")[0]


def test_the_doctor_names_the_run_of_a_stored_value_that_is_damaged_and_a_rerun_mends_it(shell: Shell) -> None:
    (shell.folder / "large.py").write_text(
        "import flyte_nb as flyte\nenv = flyte.TaskEnvironment('large')\n"
        "@env.task\nasync def big(n: int) -> str:\n    return 'x' * n\n"
    )
    shell.program("run", "--name", "big", "large.py", "big", "--n", "100000")
    assert "Stored values: 2 whole, 0 damaged." in shell.run("doctor")[0]
    (stored,) = (shell.folder / "home").rglob("*.pb")
    stored.chmod(0o600)
    os.truncate(stored, 500)
    said, _ = shell.run("doctor", code=1)
    assert "action a0 of run big" in said and stored.name in said and "All is well" not in said
    shell.program("rerun", "big")
    assert "All is well" in shell.run("doctor")[0]


def test_an_answer_to_a_run_that_has_succeeded_fails_with_its_name_and_state(shell: Shell) -> None:
    program = """
        import flyte_nb as flyte
        env = flyte.TaskEnvironment("asks", depends_on=[flyte.hitl.env])

        @env.task
        async def main() -> None:
            await flyte.hitl.new_event.aio("in vain", data_type=int)
    """
    shell.write("asks.py", program)
    shell.run("run", "--name", "over", "asks.py", "main")
    _, said = shell.run("answer", "over", "in vain", "1", code=2)
    assert "Error: Run 'over' has succeeded; nobody waits" in said


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (("get", "run", "nowhere"), "No run named 'nowhere'"),
        (("get", "action", "nowhere", "a0"), "No run named 'nowhere'"),
        (("resume", "nowhere"), "No run named 'nowhere'"),
        (("abort", "nowhere"), "No run named 'nowhere'"),
        (("delete", "nowhere"), "No run named 'nowhere'"),
        (("get", "run", "godo"), "No run named 'godo' (did you mean 'good'?)"),
        (("delete", "godo"), "No run named 'godo' (did you mean 'good'?)"),
        (("get", "task", "script.mian"), "No run of a task 'script.mian' (did you mean 'script.main'?) is remembered"),
        (
            ("run", "script.py", "mian"),
            "script.py has no task 'mian' (did you mean 'main'?)",
        ),
        (("run", "scirpt.py", "main"), "There is no file 'scirpt.py' (did you mean 'script.py'?)"),
        (("gc", "--keep", "soon"), "soon"),
        (("answer", "nowhere", "question", "yes"), "nowhere"),
    ],
)
def test_a_wrong_use_is_one_line(shell: Shell, arguments: tuple[str, ...], text: str) -> None:
    run(shell, "good")
    _, said = shell.run(*arguments, code=2)
    assert text in said
    assert "No run named" not in said or "`flyte-nb get run` lists" in said


def test_old_runs_are_forgotten(shell: Shell) -> None:
    run(shell, "good")
    assert "Forgot 0 runs older than 30d" in shell.run("gc", "--keep", "30d")[0]
    assert "Would forget 1 run older than 0s" in shell.run("gc", "--keep", "0s", "--dry-run")[0]
    assert "Forgot 1 run older than 0s" in shell.run("gc", "--keep", "0s")[0]
    assert "good" not in shell.run("get", "run")[0]
