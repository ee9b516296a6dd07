"""Forget runs that are old enough."""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path
from typing import Any

from ..errors import RunStateError
from ..models.events import Owner
from .connection import open_database, translated
from .liveness import is_alive
from .reader import NEWEST_NAMES, no_such_run

_SELECT = (
    "SELECT id, name, ended_at, heartbeat_at, host, pid, process_started_at, machine"
    " FROM runs JOIN owners ON owners.run = runs.id"
)


def forget_runs(path: Path, older_than_s: float) -> list[str]:
    """Delete runs, and cache entries, that ended or were made more than `older_than_s` seconds ago.

    Runs that are going on stay, whatever their age.

    Returns
    -------
    list of str
        Names of the runs that are gone.
    """
    limit = time.time() - older_than_s
    connection = open_database(path)
    try:
        with translated(path, "write to"):
            rows = connection.execute(
                f"{_SELECT} WHERE coalesce(ended_at, heartbeat_at, created_at) < ?",
                (limit,),
            ).fetchall()
            old = [(identity, name) for identity, name, *rest in rows if not _goes_on(*rest)]
            for identity, name in old:
                _delete(connection, identity, name)
            connection.execute("DELETE FROM cache WHERE created_at < ?", (limit,))
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            connection.execute("VACUUM")
    finally:
        connection.close()
    return [name for _, name in old]


def forget_run(path: Path, name: str) -> None:
    """Delete one run that has ended or whose process is gone.

    Raises
    ------
    RunNotFoundError
        If there is no such run.
    RunStateError
        If it is going on.
    """
    connection = open_database(path)
    try:
        with translated(path, "write to"):
            found = connection.execute(f"{_SELECT} WHERE name = ?", (name,)).fetchone()
            if found is None:
                raise no_such_run(name, path, connection.execute(NEWEST_NAMES).fetchall())
            identity, _, *rest = found
            if _goes_on(*rest):
                raise RunStateError(f"Run {name!r} is going on; abort it first: flyte-nb abort {name}")
            _delete(connection, identity, name)
    finally:
        connection.close()


def _goes_on(ended_at: float | None, heartbeat_at: float, *owner: Any) -> bool:
    return ended_at is None and is_alive(Owner(*owner), heartbeat_at)


def _delete(connection: sqlite3.Connection, identity: int, name: str) -> None:
    connection.execute("BEGIN IMMEDIATE")
    connection.execute("DELETE FROM events WHERE run = ?", (identity,))
    connection.execute("DELETE FROM logs WHERE run = ?", (identity,))
    connection.execute("DELETE FROM requests WHERE run = ?", (name,))
    connection.execute("DELETE FROM owners WHERE run = ?", (identity,))
    connection.execute("DELETE FROM runs WHERE id = ?", (identity,))
    connection.execute("COMMIT")
