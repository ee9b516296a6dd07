"""Tables of the journal, their version, and how an older home becomes a current one.

`events` and `logs` are clustered by run, so that one run is read in one sweep and forgotten in one range;
the numbers (`seq`) count within a run and over both tables, which keeps lines and events in one order.
"""

from __future__ import annotations

import sqlite3

from ..errors import JournalVersionError

APPLICATION_ID = 0x666C6E62  # "flnb": `file` and `doctor` recognise the database by it

_VERSION_1 = """
CREATE TABLE runs (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    task TEXT NOT NULL,
    project TEXT NOT NULL,
    domain TEXT NOT NULL,
    phase TEXT NOT NULL,
    created_at REAL NOT NULL,
    ended_at REAL,
    owner_host TEXT NOT NULL,
    owner_pid INTEGER NOT NULL,
    owner_started_at REAL NOT NULL,
    heartbeat_at REAL NOT NULL,
    source TEXT NOT NULL DEFAULT '',
    labels TEXT NOT NULL DEFAULT '{}',
    rerun_of TEXT NOT NULL DEFAULT '',
    snapshot BLOB
);
CREATE INDEX runs_by_time ON runs (created_at);
CREATE TABLE events (
    run INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    body BLOB NOT NULL,
    crc INTEGER NOT NULL,
    PRIMARY KEY (run, seq)
) WITHOUT ROWID;
CREATE TABLE logs (
    run INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    body BLOB NOT NULL,
    crc INTEGER NOT NULL,
    PRIMARY KEY (run, seq)
) WITHOUT ROWID;
CREATE TABLE requests (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    run TEXT NOT NULL,
    action TEXT NOT NULL,
    kind TEXT NOT NULL,
    body TEXT NOT NULL,
    posted_at REAL NOT NULL,
    posted_by TEXT NOT NULL DEFAULT '',
    outcome TEXT
);
CREATE INDEX requests_open ON requests (run) WHERE outcome IS NULL;
CREATE TABLE cache (
    key TEXT PRIMARY KEY,
    run TEXT NOT NULL,
    action TEXT NOT NULL,
    task TEXT NOT NULL,
    outputs BLOB NOT NULL,
    crc INTEGER NOT NULL,
    created_at REAL NOT NULL
) WITHOUT ROWID;
CREATE TABLE reservations (
    key TEXT PRIMARY KEY,
    host TEXT NOT NULL,
    pid INTEGER NOT NULL,
    process_started_at REAL NOT NULL,
    taken_at REAL NOT NULL
) WITHOUT ROWID;
"""

# Who drives a run stands beside it: it is read at every commit and changed at every heartbeat, and the row of a run
# may hold a large snapshot.
_VERSION_2 = """
CREATE TABLE owners (
    run INTEGER PRIMARY KEY,
    fence INTEGER NOT NULL,
    host TEXT NOT NULL,
    machine TEXT NOT NULL,
    pid INTEGER NOT NULL,
    process_started_at REAL NOT NULL,
    since REAL NOT NULL,
    heartbeat_at REAL NOT NULL
);
INSERT INTO owners
    SELECT id, 0, owner_host, '', owner_pid, owner_started_at, created_at, heartbeat_at FROM runs;
ALTER TABLE runs DROP COLUMN owner_host;
ALTER TABLE runs DROP COLUMN owner_pid;
ALTER TABLE runs DROP COLUMN owner_started_at;
ALTER TABLE runs DROP COLUMN heartbeat_at;
ALTER TABLE reservations ADD COLUMN machine TEXT NOT NULL DEFAULT '';
"""

_VERSION_3 = """
ALTER TABLE owners ADD COLUMN paused_s REAL NOT NULL DEFAULT 0;
"""

MIGRATIONS = (_VERSION_1, _VERSION_2, _VERSION_3)
CURRENT_VERSION = len(MIGRATIONS)


def prepare(connection: sqlite3.Connection, path: str) -> None:
    """Create the tables, or bring them to the current version.

    Raises
    ------
    JournalVersionError
        If the database was written by a newer flyte_nb.
    """
    if _version(connection) == CURRENT_VERSION:
        return
    connection.execute("BEGIN IMMEDIATE")
    try:
        found = _version(connection)
        refuse_newer(connection, path)
        for migration in MIGRATIONS[found:]:
            for statement in migration.split(";\n"):
                if statement.strip():
                    connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {CURRENT_VERSION}")
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute("COMMIT")
    except BaseException:
        connection.execute("ROLLBACK")
        raise


def refuse_newer(connection: sqlite3.Connection, path: str) -> None:
    """Leave a journal alone that this version does not understand.

    Raises
    ------
    JournalVersionError
    """
    found = _version(connection)
    if found > CURRENT_VERSION:
        raise JournalVersionError(
            f"The journal {path} has format {found}, and this flyte_nb reads formats up to"
            f" {CURRENT_VERSION}. Upgrade with `pip install -U flyte-nb`, or choose another folder with"
            " init(home=...) or FLYTE_NB_HOME."
        )


def _version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])
