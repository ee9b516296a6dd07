"""A process that is stopped, loses its run to another one and wakes up again: real processes, a real SIGSTOP."""

from __future__ import annotations

import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

PROGRAM = Path(__file__).with_name("fenced_program.py")

pytestmark = pytest.mark.skipif(not hasattr(signal, "SIGSTOP"), reason="there is no SIGSTOP here")


def start(home: Path, folder: Path, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, str(PROGRAM), str(home), str(folder), *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def read_until(process: subprocess.Popen[str], word: str) -> None:
    assert process.stdout is not None
    for line in process.stdout:
        if line.strip() == word:
            return
    pytest.fail(f"The process ended and did not say {word!r}: {process.communicate()[1]}")


def stop(process: subprocess.Popen[str], home: Path) -> None:
    """Stop a process where it does not hold the journal: in the midst of a commit it would keep it from everybody."""
    while True:
        process.send_signal(signal.SIGSTOP)
        os.waitpid(process.pid, os.WUNTRACED)
        connection = sqlite3.connect(home / "journal.sqlite", timeout=0)
        try:
            connection.execute("BEGIN IMMEDIATE")
            return
        except sqlite3.OperationalError:
            process.send_signal(signal.SIGCONT)
        finally:
            connection.close()


def forget_owner_of(home: Path, run: str) -> None:
    """Let time pass, and the owner be on a machine whose processes cannot be seen from here."""
    with sqlite3.connect(home / "journal.sqlite") as connection:
        connection.execute(
            "UPDATE owners SET host = 'elsewhere', machine = 'elsewhere', heartbeat_at = heartbeat_at - 3600"
            " WHERE run = (SELECT id FROM runs WHERE name = ?)",
            (run,),
        )
    connection.close()


def rows_of(home: Path, run: str) -> list[tuple[Any, ...]]:
    connection = sqlite3.connect(home / "journal.sqlite")
    try:
        rows: list[tuple[Any, ...]] = []
        for table in ("events", "logs"):
            rows += connection.execute(
                f"SELECT seq, body FROM {table} WHERE run = (SELECT id FROM runs WHERE name = ?) ORDER BY seq", (run,)
            )
        rows += connection.execute("SELECT phase, ended_at FROM runs WHERE name = ?", (run,))
        return rows
    finally:
        connection.close()


@pytest.mark.parametrize("waits", ["calls", "sleeps", "blocks"])
def test_a_process_that_wakes_up_after_its_run_was_taken_over_writes_nothing_and_says_who_has_it(
    tmp_path: Path, waits: str
) -> None:
    home = tmp_path / "shared_home"
    first = start(home, tmp_path, waits)
    try:
        read_until(first, "ready")
        stop(first, home)
        forget_owner_of(home, "shared")
        (tmp_path / "go").touch()

        second = start(home, tmp_path, waits, "resume")
        output, problems = second.communicate(timeout=60)
        assert second.returncode == 0, problems
        expected = sum(10 * number for number in range(1, 50)) + (waits == "blocks")
        assert output.splitlines()[-1] == str(expected)
        written = rows_of(home, "shared")

        first.send_signal(signal.SIGCONT)
        said, problems = first.communicate(timeout=60)
    finally:
        first.kill()

    assert first.returncode == 0, problems
    lines = dict(line.partition(": ")[::2] for line in said.splitlines())
    taken = f"Run 'shared' was taken over by process {second.pid} on {socket.gethostname()} at "
    assert lines["wait"].startswith(taken) and re.search(r"at \d{4}-\d\d-\d\d \d\d:\d\d:\d\d, while", lines["wait"])
    assert lines["outputs"] == lines["wait"]
    assert lines["phase"] == "succeeded", "the run went well, elsewhere"
    assert f"resumed once, by process {second.pid} on the computer {socket.gethostname()}" in lines["picture"]
    assert lines["other"] == "70"
    assert taken in problems, "the log says it too"
    assert said.count("caught") <= 1, "whoever catches everything is stopped all the same"
    assert rows_of(home, "shared") == written


def test_a_process_that_is_only_slow_keeps_its_run(tmp_path: Path) -> None:
    home = tmp_path / "shared_home"
    first = start(home, tmp_path, "calls")
    try:
        read_until(first, "ready")
        stop(first, home)
        second = start(home, tmp_path, "calls", "resume")
        _, problems = second.communicate(timeout=60)
        assert second.returncode == 1
        assert f"is going on in process {first.pid}" in problems
        (tmp_path / "go").touch()
        first.send_signal(signal.SIGCONT)
        said, problems = first.communicate(timeout=60)
    finally:
        first.kill()
    assert first.returncode == 0, problems
    assert "phase: succeeded" in said and "wait:" not in said
