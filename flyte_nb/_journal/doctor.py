"""Is the journal sound, and what can be mended?"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from ..errors import JournalCorruptionError, JournalError
from ..models.events import AnyEvent, ErrorRecord, Owner, RunEnded, RunResumed, RunStarted
from ..models.phases import ActionPhase
from . import codec
from .cache_table import free, stale_reservations
from .connection import UNREADABLE, open_database, said_of, transaction, translated
from .fence import NOBODY
from .liveness import is_alive
from .mailbox import settle_rest
from .reader import SELECT_RUNS, run_record
from .writer import last_seq

HELD_AFTER_MS = 1000
_UNFINISHED = (
    "SELECT runs.id, name, host, pid, process_started_at, machine, heartbeat_at FROM runs"
    " JOIN owners ON owners.run = runs.id WHERE ended_at IS NULL"
)

_CLOSE_LEFT_OPEN = (
    "UPDATE requests SET outcome = 'too late: the run has succeeded' WHERE outcome IS NULL"
    " AND run IN (SELECT name FROM runs WHERE phase = ?)"
)

_OWNED_BY_NOBODY = (
    "INTO owners (run, fence, host, machine, pid, process_started_at, since, heartbeat_at)"
    " SELECT id, ?, '', '', 0, 0, created_at, created_at FROM runs"
)


@dataclass
class Findings:
    """What an examination found.

    Attributes
    ----------
    damage : list of str
        What cannot be read.
    living : list of str
        Runs that go on, and where.
    orphans : list of str
        Runs whose process is gone and whose end nobody wrote.
    stale_reservations : list of str
        Cache keys reserved by processes that are gone.
    damaged_cache_keys : list of str
    mended : list of str
        What was repaired.
    hindrance : str
        Why a repair that is asked for is not made, and what to do.
    is_held : bool
        Whether another process holds the journal for writing, so that no run can write.
    """

    runs: int = 0
    events: int = 0
    damage: list[str] = field(default_factory=list)
    orphans: list[str] = field(default_factory=list)
    living: list[str] = field(default_factory=list)
    stale_reservations: list[str] = field(default_factory=list)
    damaged_cache_keys: list[str] = field(default_factory=list)
    mended: list[str] = field(default_factory=list)
    hindrance: str = ""
    is_held: bool = False

    @property
    def is_sound(self) -> bool:
        """Whether there is nothing to mend."""
        return self.is_readable and not self.orphans and not self.is_held

    @property
    def is_readable(self) -> bool:
        """Whether there is nothing to mend but ends of runs that nobody wrote."""
        return not (self.damage or self.stale_reservations or self.damaged_cache_keys)


def examine(path: Path, *, repair: bool = False) -> Findings:
    """Check every record of the journal at `path`; with `repair`, mend what can be mended.

    Orphaned runs are ended as ABORTED (they can still be resumed), requests that a run has left open at its
    good end get an outcome, reservations of dead processes and damaged cache entries are dropped, and from a
    database that SQLite cannot read whole, all that can be read is copied into a new one; the old file is kept
    beside it.

    Raises
    ------
    JournalError
        If the journal cannot be opened at all, or is of a newer version.
    """
    findings = Findings()
    if not path.exists():
        return findings
    try:
        connection = open_database(path)
    except JournalCorruptionError as error:
        findings.damage.append(str(error))
        findings.hindrance = (
            "it cannot be opened at all. Move it out of the home folder; the next run begins a new one."
        )
        return findings
    try:
        _check_pages(connection, findings)
        _check_rows(connection, findings)
        _check_owners(connection, findings)
        _check_lock(connection, findings)
        if repair and findings.is_held:
            findings.hindrance = "another process holds the journal. End it, or wait for it, and try again."
            return findings
        if repair and findings.damage and findings.living:
            findings.hindrance = (
                f"{', '.join(findings.living)}. A repair takes the journal from under a run. Wait for it, or abort it,"
                " and try again."
            )
            return findings
        if repair:
            with translated(path, "repair"):
                _mend(connection, findings)
    finally:
        connection.close()
    if repair and findings.damage:
        kept = _salvage(path)
        findings.mended.append(f"copied what can be read into a new journal; the damaged one is {kept}")
    return findings


def _check_pages(connection: sqlite3.Connection, findings: Findings) -> None:
    try:
        rows = connection.execute("PRAGMA integrity_check(20)").fetchall()
    except UNREADABLE as error:
        findings.damage.append(said_of(error))
        return
    findings.damage += [row[0] for row in rows if row[0] != "ok"]


def _check_rows(connection: sqlite3.Connection, findings: Findings) -> None:
    try:
        for row in connection.execute(SELECT_RUNS):
            findings.runs += 1
            _note(findings.damage, run_record, row)
        for run, seq, body, crc in connection.execute("SELECT run, seq, body, crc FROM events"):
            findings.events += 1
            _note(findings.damage, codec.decode_event, body, crc, f"Event {seq} of run number {run}")
        for run, seq, body, crc in connection.execute("SELECT run, seq, body, crc FROM logs"):
            _note(findings.damage, codec.decode_log, body, crc, f"Log line {seq} of run number {run}")
        for key, outputs, crc in connection.execute("SELECT key, outputs, crc FROM cache"):
            problems: list[str] = []
            _note(problems, codec.decode_literals, outputs, crc, f"Cache entry {key}")
            if problems:
                findings.damaged_cache_keys.append(key)
    except UNREADABLE as error:
        findings.damage.append(said_of(error))


def _note(problems: list[str], read: Callable[..., object], *stored: object) -> None:
    try:
        read(*stored)
    except JournalError as error:
        problems.append(str(error))


def _check_owners(connection: sqlite3.Connection, findings: Findings) -> None:
    try:
        for _, name, *owner, heartbeat_at in connection.execute(_UNFINISHED).fetchall():
            if is_alive(Owner(*owner), heartbeat_at):
                findings.living.append(f"run {name} is going on in process {owner[1]} on {owner[0]}")
            else:
                findings.orphans.append(name)
        findings.stale_reservations = stale_reservations(connection, time.time())
    except UNREADABLE as error:
        findings.damage.append(said_of(error))


def _check_lock(connection: sqlite3.Connection, findings: Findings) -> None:
    """Whether the lock for writing can be had: a run that commits holds it for moments only."""
    (usual,) = connection.execute("PRAGMA busy_timeout").fetchone()
    connection.execute(f"PRAGMA busy_timeout = {HELD_AFTER_MS}")
    try:
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("ROLLBACK")
    except sqlite3.OperationalError as error:
        findings.is_held = "locked" in str(error)
    finally:
        connection.execute(f"PRAGMA busy_timeout = {usual}")


def _mend(connection: sqlite3.Connection, findings: Findings) -> None:
    for name in findings.orphans:
        if _end_orphan(connection, name):
            findings.mended.append(f"ended run {name}, whose process is gone")
    closed = connection.execute(_CLOSE_LEFT_OPEN, (ActionPhase.SUCCEEDED.value,)).rowcount
    if closed:
        findings.mended.append(f"closed {closed} request(s) to runs that have succeeded")
    free(connection, findings.stale_reservations)
    findings.mended += [f"released cache key {key}" for key in findings.stale_reservations]
    for key in findings.damaged_cache_keys:
        connection.execute("DELETE FROM cache WHERE key = ?", (key,))
        findings.mended.append(f"dropped damaged cache entry {key}")


def _end_orphan(connection: sqlite3.Connection, name: str) -> bool:
    error = ErrorRecord("Interrupted", "system", "The process that drove this run went away.")
    with transaction(connection):
        found = connection.execute(f"{_UNFINISHED} AND name = ?", (name,)).fetchone()
        if found is None or is_alive(Owner(*found[2:6]), found[6]):
            return False  # somebody took it over, or it has come back
        run_id, heard_at = found[0], found[6]
        seq = last_seq(connection, run_id) + 1
        ended = RunEnded(heard_at, ActionPhase.ABORTED, error)
        body = codec.encode(ended)
        connection.execute("INSERT INTO events VALUES (?, ?, ?, ?)", (run_id, seq, body, codec.checksum(body)))
        connection.execute(
            "UPDATE runs SET phase = ?, ended_at = ? WHERE id = ?", (ended.phase.value, ended.at, run_id)
        )
        connection.execute("UPDATE owners SET fence = ? WHERE run = ?", (NOBODY, run_id))
        settle_rest(connection, name, lambda request: request.outcome_after(ended.phase))
    return True


def _salvage(path: Path) -> Path:
    """Copy all readable rows into a new database and put it in the old one's place."""
    rescued = path.with_name(path.name + ".rescued")
    rescued.unlink(missing_ok=True)
    with translated(path, "rescue"):
        target = open_database(rescued)
        source = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)
        try:
            for table in ("runs", "owners", "events", "logs", "requests", "cache"):
                _copy_rows(source, target, table)
            target.execute(f"INSERT OR IGNORE {_OWNED_BY_NOBODY}", (NOBODY,))
            _make_lines_anew(target)
        finally:
            source.close()
            target.close()
    damaged = path.with_name(f"{path.name}.damaged-{int(time.time())}")
    path.rename(damaged)
    for suffix in ("-wal", "-shm", "-journal"):
        beside = path.with_name(path.name + suffix)
        if beside.exists():
            beside.rename(damaged.with_name(damaged.name + suffix))
    rescued.rename(path)
    return damaged


