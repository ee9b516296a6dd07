"""Results kept for later calls, and reservations that let identical calls run once.

Keys are made by the engine; this module only keeps what belongs to a key.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable
from pathlib import Path

from .._write_points import reached
from ..models.events import Owner
from ..models.records import CacheEntry
from . import codec
from .connection import open_database, transaction, translated
from .liveness import is_alive

_LAST_HEARTBEAT = (
    "SELECT max(heartbeat_at) FROM owners WHERE host = ? AND pid = ? AND process_started_at = ? AND machine = ?"
)
_RELEASE = "DELETE FROM reservations WHERE key = ? AND host = ? AND pid = ? AND machine = ?"


class CacheTable:
    """The cache of a home; one may be shared by threads.

    Parameters
    ----------
    path : Path
        The journal's database.
    clock : callable, optional
        Gives seconds since the epoch.
    """

    def __init__(self, path: Path, clock: Callable[[], float] = time.time) -> None:
        self._path = path
        self._clock = clock
        self._connection = open_database(path)
        self._lock = threading.Lock()

    def get(self, key: str) -> CacheEntry | None:
        """The entry of `key`.

        Raises
        ------
        JournalCorruptionError
            If the entry does not match its checksum.
        """
        with self._lock, translated(self._path, "read"):
            row = self._connection.execute(
                "SELECT run, action, task, outputs, crc, created_at FROM cache WHERE key = ?", (key,)
            ).fetchone()
        if row is None:
            return None
        codec.decode_literals(row[3], row[4], f"Cache entry {key}")
        return CacheEntry(key=key, run=row[0], action=row[1], task=row[2], outputs=row[3], created_at=row[5])

    def put(self, entry: CacheEntry, reserved_by: Owner | None = None) -> None:
        """Keep `entry`; a later one of the same key takes its place, and whoever had the right to compute it is done.

        Both at once, so that a process that dies here leaves no reservation that nobody asks for any more.
        """
        reached("before_cache_put")
        with self._lock, translated(self._path, "write to"), transaction(self._connection):
            if reserved_by is not None:
                self._connection.execute(_RELEASE, (entry.key, reserved_by.host, reserved_by.pid, reserved_by.machine))
            self._connection.execute(
                "INSERT OR REPLACE INTO cache (key, run, action, task, outputs, crc, created_at)"
                " VALUES (?, ?, ?, ?, ?, ?, ?)",
                (
                    entry.key,
                    entry.run,
                    entry.action,
                    entry.task,
                    entry.outputs,
                    codec.checksum(entry.outputs),
                    entry.created_at,
                ),
            )
        reached("after_cache_put")

    def reserve(self, key: str, owner: Owner) -> bool:
        """Take the right to compute `key`; False while a living process has it.

        The same process may not take it twice either: within a process, calls wait for each other in memory.
        """
        reached("before_cache_reserve")
        with self._lock, translated(self._path, "write to"), transaction(self._connection):
            now = self._clock()
            row = self._connection.execute(
                "SELECT host, pid, process_started_at, machine, taken_at FROM reservations WHERE key = ?", (key,)
            ).fetchone()
            free = row is None or not is_held(self._connection, Owner(*row[:4]), row[4], now)
            if free:
                self._connection.execute(
                    "INSERT OR REPLACE INTO reservations VALUES (?, ?, ?, ?, ?, ?)",
                    (key, owner.host, owner.pid, owner.process_started_at, now, owner.machine),
                )
        reached("after_cache_reserve")
        return free

    def release(self, key: str, owner: Owner) -> None:
        """Give the right back."""
        reached("before_cache_release")
        with self._lock, translated(self._path, "write to"):
            self._connection.execute(_RELEASE, (key, owner.host, owner.pid, owner.machine))
        reached("after_cache_release")

    def close(self) -> None:
        """Close the connection."""
        with self._lock:
            self._connection.close()


def stale_reservations(connection: sqlite3.Connection, now: float) -> list[str]:
    """Keys that are reserved by processes that are gone."""
    rows = connection.execute(
        "SELECT key, host, pid, process_started_at, machine, taken_at FROM reservations"
    ).fetchall()
    return [key for key, *owner, at in rows if not is_held(connection, Owner(*owner), at, now)]


def free(connection: sqlite3.Connection, keys: list[str]) -> None:
    """Whatever has them reserved; within a transaction, or at once."""
    connection.executemany("DELETE FROM reservations WHERE key = ?", [(key,) for key in keys])


def is_held(connection: sqlite3.Connection, owner: Owner, taken_at: float, now: float) -> bool:
    """Whether a reservation's owner lives; its heartbeat stands beside the runs it drives."""
    if is_alive(owner, taken_at, now):
        return True
    identity = (owner.host, owner.pid, owner.process_started_at, owner.machine)
    heartbeat_at = connection.execute(_LAST_HEARTBEAT, identity).fetchone()[0]
    return heartbeat_at is not None and is_alive(owner, heartbeat_at, now)
