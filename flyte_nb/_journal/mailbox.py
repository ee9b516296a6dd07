"""What people ask of a run from outside its code: the one way in.

A request is a row; the owner of the run takes it, acts, and writes the outcome beside it, once. In the
owner's own process the post is announced at once; anywhere else the owner's poll finds it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from .._write_points import reached
from ..models.records import Request
from .connection import open_database, translated


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
        with self._lock, translated(self._path, "write to"):
            cursor = self._connection.execute(
                "INSERT INTO requests (run, action, kind, body, posted_at, posted_by) VALUES (?, ?, ?, ?, ?, ?)",
                (run, action, kind, body, time.time(), posted_by),
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
            found = self._open(runs)
            self._data_version = version
            self._unread = bool(found)
        return found

    def left_open(self, run: str) -> list[Request]:
        """As `open_requests` for one run, whether anything changed or not."""
        with self._lock, translated(self._path, "read"):
            return self._open([run])

    def settle(self, request_id: int, outcome: str) -> bool:
        """Write what became of a request; False if somebody did before."""
        reached("before_settle")
        with self._lock, translated(self._path, "write to"):
            cursor = self._connection.execute(
                "UPDATE requests SET outcome = ? WHERE id = ? AND outcome IS NULL", (outcome, request_id)
            )
        reached("after_settle")
        return cursor.rowcount == 1

    def outcome(self, request_id: int) -> str | None:
        """What became of a request, None while it waits."""
        with self._lock, translated(self._path, "read"):
            row = self._connection.execute("SELECT outcome FROM requests WHERE id = ?", (request_id,)).fetchone()
        return row[0] if row else None

    def _open(self, runs: Sequence[str]) -> list[Request]:
        marks = ",".join("?" * len(runs))
        rows = self._connection.execute(
            "SELECT id, run, action, kind, body, posted_at, posted_by FROM requests"
            f" WHERE outcome IS NULL AND run IN ({marks}) ORDER BY id",
            tuple(runs),
        ).fetchall()
        return [Request(*row) for row in rows]

    def close(self) -> None:
        """Close the connection."""
        with self._lock:
            self._connection.close()


_listeners: list[Callable[[], None]] = []


def announce_posts_to(listener: Callable[[], None]) -> None:
    """Have `listener` called, on the poster's thread, after each post in this process."""
    _listeners.append(listener)


def stop_announcing_to(listener: Callable[[], None]) -> None:
    """Undo `announce_posts_to`."""
    if listener in _listeners:
        _listeners.remove(listener)
