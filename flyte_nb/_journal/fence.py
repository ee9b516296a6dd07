"""Who may write a run, and what whoever no longer may is told.

Whoever begins a run or takes it over draws a number, which stands beside the run. Every commit looks whether its number
still stands there, in its own transaction: a process that slept while another one went on with its run finds another
number, and writes nothing of that run.
"""

from __future__ import annotations

import secrets
import sqlite3
import time

from ..errors import RunTakenOverError
from ..models.events import Owner

NOBODY = 0


def new_fence() -> int:
    """A number that nobody has had."""
    return secrets.randbits(62) + 1


def stands(connection: sqlite3.Connection, run_id: int, fence: int) -> bool:
    """Whether the holder of `fence` may write the run; asked within the transaction that writes."""
    row = connection.execute("SELECT fence FROM owners WHERE run = ?", (run_id,)).fetchone()
    return row is not None and row[0] == fence


def put_up(connection: sqlite3.Connection, run_id: int, owner: Owner, at: float, *, paused_s: float = 0.0) -> int:
    """Make `owner` the only one who may write the run, which stood still for so long; within a transaction."""
    fence = new_fence()
    connection.execute(
        "INSERT OR REPLACE INTO owners"
        " (run, fence, host, machine, pid, process_started_at, since, heartbeat_at, paused_s)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ? + coalesce((SELECT paused_s FROM owners WHERE run = ?), 0))",
        (run_id, fence, owner.host, owner.machine, owner.pid, owner.process_started_at, at, at, paused_s, run_id),
    )
    return fence


def refusal(connection: sqlite3.Connection, run_id: int, name: str) -> RunTakenOverError:
    """What became of a run whose fence fell."""
    row = connection.execute("SELECT fence, host, pid, since FROM owners WHERE run = ?", (run_id,)).fetchone()
    lost = "What this process did with it since its last commit is not recorded."
    if row is None:
        return RunTakenOverError(f"Run {name!r} was deleted while nothing was heard from this process. {lost}")
    fence, host, pid, since = row
    if fence == NOBODY:
        return RunTakenOverError(
            f"Run {name!r} was ended by `flyte-nb doctor` while nothing was heard from this process. {lost}"
            f" Go on with it: flyte_nb.Run.get({name!r}).resume()."
        )
    at = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(since))
    return RunTakenOverError(
        f"Run {name!r} was taken over by process {pid} on {host} at {at}, while nothing was heard from this process."
        f" {lost} Follow it: flyte_nb.Run.get({name!r}).wait()."
    )
