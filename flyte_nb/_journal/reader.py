"""Read runs while they happen or long after, from any process."""

from __future__ import annotations

import re
import sqlite3
import threading
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

import msgspec

from .._misfit import with_nearest
from ..errors import JournalCorruptionError, RunNotFoundError
from ..models.events import AnyEvent, LogLine, PromptAnswered, PromptAsked, Stored, stored_in
from ..models.phases import ActionPhase
from ..models.records import RunFilter, RunRecord, TaskRecord
from . import codec
from .connection import open_database, translated
from .earlier import EarlierRun

SELECT_RUNS = (
    "SELECT name, task, project, domain, phase, created_at, ended_at, source, labels, rerun_of,"
    " host, pid, process_started_at, machine, heartbeat_at, fence, paused_s"
    " FROM runs JOIN owners ON owners.run = runs.id"
)
NEWEST_NAMES = "SELECT name FROM runs ORDER BY id DESC LIMIT 1000"
_PAGE_ROWS = 5_000


def no_such_run(name: str, journal: Path, newest: list[tuple[str]]) -> RunNotFoundError:
    """The error for a run that the journal at that path does not have; `newest` is what `NEWEST_NAMES` gives."""
    asked = with_nearest(name, [one for (one,) in newest])
    return RunNotFoundError(
        f"No run named {asked} in {journal.parent}. On a terminal `flyte-nb get run` lists those there are, in Python"
        " `flyte_nb.remote.Run.listall()`."
    )


