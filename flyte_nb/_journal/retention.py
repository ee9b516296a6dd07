"""Forget runs that are old enough."""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path

from ..errors import RunNotFoundError, RunStateError
from ..models.events import Owner
from .connection import open_database, translated
from .liveness import is_alive


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
                "SELECT id, name, ended_at, owner_host, owner_pid, owner_started_at, heartbeat_at FROM runs"
                " WHERE coalesce(ended_at, created_at) < ?",
                (limit,),
            ).fetchall()
            old = [row for row in rows if row[2] is not None or not is_alive(Owner(row[3], row[4], row[5]), row[6])]
            for row in old:
                _delete(connection, row[0], row[1])
            connection.execute("DELETE FROM cache WHERE created_at < ?", (limit,))
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            connection.execute("VACUUM")
    finally:
        connection.close()
    return [row[1] for row in old]


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
            row = connection.execute(
                "SELECT id, ended_at, owner_host, owner_pid, owner_started_at, heartbeat_at FROM runs WHERE name = ?",
                (name,),
            ).fetchone()
            if row is None:
                raise RunNotFoundError(f"No run named {name!r} in {path.parent}.")
            if row[1] is None and is_alive(Owner(row[2], row[3], row[4]), row[5]):
                raise RunStateError(f"Run {name!r} is going on; abort it first: flyte-nb abort {name}")
            _delete(connection, row[0], name)
    finally:
        connection.close()


def _delete(connection: sqlite3.Connection, identity: int, name: str) -> None:
    connection.execute("BEGIN IMMEDIATE")
    connection.execute("DELETE FROM events WHERE run = ?", (identity,))
    connection.execute("DELETE FROM logs WHERE run = ?", (identity,))
    connection.execute("DELETE FROM requests WHERE run = ?", (name,))
    connection.execute("DELETE FROM runs WHERE id = ?", (identity,))
    connection.execute("COMMIT")
