"""Homes of other versions: an older one is brought up to date with all that is in it, a newer one is left alone."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

import flyte_nb as flyte
from flyte_nb import errors
from flyte_nb._journal import JournalReader, JournalWriter, schema
from flyte_nb._journal.liveness import this_process
from flyte_nb.models import events as ev

env = flyte.TaskEnvironment("migrating")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.sqlite"


def columns(path: Path, table: str) -> list[str]:
    with sqlite3.connect(path) as connection:
        return [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]


def version(path: Path) -> int:
    with sqlite3.connect(path) as connection:
        return int(connection.execute("PRAGMA user_version").fetchone()[0])


def recorded(path: Path) -> None:
    writer = JournalWriter(path)
    log = writer.begin_run("old", ev.RunStarted(1.0, "env.main", this_process()), None)
    log.append(ev.StallNoticed(1.0, "a0", 2.0))
    writer.close()


def test_an_older_journal_is_brought_up_to_date_and_keeps_what_is_in_it(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorded(path)
    before = list(JournalReader(path).events("old"))
    newer = (*schema.MIGRATIONS, "ALTER TABLE runs ADD COLUMN mood TEXT NOT NULL DEFAULT 'calm';\n")
    monkeypatch.setattr(schema, "MIGRATIONS", newer)
    monkeypatch.setattr(schema, "CURRENT_VERSION", len(newer))

    JournalWriter(path).close()

    assert version(path) == len(newer)
    assert "mood" in columns(path, "runs")
    assert list(JournalReader(path).events("old")) == before
    JournalWriter(path).close()  # nothing is done twice


def test_a_migration_that_fails_changes_nothing(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recorded(path)
    old = version(path)
    half = "ALTER TABLE runs ADD COLUMN mood TEXT;\nALTER TABLE no_such_table ADD COLUMN mood TEXT;\n"
    monkeypatch.setattr(schema, "MIGRATIONS", (*schema.MIGRATIONS, half))
    monkeypatch.setattr(schema, "CURRENT_VERSION", old + 1)

    with pytest.raises(errors.JournalError, match="no_such_table"):
        JournalWriter(path)

    assert version(path) == old and "mood" not in columns(path, "runs")
    monkeypatch.undo()
    assert len(list(JournalReader(path).events("old"))) == 2


def test_a_file_without_tables_becomes_a_journal(path: Path) -> None:
    sqlite3.connect(path).close()
    recorded(path)
    assert version(path) == schema.CURRENT_VERSION


FIRST_FORMAT = Path(__file__).with_name("journal_of_format_1.sql")


def test_a_home_written_in_the_first_format_is_read_and_its_failed_run_resumes(tmp_path: Path) -> None:
    @env.task
    async def main(x: int) -> int:
        return x * 100

    path = tmp_path / "old" / "journal.sqlite"
    path.parent.mkdir()
    with sqlite3.connect(path) as connection:
        connection.executescript(FIRST_FORMAT.read_text())
    connection.close()

    flyte.init(home=path.parent)

    run = flyte.Run.get("failed-long-ago")
    assert run.phase == "failed" and run.inputs() == {"x": 4}
    assert run.get_logs() == ["step 4"]
    assert [action.phase for action in run.details().actions] == ["failed", "succeeded"]
    assert run.resume().outputs() == 400
    assert version(path) == schema.CURRENT_VERSION


@pytest.mark.parametrize("reading", [False, True])
def test_a_newer_journal_is_refused_by_whoever_opens_it_and_left_as_it_is(path: Path, reading: bool) -> None:
    recorded(path)
    with sqlite3.connect(path) as connection:
        connection.execute(f"PRAGMA user_version = {schema.CURRENT_VERSION + 1}")
    connection.close()
    content = path.read_bytes()

    with pytest.raises(errors.JournalVersionError, match=r"format \d+.*Upgrade"):
        if reading:
            list(JournalReader(path).events("old"))
        else:
            JournalWriter(path)

    assert path.read_bytes() == content
