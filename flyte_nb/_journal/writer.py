"""The one way into the journal.

`RunLog.append` numbers and encodes an event and puts it in the queue; `JournalWriter.flush` commits whatever
is queued in one transaction. Who needs durability calls `flush` (or awaits the loop's next one) before
letting anybody see a result. Both may be called from any thread.
"""

from __future__ import annotations

import json
import sqlite3
import threading
import time
from collections.abc import Callable
from pathlib import Path

from ..errors import JournalWriteError, RunStateError
from ..models.events import AnyEvent, LogLine, Owner, RunEnded, RunResumed, RunStarted
from ..models.phases import ActionPhase
from . import codec
from .connection import open_database, translated

_INSERT_EVENT = "INSERT OR IGNORE INTO events (run, seq, body, crc) VALUES (?, ?, ?, ?)"
_INSERT_LOG = "INSERT OR IGNORE INTO logs (run, seq, body, crc) VALUES (?, ?, ?, ?)"
_END_RUN = "UPDATE runs SET phase = ?, ended_at = ? WHERE id = ?"

Row = tuple[int, int, bytes, int]


def no_fault(point: str) -> None:
    """The fault hook that does nothing: called with ``"before_commit"`` and ``"after_commit"``."""


class JournalWriter:
    """Queue and commit of one process.

    Parameters
    ----------
    path : Path
        The database; created when missing.

    Attributes
    ----------
    fault_hook : callable
        Called at each write point with its name; tests let a process die there.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._connection = open_database(path)
        self._queue_lock = threading.Lock()
        self._commit_lock = threading.RLock()
        self._events: list[Row] = []
        self._logs: list[Row] = []
        self._ends: list[tuple[str, float, int]] = []
        self._closed = False
        self.fault_hook: Callable[[str], None] = no_fault

    @property
    def has_queued(self) -> bool:
        """Whether anything waits for a commit."""
        return bool(self._events or self._logs or self._ends)

    def begin_run(self, name: str, started: RunStarted, snapshot: bytes | None) -> RunLog:
        """Create a run with its first event, at once.

        Raises
        ------
        RunStateError
            If a run of that name exists.
        """
        owner = started.owner
        with self._commit_lock, translated(self._path, "write to"):
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                cursor = self._connection.execute(
                    "INSERT INTO runs (name, task, project, domain, phase, created_at, owner_host, owner_pid,"
                    " owner_started_at, heartbeat_at, source, labels, rerun_of, snapshot)"
                    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                    (
                        name,
                        started.task,
                        started.project,
                        started.domain,
                        ActionPhase.RUNNING.value,
                        started.at,
                        owner.host,
                        owner.pid,
                        owner.process_started_at,
                        started.at,
                        started.source,
                        json.dumps(started.labels),
                        started.rerun_of,
                        snapshot,
                    ),
                )
                run_id = int(cursor.lastrowid or 0)
                body = codec.encode(started)
                self._connection.execute(_INSERT_EVENT, (run_id, 1, body, codec.checksum(body)))
                self._connection.execute("COMMIT")
            except sqlite3.IntegrityError:
                self._roll_back()
                raise RunStateError(
                    f"A run named {name!r} exists already. Choose another name, or go on with it:"
                    f" flyte_nb.remote.Run.get({name!r}).resume()."
                ) from None
            except BaseException:
                self._roll_back()
                raise
        return RunLog(self, run_id, name, next_seq=2)

    def take_over_run(self, name: str, resumed: RunResumed, expected: Owner) -> RunLog:
        """Become the owner of a run that `expected` no longer drives, at once.

        Raises
        ------
        RunStateError
            If somebody else became its owner meanwhile.
        """
        owner = resumed.owner
        with self._commit_lock, translated(self._path, "write to"):
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                changed = self._connection.execute(
                    "UPDATE runs SET phase = ?, ended_at = NULL, owner_host = ?, owner_pid = ?,"
                    " owner_started_at = ?, heartbeat_at = ? WHERE name = ? AND owner_host = ?"
                    " AND owner_pid = ? AND owner_started_at = ? RETURNING id",
                    (
                        ActionPhase.RUNNING.value,
                        owner.host,
                        owner.pid,
                        owner.process_started_at,
                        resumed.at,
                        name,
                        expected.host,
                        expected.pid,
                        expected.process_started_at,
                    ),
                ).fetchone()
                if changed is None:
                    raise RunStateError(f"Run {name!r} was resumed by another process at the same moment.")
                run_id = int(changed[0])
                last = self._connection.execute(
                    "SELECT max((SELECT coalesce(max(seq), 0) FROM events WHERE run = ?1),"
                    " (SELECT coalesce(max(seq), 0) FROM logs WHERE run = ?1))",
                    (run_id,),
                ).fetchone()[0]
                body = codec.encode(resumed)
                self._connection.execute(_INSERT_EVENT, (run_id, last + 1, body, codec.checksum(body)))
                self._connection.execute("COMMIT")
            except BaseException:
                self._roll_back()
                raise
        return RunLog(self, run_id, name, next_seq=last + 2)

    def end_run(self, log: RunLog, ended: RunEnded) -> None:
        """Commit the end of a run together with everything queued before it."""
        log.append(ended)
        with self._queue_lock:
            self._ends.append((ended.phase.value, ended.at, log.run_id))
        self.flush()

    def beat(self, run_ids: list[int]) -> None:
        """Tell that this process still drives these runs."""
        now = time.time()
        marks = ",".join("?" * len(run_ids))
        with self._commit_lock:
            self._commit([(f"UPDATE runs SET heartbeat_at = ? WHERE id IN ({marks})", (now, *run_ids))])

    def flush(self) -> None:
        """Commit everything that is queued; what was appended before the call is durable after it.

        Raises
        ------
        JournalWriteError
            If it cannot be committed; it stays queued, and what was committed before is safe.
        """
        with self._commit_lock:  # also when nothing is queued: another thread may be committing what was
            self._commit([])

    def close(self) -> None:
        """Commit what is queued and close; a second call does nothing."""
        with self._commit_lock:
            if self._closed:
                return
            try:
                self.flush()
            finally:
                self._closed = True
                self._connection.close()

    def _append_event(self, log: RunLog, body: bytes) -> None:
        crc = codec.checksum(body)
        with self._queue_lock:
            log.next_seq = (seq := log.next_seq) + 1
            self._events.append((log.run_id, seq, body, crc))

    def _append_log(self, log: RunLog, body: bytes) -> None:
        crc = codec.checksum(body)
        with self._queue_lock:
            log.next_seq = (seq := log.next_seq) + 1
            self._logs.append((log.run_id, seq, body, crc))

    def _commit(self, statements: list[tuple[str, tuple[object, ...]]]) -> None:
        events: list[Row] = []
        logs: list[Row] = []
        ends: list[tuple[str, float, int]] = []
        try:
            with self._queue_lock:
                events, self._events = self._events, events
                logs, self._logs = self._logs, logs
                ends, self._ends = self._ends, ends
            if not (events or logs or ends or statements):
                return
            if self._closed:
                raise JournalWriteError(f"The journal {self._path} is closed in this process.")
            with translated(self._path, "write to"):
                self.fault_hook("before_commit")
                self._connection.execute("BEGIN IMMEDIATE")
                if events:
                    self._connection.executemany(_INSERT_EVENT, events)
                if logs:
                    self._connection.executemany(_INSERT_LOG, logs)
                if ends:
                    self._connection.executemany(_END_RUN, ends)
                for statement, values in statements:
                    self._connection.execute(statement, values)
                self._connection.execute("COMMIT")
        except BaseException:
            # Also what strikes a thread from outside: nothing that was appended may be lost.
            self._roll_back()
            with self._queue_lock:
                self._events[:0] = events
                self._logs[:0] = logs
                self._ends[:0] = ends
            raise
        self.fault_hook("after_commit")

    def _roll_back(self) -> None:
        if self._connection.in_transaction:
            self._connection.execute("ROLLBACK")


class RunLog:
    """The events of one run, as its owner appends them."""

    __slots__ = ("_writer", "name", "next_seq", "run_id")

    def __init__(self, writer: JournalWriter, run_id: int, name: str, next_seq: int) -> None:
        self._writer = writer
        self.run_id = run_id
        self.name = name
        self.next_seq = next_seq

    def append(self, event: AnyEvent) -> None:
        """Queue `event`; it is durable after the writer's next flush."""
        self._writer._append_event(self, codec.encode(event))

    def append_line(self, line: LogLine) -> None:
        """Queue a piece of log."""
        self._writer._append_log(self, codec.encode(line))
