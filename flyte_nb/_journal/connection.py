"""How this package opens SQLite, and what its errors mean to a user."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..errors import JournalCorruptionError, JournalError, JournalWriteError
from . import schema
from .network import network_file_system

BUSY_TIMEOUT_S = 15.0
LONGEST_PAUSE_S = 0.02
UNREADABLE = (sqlite3.DatabaseError, UnicodeDecodeError)
"""What reading a damaged file raises: names in its schema, which SQLite's messages repeat, may be any bytes."""


def open_database(path: Path, *, read_only: bool = False) -> sqlite3.Connection:
    """Open the journal at `path`, creating it when it may be written.

    Raises
    ------
    JournalError
        If the file cannot be opened or is no journal; the subclass says which.
    """
    on_network = bool(network_file_system(path.parent))
    mode = "mode=rwc" if not read_only else _mode_of_reader(path, on_network)
    with translated(path, "open"):
        connection = sqlite3.connect(
            f"{path.absolute().as_uri()}?{mode}",
            uri=True,
            isolation_level=None,
            check_same_thread=False,
            timeout=BUSY_TIMEOUT_S,
            cached_statements=64,
        )
        try:
            schema.refuse_newer(connection, str(path))
            if read_only:
                connection.execute("PRAGMA query_only = 1")
            else:
                # where several processes make a journal at once, SQLite refuses this without waiting
                _execute_when_free(connection, f"PRAGMA journal_mode = {'DELETE' if on_network else 'WAL'}", None)
                connection.execute(f"PRAGMA synchronous = {'FULL' if on_network else 'NORMAL'}")
                schema.prepare(connection, str(path))
        except BaseException:
            connection.close()
            raise
        return connection


def _mode_of_reader(path: Path, on_network: bool) -> str:
    if _is_sealed(path):
        return "mode=ro&immutable=1"
    # Without a write-ahead log, whoever comes after a process that died in a commit takes that back, readers too.
    return "mode=rw" if on_network and os.access(path, os.W_OK) else "mode=ro"


def _is_sealed(path: Path) -> bool:
    """Whether nobody can be writing: then SQLite must not look for the memory that readers and writers share."""
    return not os.access(path.parent, os.W_OK) and not path.with_name(path.name + "-wal").exists()


def begin(connection: sqlite3.Connection, wait_s: float | None = None) -> None:
    """Begin a transaction that writes; while another process does, wait up to `wait_s`, by default `BUSY_TIMEOUT_S`.

    A connection whose own timeout is 0 waits here, in Python, where signals are heard.
    """
    _execute_when_free(
        connection, "BEGIN IMMEDIATE", wait_s
    )  # an interrupt while it waits strikes once it has the lock


def commit(connection: sqlite3.Connection, wait_s: float | None = None) -> None:
    """Commit; without a write-ahead log, wait for those who read, as `begin` waits for those who write."""
    _execute_when_free(connection, "COMMIT", wait_s)


def _execute_when_free(connection: sqlite3.Connection, statement: str, wait_s: float | None) -> None:
    deadline = time.monotonic() + (BUSY_TIMEOUT_S if wait_s is None else wait_s)
    pause_s = 0.001
    while True:
        try:
            connection.execute(statement)
            return
        except sqlite3.OperationalError as error:
            if not _is_busy(error) or time.monotonic() >= deadline:
                raise
        time.sleep(pause_s)
        pause_s = min(2 * pause_s, LONGEST_PAUSE_S)


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """Commit what the block writes, or nothing of it; nobody else writes meanwhile."""
    try:
        begin(connection)
        yield
        commit(connection)
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


@contextmanager
def translated(path: Path, doing: str) -> Iterator[None]:
    """Turn an SQLite error into one of ours that names the file and the way out."""
    try:
        yield
    except UNREADABLE as error:
        raise _explained(path, doing, error) from error


def _is_busy(error: sqlite3.OperationalError) -> bool:
    return error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY


def said_of(error: Exception) -> str:
    """What is wrong with a file, after one of `UNREADABLE`."""
    return "malformed text in it" if isinstance(error, UnicodeDecodeError) else str(error).rstrip(".")


def _explained(path: Path, doing: str, error: Exception) -> JournalError:
    what = said_of(error)
    where = f"Cannot {doing} the journal {path}: {what}."
    if "malformed" in what or "not a database" in what:
        return JournalCorruptionError(f"{where} Run `flyte-nb doctor` to see what can be repaired.")
    if "full" in what:
        return _lasting(
            f"{where} The disk is full. Everything recorded so far is safe; free some space and resume the run."
        )
    if "readonly" in what or "read-only" in what or "unable to open" in what:
        return _lasting(
            f"{where} The home folder must be writable; choose another one with init(home=...) or FLYTE_NB_HOME."
        )
    if "locked" in what or "busy" in what:
        held = JournalWriteError(
            f"{where} Another process has held it for more than {BUSY_TIMEOUT_S:g} s; find it with"
            " `flyte-nb doctor`, or choose another home with init(home=...)."
        )
        held.is_held = True
        return held
    return JournalWriteError(f"{where} Everything recorded so far is safe.")


def _lasting(message: str) -> JournalWriteError:
    error = JournalWriteError(message)
    error.is_lasting = True
    return error
