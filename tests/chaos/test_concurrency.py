"""Many processes on one home, and a server that shows their runs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import urllib.parse
import urllib.request
from pathlib import Path

from flyte_nb._journal import JournalReader
from flyte_nb._journal.doctor import examine

from .crowd import expected

PROCESSES, RUNS_EACH = 5, 4


def begun(*words: str, home: Path) -> subprocess.Popen[str]:
    environment = {**os.environ, "FLYTE_NB_HOME": str(home)}
    return subprocess.Popen(
        [sys.executable, "-m", *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
    )


def address_printed_by(server: subprocess.Popen[str]) -> str:
    assert server.stdout is not None
    return next(line.strip() for line in server.stdout if "http://" in line)


def listed(address: str) -> dict[str, str]:
    """Names and phases of the runs that the server lists."""
    token = urllib.parse.urlsplit(address).query
    url = f"{address.partition('?')[0]}api/runs?limit=100&{token}"
    with urllib.request.urlopen(url) as response:
        return {run["name"]: run["phase"] for run in json.load(response)["runs"]}


def test_five_processes_with_twenty_runs_at_once_and_a_server_share_a_home(home: Path) -> None:
    server = begun("flyte_nb", "ui", home=home)
    members = [begun("tests.chaos.crowd", str(home), f"p{who}", str(RUNS_EACH), home=home) for who in range(PROCESSES)]
    try:
        address = address_printed_by(server)
        for member in members:
            assert member.stdout is not None and member.stdout.readline() == "ready\n"
        for member in members:
            assert member.stdin is not None
            member.stdin.write("go\n")
            member.stdin.flush()
        while any(member.poll() is None for member in members):
            assert set(listed(address).values()) <= {"running", "succeeded"}
            if all(phase == "succeeded" for phase in listed(address).values()) and len(listed(address)) == 20:
                break
        outputs = [json.loads(member.communicate()[0]) for member in members]

        assert outputs == [[expected(number) for number in range(RUNS_EACH)]] * PROCESSES
        names = {f"p{who}-{number}" for who in range(PROCESSES) for number in range(RUNS_EACH)}
        assert listed(address) == dict.fromkeys(names, "succeeded")
        assert {run.name for run in JournalReader(home / "journal.sqlite").runs()} == names
        assert examine(home / "journal.sqlite").is_sound
    finally:
        for process in (server, *members):
            process.kill()
            process.communicate()
