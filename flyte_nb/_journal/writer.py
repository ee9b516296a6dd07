"""The one way into the journal.

A `RunLog` numbers and encodes what its run appends; `JournalWriter.flush` commits whatever is queued, of all runs of
this process, in one transaction. Who needs durability calls `flush` (or awaits the loop's next one) before
letting anybody see a result. Both may be called from any thread.

Of a run that somebody else has taken over nothing is written, and the other runs of the transaction are not hurt.
"""

from __future__ import annotations

import json
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from .._write_points import reached
from ..errors import JournalWriteError, RunStateError, RunTakenOverError
from ..models.events import RunEnded, RunResumed, RunStarted
from ..models.phases import ActionPhase
from ..models.records import Request, RunRecord
from . import codec
from . import connection as connections
from .cache_table import free, stale_reservations
from .connection import begin, commit, open_database, transaction, translated
from .fence import put_up, refusal, stands
from .mailbox import settle, settle_rest
from .run_log import Batch, LastWord, RunLog

TURN_S = 0.05

_INSERT_EVENT = "INSERT INTO events (run, seq, body, crc) VALUES (?, ?, ?, ?)"
_INSERT_LOG = "INSERT INTO logs (run, seq, body, crc) VALUES (?, ?, ?, ?)"
_END_RUN = "UPDATE runs SET phase = ?, ended_at = ? WHERE id = ?"
_TO_GO_ON_WITH = {one.value for one in (ActionPhase.FAILED, ActionPhase.TIMED_OUT, ActionPhase.ABORTED)}
_BEAT = "UPDATE owners SET heartbeat_at = ? WHERE run = ?"
_DAMAGED = (sqlite3.SQLITE_ERROR, sqlite3.SQLITE_CORRUPT)