def _copy_rows(source: sqlite3.Connection, target: sqlite3.Connection, table: str) -> None:
    target.execute("BEGIN")
    try:
        for row in source.execute(f"SELECT * FROM {table}"):
            if table in ("events", "logs") and not codec.is_whole(row[2], row[3]):
                continue
            target.execute(f"INSERT OR IGNORE INTO {table} VALUES ({','.join('?' * len(row))})", row)
    except UNREADABLE:
        pass  # the rest of this table cannot be read
    target.execute("COMMIT")


def _make_lines_anew(connection: sqlite3.Connection) -> None:
    """Write damaged lines of the list of runs from the runs' own events."""
    for run_id, *row in connection.execute(SELECT_RUNS.replace("SELECT", "SELECT runs.id,", 1)).fetchall():
        try:
            run_record(tuple(row))
        except JournalCorruptionError:
            name = row[0] if isinstance(row[0], str) else f"run-{run_id}"
            events = _readable_events(connection, run_id)
            connection.execute(
                "UPDATE runs SET name = ?, task = ?, project = ?, domain = ?, phase = ?, created_at = ?, ended_at = ?,"
                " source = ?, labels = ?, rerun_of = ? WHERE id = ?",
                (name, *_line_from_events(events), run_id),
            )
            connection.execute(f"INSERT OR REPLACE {_OWNED_BY_NOBODY} WHERE id = ?", (NOBODY, run_id))
            connection.execute("UPDATE owners SET paused_s = ? WHERE run = ?", (_paused_s(events), run_id))


def _readable_events(connection: sqlite3.Connection, run_id: int) -> list[AnyEvent]:
    events = []
    for row in connection.execute("SELECT seq, body, crc FROM events WHERE run = ? ORDER BY seq", (run_id,)):
        with suppress(JournalCorruptionError):
            events.append(codec.decode_row(row, str(run_id)))
    return events


def _paused_s(events: list[AnyEvent]) -> float:
    resumes = [event for event in events if isinstance(event, RunResumed) and event.stopped_at is not None]
    return sum(event.at - (event.stopped_at or 0.0) for event in resumes)


def _line_from_events(events: list[AnyEvent]) -> tuple[object, ...]:
    started = next((event for event in events if isinstance(event, RunStarted)), RunStarted(0.0, "", Owner("", 0, 0.0)))
    ended = next((event for event in reversed(events) if isinstance(event, RunEnded | RunResumed)), None)
    phase, ended_at = (ended.phase, ended.at) if isinstance(ended, RunEnded) else (ActionPhase.ABORTED, time.time())
    labels = msgspec.json.encode(started.labels).decode()
    return (
        *(started.task, started.project, started.domain, phase.value, started.at, ended_at),
        *(started.source, labels, started.rerun_of),
    )
