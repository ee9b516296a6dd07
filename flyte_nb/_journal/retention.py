"""Forget runs that are old enough."""

from __future__ import annotations

import time
from pathlib import Path

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
                connection.execute("BEGIN IMMEDIATE")
                connection.execute("DELETE FROM events WHERE run = ?", (row[0],))
                connection.execute("DELETE FROM logs WHERE run = ?", (row[0],))
                connection.execute("DELETE FROM requests WHERE run = ?", (row[1],))
                connection.execute("DELETE FROM runs WHERE id = ?", (row[0],))
                connection.execute("COMMIT")
            connection.execute("DELETE FROM cache WHERE created_at < ?", (limit,))
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            connection.execute("VACUUM")
    finally:
        connection.close()
    return [row[1] for row in old]
