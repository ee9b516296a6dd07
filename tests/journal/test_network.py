"""A home on a network file system, where processes share no memory."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from flyte_nb._journal import JournalReader, JournalWriter
from flyte_nb._journal.connection import open_database
from tests.journal.test_journal import PROGRAM, begun, events_of, stall

ON_NETWORK = "import flyte_nb._journal.network as network; network._MOUNTS = __import__('pathlib').Path({mounts!r})\n"


@pytest.fixture
def mounts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The system's table of mounts says that the test's folder is on a network: nobody may mount one for a test."""
    table = tmp_path / "mountinfo"
    table.write_text(f"40 22 0:35 / {tmp_path} rw,relatime shared:9 - nfs4 server:/export rw\n")
    monkeypatch.setattr("flyte_nb._journal.network._MOUNTS", table)
    return table


def test_several_processes_write_and_read_a_journal_that_shares_no_memory(mounts: Path, tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    program = ON_NETWORK.format(mounts=str(mounts)) + PROGRAM.replace("range(200)", "range(50)")
    processes = [
        subprocess.Popen([sys.executable, "-c", program, str(path), f"run{index}"], stderr=subprocess.PIPE, text=True)
        for index in range(3)
    ]
    reader = JournalReader(path)
    beside: set[str] = set()
    while any(process.poll() is None for process in processes):
        beside |= {file.name for file in tmp_path.glob("journal.sqlite-*")}
        for record in reader.runs():
            list(reader.events(record.name))
    for process in processes:
        assert process.returncode == 0, process.communicate()[1]
    assert {record.name: len(list(reader.events(record.name))) for record in reader.runs()} == {
        f"run{index}": 51 for index in range(3)
    }
    assert beside <= {"journal.sqlite-journal"}


def test_what_a_process_left_that_died_in_a_commit_is_taken_back_by_who_reads_next(
    mounts: Path, tmp_path: Path
) -> None:
    path = tmp_path / "journal.sqlite"
    writer = JournalWriter(path)
    begun(writer).append(stall("a" * 100_000))
    writer.close()
    dying = open_database(path)
    dying.execute("PRAGMA cache_size = 1")  # what is not committed reaches the file
    dying.execute("BEGIN IMMEDIATE")
    dying.execute("UPDATE events SET body = zeroblob(length(body))")
    dead = tmp_path / "dead"
    dead.mkdir()
    for file in tmp_path.glob("journal.sqlite*"):
        shutil.copy(file, dead)
    dying.close()
    with sqlite3.connect(f"file:{dead / 'journal.sqlite'}?mode=ro", uri=True) as bare, pytest.raises(sqlite3.Error):
        bare.execute("SELECT * FROM events").fetchall()
    assert [len(event.action) for event in events_of(dead / "journal.sqlite")[1:]] == [100_000]  # type: ignore[union-attr]