class JournalWriter:
    """Queue and commit of one process.

    Parameters
    ----------
    path : Path
        The database; created when missing.
    clock : callable, optional
        Gives seconds since the epoch, for heartbeats.

    Attributes
    ----------
    is_committing : bool
        Whether some thread is in the middle of a commit, which ends by itself.
    """

    def __init__(self, path: Path, clock: Callable[[], float] = time.time) -> None:
        self._path = path
        self._clock = clock
        self._connection = open_database(path)
        self._file = _identity(path)
        self._connection.execute("PRAGMA busy_timeout = 0")  # whoever can wait does it in Python, and hears signals
        self._queue_lock = threading.Lock()
        self._commit_lock = threading.RLock()
        self._reading: sqlite3.Connection | None = None
        self._reading_lock = threading.Lock()
        self._waiting: dict[RunLog, None] = {}
        self._closed = False
        self.is_committing: bool = False

    @property
    def has_queued(self) -> bool:
        """Whether anything waits for a commit."""
        return bool(self._waiting)

    def begin_run(self, name: str, started: RunStarted, snapshot: bytes | None) -> RunLog:
        """Create a run with its first event, at once.

        Raises
        ------
        RunStateError
            If a run of that name exists.
        """
        with self._transaction("begin_run"):
            try:
                cursor = self._connection.execute(
                    "INSERT INTO runs (name, task, project, domain, phase, created_at, source, labels, rerun_of,"
                    " snapshot) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                    (
                        name,
                        started.task,
                        started.project,
                        started.domain,
                        ActionPhase.RUNNING.value,
                        started.at,
                        started.source,
                        json.dumps(started.labels),
                        started.rerun_of,
                        snapshot,
                    ),
                )
            except sqlite3.IntegrityError:
                raise self._name_is_taken(name) from None
            run_id = int(cursor.lastrowid or 0)
            fence = put_up(self._connection, run_id, started.owner, started.at)
            self._insert_event(run_id, 1, codec.encode(started))
        return self._log(run_id, name, 2, fence)

    def _name_is_taken(self, name: str) -> RunStateError:
        (phase,) = self._connection.execute("SELECT phase FROM runs WHERE name = ?", (name,)).fetchone()
        way = f"flyte_nb.show({name!r}) shows that one."
        if phase in _TO_GO_ON_WITH:
            way = f"Or go on with that one: flyte_nb.Run.get({name!r}).resume()."
        return RunStateError(f"A run named {name!r} exists already ({phase}). Choose another name. {way}")

    def take_over_run(self, resumed: RunResumed, previous: RunRecord) -> RunLog:
        """Become the only one who may write a run, which nobody has written since `previous` was read; at once.

        An abort that nobody took was meant for the try before, and an answer waits for this one. What processes that
        are gone had reserved is free: nobody may ever ask for it again.

        Raises
        ------
        RunStateError
            If its owner lives after all, or somebody else was faster.
        """
        name = previous.name
        with self._transaction("take_over_run"):
            found = self._connection.execute(
                "SELECT runs.id FROM runs JOIN owners ON owners.run = runs.id WHERE name = ? AND fence = ? AND"
                " (heartbeat_at = ? OR ended_at IS NOT NULL)",
                (name, previous.fence, previous.heartbeat_at),
            ).fetchone()
            if found is None:
                raise RunStateError(
                    f"Run {name!r} was resumed by another process at the same moment, or its own has come back."
                )
            run_id = int(found[0])
            self._connection.execute(
                "UPDATE runs SET phase = ?, ended_at = NULL WHERE id = ?", (ActionPhase.RUNNING.value, run_id)
            )
            stopped_at = min(self._stopped_at(run_id, previous), resumed.at)
            resumed = msgspec.structs.replace(resumed, stopped_at=stopped_at)
            fence = put_up(self._connection, run_id, resumed.owner, resumed.at, paused_s=resumed.at - stopped_at)
            last = last_seq(self._connection, run_id)
            self._insert_event(run_id, last + 1, codec.encode(resumed))
            self._settle_rest(name, _outcome_at_resume)
            free(self._connection, stale_reservations(self._connection, resumed.at))
        return self._log(run_id, name, last + 2, fence)

    def _stopped_at(self, run_id: int, previous: RunRecord) -> float:
        """When a run that nobody drives ended, or was last heard of."""
        if previous.ended_at is not None:
            return previous.ended_at
        last = self._connection.execute(
            "SELECT seq, body, crc FROM events WHERE run = ? ORDER BY seq DESC LIMIT 1", (run_id,)
        ).fetchone()
        return max(previous.heartbeat_at, codec.decode_row(last, previous.name).at if last is not None else 0.0)

    @property
    def patience_s(self) -> float:
        """For how long whoever waits for another process to give the journal back does so."""
        return connections.BUSY_TIMEOUT_S

    def end_run(self, log: RunLog, ended: RunEnded, last_word: LastWord | None = None) -> None:
        """Commit the end of a run together with everything queued before it, and the outcomes of its open requests.

        Parameters
        ----------
        log, ended
        last_word : callable, optional
            What becomes of a request that is still open then; by default `Request.outcome_after`.
        """
        log.append_end(ended, last_word or (lambda request: request.outcome_after(ended.phase)))
        self.flush()

    def beat(self, logs: Iterable[RunLog], wait_s: float | None = None) -> None:
        """Tell that this process drives these runs, and hear which it does not any more; commits what is queued."""
        self._take_turn(wait_s)
        try:
            self._commit([log for log in logs if log.lost is None], wait_s)
        finally:
            self._commit_lock.release()

    def flush(self, wait_s: float | None = None) -> None:
        """Commit everything that is queued; what was appended before the call is durable after it.

        Of a run that was taken over nothing is; its log is `lost` then.

        Parameters
        ----------
        wait_s : float, optional
            For how long to wait while another process writes; by default `patience_s`.

        Raises
        ------
        JournalWriteError
            If it cannot be committed; it stays queued, and what was committed before is safe.
        """
        self._take_turn(wait_s)  # also when nothing is queued: another thread may be committing what was
        try:
            self._commit([], wait_s)
        finally:
            self._commit_lock.release()

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
                with self._reading_lock:
                    if self._reading is not None:
                        self._reading.close()

    def _take_turn(self, wait_s: float | None) -> None:
        """Become the one thread that commits. Who has it may wait for another process."""
        if not self._commit_lock.acquire(timeout=-1 if wait_s is None else wait_s + TURN_S):
            busy = JournalWriteError(f"Another thread waits to write to the journal {self._path}.")
            busy.is_held = True
            raise busy

    def _commit(self, beating: list[RunLog], wait_s: float | None) -> None:
        batches: dict[RunLog, Batch] = {}
        refused: dict[RunLog, RunTakenOverError] = {}
        try:
            with self._queue_lock:
                for log in self._waiting:
                    log.take(batches)
                self._waiting.clear()
            if not (batches or beating):
                return
            if self._closed:
                raise JournalWriteError(f"The journal {self._path} is closed in this process.")
            self.is_committing = True
            with translated(self._path, "write to"):
                begin(self._connection, wait_s)
                for log in {**batches, **dict.fromkeys(beating)} if beating else batches:
                    if not stands(self._connection, log.run_id, log.fence):
                        refused[log] = refusal(self._connection, log.run_id, log.name)
                    elif log in batches:
                        self._write(log, batches[log])
                if beating:
                    now = self._clock()
                    self._connection.executemany(_BEAT, [(now, log.run_id) for log in beating if log not in refused])
                reached("before_commit")
                commit(self._connection, wait_s)
            reached("after_commit")
        except BaseException:
            # Also what strikes a thread from outside: nothing that was appended may be lost.
            self._roll_back()
            with self._queue_lock:
                for log, batch in batches.items():
                    log.give_back(batch)
            raise
        finally:
            self.is_committing = False
        for log, error in refused.items():
            log.lose(error)

    def _write(self, log: RunLog, batch: Batch) -> None:
        if batch.was_tried:
            batch.drop_up_to(last_seq(self._connection, log.run_id))
        if batch.events:
            self._connection.executemany(_INSERT_EVENT, batch.events)
        if batch.logs:
            self._connection.executemany(_INSERT_LOG, batch.logs)
        if batch.outcomes:
            settle(self._connection, batch.outcomes)
        if batch.end is not None:
            self._connection.execute(_END_RUN, (batch.end.phase.value, batch.end.at, log.run_id))
        if batch.last_word is not None:
            self._settle_rest(log.name, batch.last_word)

    def _settle_rest(self, run: str, last_word: LastWord) -> None:
        try:
            settle_rest(self._connection, run, last_word)
        except sqlite3.DatabaseError as error:
            if getattr(error, "sqlite_errorcode", 0) & 0xFF not in _DAMAGED:
                raise
            # The table of requests cannot be read. The run begins and ends all the same.

    def _insert_event(self, run_id: int, seq: int, body: bytes) -> None:
        self._connection.execute(_INSERT_EVENT, (run_id, seq, body, codec.checksum(body)))

    def _log(self, run_id: int, name: str, next_seq: int, fence: int) -> RunLog:
        return RunLog(
            self._waiting, self._queue_lock, self._read, run_id=run_id, name=name, next_seq=next_seq, fence=fence
        )

    def _read(self, log: RunLog, seq: int, waits: bool) -> tuple[bytes, int] | None:
        """See `RunLog`; by a connection of its own, which waits neither for a commit here nor for other processes."""
        if waits:
            with self._commit_lock:
                pass
        with self._reading_lock, translated(self._path, "read"):
            if self._reading is None:
                self._reading = open_database(self._path, read_only=True)
            found = self._reading.execute(
                "SELECT body, crc FROM events WHERE run = ? AND seq = ?", (log.run_id, seq)
            ).fetchone()
        return found and (found[0], found[1])

    @contextmanager
    def _transaction(self, what: str) -> Iterator[None]:
        with self._commit_lock, translated(self._path, "write to"), transaction(self._connection):
            self._check_is_there()
            yield
            reached(f"before_{what}")
        reached(f"after_{what}")

    def _check_is_there(self) -> None:
        """Refuse to begin what nobody would find: an open file that was removed can still be written."""
        if _identity(self._path) != self._file:
            raise JournalWriteError(
                f"The journal {self._path} was removed or replaced while this process had it open; what it writes now"
                " would be found nowhere. Restart the kernel, or call init(home=...) to use what is there now."
            )

    def _roll_back(self) -> None:
        if self._connection.in_transaction:
            self._connection.execute("ROLLBACK")


def _identity(path: Path) -> tuple[int, int] | None:
    """What tells a file from another one of that name; None if there is none."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino


def _outcome_at_resume(request: Request) -> str | None:
    return "nothing to abort: it was resumed since" if request.kind == "abort" else None


def last_seq(connection: sqlite3.Connection, run_id: int) -> int:
    """The number of the last event or log line of a run, 0 if it has none."""
    found = connection.execute(
        "SELECT max((SELECT coalesce(max(seq), 0) FROM events WHERE run = :run),"
        " (SELECT coalesce(max(seq), 0) FROM logs WHERE run = :run))",
        {"run": run_id},
    ).fetchone()
    return int(found[0])
