"""What people ask of a run from outside its code: the one way in.

A request is a row; the owner of the run takes it, acts, and writes the outcome beside it, once, in the commit of what
it did (`RunLog.settle`). What is open when the run ends gets its outcome with that end, and what comes later gets it
at once. In the owner's own process the post is announced at once; anywhere else the owner's poll finds it.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from .._write_points import reached
from ..models.phases import ActionPhase
from ..models.records import Request
from .connection import open_database, transaction, translated

_COLUMNS = "run, action, kind, body, posted_at, posted_by"
_POST = f"INSERT INTO requests ({_COLUMNS}, outcome) VALUES (?, ?, ?, ?, ?, ?, ?)"


class Mailbox:
    """Requests of all runs of a home; one may be shared by threads.

    Parameters
    ----------
    path : Path
        The journal's database.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._connection = open_database(path)
        self._lock = threading.Lock()
        self._data_version = -1
        self._unread = True

    def post(self, run: str, kind: str, *, action: str = "", body: str = "{}", posted_by: str = "") -> int:
        """Leave a request; returns its number."""
        reached("before_post")
        with self._lock, translated(self._path, "write to"), transaction(self._connection):
            request = Request(0, run, action, kind, body, time.time(), posted_by)
            cursor = self._connection.execute(
                _POST, (run, action, kind, body, request.posted_at, posted_by, self._outcome_by_now(request))
            )
            self._unread = True
        reached("after_post")
        for listener in list(_listeners):
            listener()
        return int(cursor.lastrowid or 0)

    def open_requests(self, runs: Sequence[str]) -> list[Request]:
        """Requests for `runs` that nobody has answered, oldest first; costs microseconds when nothing changed."""
        with self._lock, translated(self._path, "read"):
            version = self._connection.execute("PRAGMA data_version").fetchone()[0]
            if version == self._data_version and not self._unread:
                return []
            found = open_requests(self._connection, runs)
            self._data_version = version
            self._unread = bool(found)
        return found

    def outcome(self, request_id: int) -> str | None:
        """What became of a request, None while it waits."""
        with self._lock, translated(self._path, "read"):
            row = self._connection.execute("SELECT outcome FROM requests WHERE id = ?", (request_id,)).fetchone()
        return row[0] if row else None

    def close(self) -> None:
        """Close the connection."""
        with self._lock:
            self._connection.close()

    def _outcome_by_now(self, request: Request) -> str | None:
        ended = self._connection.execute(
            "SELECT phase FROM runs WHERE name = ? AND ended_at IS NOT NULL", (request.run,)
        ).fetchone()
        return request.outcome_after(ActionPhase(ended[0])) if ended is not None else None


def open_requests(connection: sqlite3.Connection, runs: Sequence[str]) -> list[Request]:
    """Requests for `runs` that have no outcome, oldest first."""
    marks = ",".join("?" * len(runs))
    rows = connection.execute(
        f"SELECT id, {_COLUMNS} FROM requests WHERE outcome IS NULL AND run IN ({marks}) ORDER BY id", tuple(runs)
    ).fetchall()
    return [Request(*row) for row in rows]


def settle(connection: sqlite3.Connection, outcomes: Iterable[tuple[str, int]]) -> None:
    """Write what became of requests, beside their numbers; what has an outcome keeps it."""
    connection.executemany("UPDATE requests SET outcome = ? WHERE id = ? AND outcome IS NULL", outcomes)


def settle_rest(connection: sqlite3.Connection, run: str, last_word: Callable[[Request], str | None]) -> None:
    """Settle the open requests of a run for which `last_word` has an outcome; within the transaction that ends it."""
    judged = [(last_word(request), request.request_id) for request in open_requests(connection, [run])]
    settle(connection, [(outcome, number) for outcome, number in judged if outcome is not None])


_listeners: list[Callable[[], None]] = []


def announce_posts_to(listener: Callable[[], None]) -> None:
    """Have `listener` called, on the poster's thread, after each post in this process."""
    _listeners.append(listener)


def stop_announcing_to(listener: Callable[[], None]) -> None:
    """Undo `announce_posts_to`."""
    if listener in _listeners:
        _listeners.remove(listener)