class JournalReader:
    """Read-only view of a journal; one may be shared by threads.

    Parameters
    ----------
    path : Path
        The database. When it does not exist yet, there are simply no runs.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None

    def run(self, name: str) -> RunRecord:
        """The run of that name.

        Raises
        ------
        RunNotFoundError
        """
        rows = self._query(f"{SELECT_RUNS} WHERE name = ?", (name,))
        if not rows:
            raise no_such_run(name, self._path, self._query(NEWEST_NAMES, ()))
        return run_record(rows[0])

    def runs(
        self,
        *,
        task: str | None = None,
        limit: int = 100,
        newest_first: bool = True,
    ) -> list[RunRecord]:
        """Runs by time of creation; a `limit` of -1 is none."""
        where, values = ("", ()) if task is None else ("WHERE task = ?", (task,))
        direction = "DESC" if newest_first else "ASC"
        rows = self._query(
            f"{SELECT_RUNS} {where} ORDER BY created_at {direction}, id {direction} LIMIT ?",
            (*values, limit),
        )
        return [run_record(row) for row in rows]

    def unfinished(self) -> list[RunRecord]:
        """Runs that have not ended as far as the journal knows; their processes may be gone."""
        rows = self._query(f"{SELECT_RUNS} WHERE ended_at IS NULL", ())
        return [record for record in map(run_record, rows) if not record.phase.is_terminal]

    def find(
        self, chosen: RunFilter, *, lost: Collection[str] = (), offset: int = 0, limit: int = 50
    ) -> tuple[int, list[RunRecord]]:
        """Runs that fit, the newest first, and how many there are.

        Parameters
        ----------
        chosen : RunFilter
        lost : collection of str
            Names of runs whose process is gone: they count as aborted.
        offset, limit : int
            Which of them to give.
        """
        where, values = _conditions(chosen, tuple(lost))
        [(total,)] = self._query(f"SELECT COUNT(*) FROM runs WHERE {where}", values) or [(0,)]
        rows = self._query(
            f"{SELECT_RUNS} WHERE {where} ORDER BY created_at DESC, id DESC LIMIT ? OFFSET ?",
            (*values, limit, offset),
        )
        return total, [run_record(row) for row in rows]

    def days(self, chosen: RunFilter, *, lost: Collection[str] = (), utc_offset_s: int = 0) -> list[tuple[int, int]]:
        """Days on which runs that fit were created, counted from the epoch in that time zone, and how many."""
        where, values = _conditions(chosen, tuple(lost))
        rows = self._query(
            f"SELECT CAST((created_at + ?) / 86400 AS INTEGER), COUNT(*) FROM runs WHERE {where}"
            " GROUP BY 1 ORDER BY 1 DESC",
            (utc_offset_s, *values),
        )
        return [(int(day), int(count)) for day, count in rows]

    def has_event(self, run: str, tag: str, after: int = 0) -> tuple[bool, int]:
        """Whether an event of that kind may have come after number `after`, and the number of the newest event."""
        rows = self._query(
            "SELECT MAX(seq), MAX(instr(body, ?)) FROM events"
            " WHERE run = (SELECT id FROM runs WHERE name = ?) AND seq > ?",
            (tag.encode(), run, after),
        )
        newest, found = rows[0] if rows else (None, None)
        return bool(found), newest or after

    def tasks(self) -> list[TaskRecord]:
        """Tasks that runs started with, the last one used first."""
        rows = self._query("SELECT task, COUNT(*), MAX(created_at) FROM runs GROUP BY task ORDER BY 3 DESC", ())
        return [TaskRecord(*row) for row in rows]

    def sources(self) -> list[str]:
        """Notebooks and files that runs were started from, the last one used first."""
        rows = self._query(
            "SELECT source FROM runs WHERE source != '' GROUP BY source ORDER BY MAX(created_at) DESC", ()
        )
        return [str(source) for (source,) in rows]

    def events(self, run: str, after: int = 0, *, at_a_time: int = _PAGE_ROWS) -> Iterator[tuple[int, AnyEvent]]:
        """Events of `run` with a number above `after`, in order, read in pages so that it may grow meanwhile."""
        for page in self._pages("events", run, after, at_a_time):
            yield from codec.decode_events(page, run)

    def questions(self, run: str) -> Iterator[PromptAsked | PromptAnswered]:
        """What `run` has asked people, and their answers, without a look at its other events."""
        rows = self._query(
            "SELECT seq, body, crc FROM events WHERE run = (SELECT id FROM runs WHERE name = ?)"
            " AND (instr(body, ?) OR instr(body, ?)) ORDER BY seq",
            (run, b"prompt_asked", b"prompt_answered"),
        )
        for _, event in codec.decode_events(rows, run):
            if isinstance(event, PromptAsked | PromptAnswered):
                yield event

    def kept_answers(self, run: str) -> frozenset[str]:
        """Identities of questions of `run` whose answers wait for somebody to drive it."""
        rows = self._query("SELECT body FROM requests WHERE outcome IS NULL AND run = ? AND kind = 'answer'", (run,))
        return frozenset(str(msgspec.json.decode(body)["prompt"]) for (body,) in rows)

    def earlier(self, run: str) -> EarlierRun:
        """All that `run` has recorded, for going on with it."""
        return EarlierRun(self._pages("events", run, 0), run)

    def logs(self, run: str, after: int = 0) -> Iterator[tuple[int, LogLine]]:
        """Log lines of `run` with a number above `after`, in order."""
        for page in self._pages("logs", run, after):
            for seq, body, crc in page:
                yield seq, codec.decode_log(body, crc, f"Log line {seq} of run {run!r}")

    def newest_logs(
        self, run: str, action: str, *, after: int = 0, before: int = 0, characters: int
    ) -> tuple[list[tuple[int, LogLine]], int, bool]:
        """The newest log lines of one action, however much the others printed.

        Parameters
        ----------
        run, action : str
        after, before : int
            Only lines with a higher number than `after`, and with a lower one than `before` unless that is 0.
        characters : int
            No more lines than have about so many characters together.

        Returns
        -------
        lines : list of (int, LogLine)
            In order, each with its number.
        newest : int
            Up to which number the log has been looked at.
        cut : bool
            Whether there are lines before them.
        """
        [(identity, newest)] = self._query(
            "SELECT runs.id, MAX(seq) FROM runs LEFT JOIN logs ON logs.run = runs.id AND seq > ? WHERE name = ?",
            (after, run),
        ) or [(None, None)]
        if newest is None:
            return [], after, False
        lines: list[tuple[int, LogLine]] = []
        before = before or newest + 1
        while True:
            rows = self._query(
                "SELECT seq, body, crc FROM logs WHERE run = ? AND seq > ? AND seq < ? AND instr(body, ?)"
                " ORDER BY seq DESC LIMIT ?",
                (identity, after, before, action.encode(), _PAGE_ROWS),
            )
            for seq, body, crc in rows:
                line = codec.decode_log(body, crc, f"Log line {seq} of run {run!r}")
                if line.action != action:
                    continue
                if characters <= 0:
                    return lines[::-1], newest, True
                lines.append((seq, line))
                characters -= len(line.text)
            if len(rows) < _PAGE_ROWS:
                return lines[::-1], newest, False
            before = rows[-1][0]

    def all_stored(self) -> Iterator[Stored]:
        """Literals of every action and trace of every run, and of every cache entry; and the texts of reports."""
        for run in self.runs(limit=-1):
            for _, event in self.events(run.name):
                yield from stored_in(event)
        for key, outputs, crc in self._query("SELECT key, outputs, crc FROM cache", ()):
            yield codec.decode_literals(outputs, crc, f"Cache entry {key}")

    def snapshot(self, run: str) -> bytes | None:
        """The code stored with `run`."""
        rows = self._query("SELECT snapshot FROM runs WHERE name = ?", (run,))
        return bytes(rows[0][0]) if rows and rows[0][0] is not None else None

    def data_version(self) -> int:
        """A number that changes whenever another connection committed something."""
        rows = self._query("PRAGMA data_version", ())
        return int(rows[0][0]) if rows else 0

    def close(self) -> None:
        """Close; a later call opens it again."""
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    def _pages(self, table: str, run: str, after: int, rows_a_page: int = _PAGE_ROWS) -> Iterator[list[codec.Row]]:
        identity = self._query("SELECT id FROM runs WHERE name = ?", (run,))
        if not identity:
            return
        run_id = identity[0][0]
        while True:
            rows = self._query(
                f"SELECT seq, body, crc FROM {table} WHERE run = ? AND seq > ? ORDER BY seq LIMIT ?",
                (run_id, after, rows_a_page),
            )
            yield rows
            if len(rows) < rows_a_page:
                return
            after = rows[-1][0]

    def _query(self, statement: str, values: tuple[object, ...]) -> list[tuple[Any, ...]]:
        with self._lock, translated(self._path, "read"):
            if self._connection is None:
                if not self._path.exists():
                    return []
                connection = open_database(self._path, read_only=True)
                if not connection.execute("PRAGMA user_version").fetchone()[0]:
                    connection.close()  # another process is about to make the tables
                    return []
                self._connection = connection
            return self._connection.execute(statement, values).fetchall()


def run_record(row: tuple[Any, ...]) -> RunRecord:
    """The run in a row of `SELECT_RUNS`.

    Raises
    ------
    JournalCorruptionError
        If the row holds something else.
    """
    try:
        return msgspec.convert(
            {
                "name": row[0],
                "task": row[1],
                "project": row[2],
                "domain": row[3],
                "phase": row[4],
                "created_at": row[5],
                "ended_at": row[6],
                "source": row[7],
                "labels": msgspec.json.decode(row[8]),
                "rerun_of": row[9],
                "owner": row[10:14],
                "heartbeat_at": row[14],
                "fence": row[15],
                "paused_s": row[16],
            },
            RunRecord,
        )
    except (msgspec.DecodeError, UnicodeDecodeError, TypeError) as error:
        raise JournalCorruptionError(
            f"What the list says of run {row[0]!r} is damaged: {error}. `flyte-nb doctor --repair` makes it anew."
        ) from error


def _conditions(chosen: RunFilter, lost: tuple[str, ...]) -> tuple[str, tuple[object, ...]]:
    parts: list[str] = ["1"]
    values: list[object] = []
    if chosen.phases:
        gone = f"name IN ({_marks(lost)})"
        parts.append(f"((phase IN ({_marks(chosen.phases)}) AND NOT {gone}) OR (? AND {gone}))")
        values += [*chosen.phases, *lost, ActionPhase.ABORTED in chosen.phases, *lost]
    if chosen.task:
        parts.append("task = ?")
        values.append(chosen.task)
    if chosen.source:
        parts.append("source = ?")
        values.append(chosen.source)
    if chosen.text:
        pattern = "%" + re.sub(r"([%_\\])", r"\\\1", chosen.text) + "%"
        fields = ("name", "task", "source", "labels")
        parts.append("(" + " OR ".join(f"{field} LIKE ? ESCAPE '\\'" for field in fields) + ")")
        values += [pattern] * len(fields)
    return " AND ".join(parts), tuple(values)


def _marks(values: Collection[object]) -> str:
    return ",".join("?" * len(values))
