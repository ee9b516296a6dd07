"""A journal with hostile bytes in it is read, or refused with an error that says so; it is never obeyed."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from flyte_nb._journal import Home
from flyte_nb._journal.codec import checksum
from flyte_nb._journal.doctor import examine
from flyte_nb._server.desk import Desk
from flyte_nb._server.listing import Wanted
from flyte_nb.errors import ActionNotFoundError, JournalError, RunNotFoundError, RunStateError
from flyte_nb.models.records import RunFilter
from tests.fuzz.profile import flipped, flips, fuzzed

leaves = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats()
    | st.text(max_size=20)
    | st.binary(max_size=20)
    | st.sampled_from(["../../outside", "file:///etc/passwd", "<script>alert(1)</script>", "a0", "\ud7ff" * 50])
)
values = st.recursive(leaves, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner))
chosen = st.integers(0, 10_000)

WRITE_VERSION = 18
"""Where in an SQLite file it stands which version may write it."""


def read_all(home: Path) -> None:
    """What pages and commands read of a home, all of it; a refusal in our words is an answer."""
    desk = Desk(Home(home))
    try:
        lines = []
        for question in (
            lambda: lines.extend(desk.runs(RunFilter()).runs),
            lambda: desk.news(Wanted(RunFilter(), 0, 50)),
            desk.tasks,
            desk.inbox,
        ):
            _answered(question)
        for name in [line.name for line in lines] or ["recorded"]:
            _answered(lambda: desk.origin(name))  # noqa: B023
            _answered(lambda: desk.saved_picture(name))  # noqa: B023
            _answered(lambda: desk.tree(name, []))  # noqa: B023
            opened: list[str] = []
            _answered(lambda: opened.extend(desk._picture_now(name).tree.view.actions))  # noqa: B023
            _answered(lambda: desk.tree(name, opened))  # noqa: B023
            for action in opened:
                _answered(lambda: desk.action(name, action))  # noqa: B023
    finally:
        desk.close()


def _answered(question: Callable[[], Any]) -> None:
    try:
        msgspec.json.encode(question())
    except (JournalError, RunNotFoundError, ActionNotFoundError, RunStateError) as refusal:
        assert str(refusal)


def with_leaf(found: Any, at: int, value: Any) -> Any:
    """`found` with one of its parts, the one numbered `at`, replaced."""
    if not isinstance(found, list) or not found:
        return value
    index = at % len(found)
    return [with_leaf(one, at // len(found), value) if place == index else one for place, one in enumerate(found)]


@given(table=st.sampled_from(["events", "logs"]), row=chosen, at=chosen, value=values, kept=st.booleans())
@fuzzed(40)
def test_a_record_of_the_right_checksum_may_say_anything(
    copied: Callable[[], Path], table: str, row: int, at: int, value: Any, kept: bool
) -> None:
    home = copied()
    with closing(sqlite3.connect(Home(home).journal_path)) as journal, journal:
        rows = journal.execute(f"SELECT run, seq, body FROM {table} ORDER BY seq").fetchall()
        run, seq, body = rows[row % len(rows)]
        changed = msgspec.msgpack.encode(with_leaf(msgspec.msgpack.decode(body), at, value) if kept else value)
        journal.execute(
            f"UPDATE {table} SET body = ?, crc = ? WHERE run = ? AND seq = ?", (changed, checksum(changed), run, seq)
        )
    read_all(home)
    examine(Home(home).journal_path, repair=True)
    read_all(home)


@given(row=chosen, table=st.sampled_from(["events", "logs"]), body=st.binary(max_size=200))
@fuzzed(40)
def test_a_record_of_any_bytes_is_refused(copied: Callable[[], Path], row: int, table: str, body: bytes) -> None:
    home = copied()
    with closing(sqlite3.connect(Home(home).journal_path)) as journal, journal:
        rows = journal.execute(f"SELECT run, seq FROM {table}").fetchall()
        journal.execute(f"UPDATE {table} SET body = ? WHERE run = ? AND seq = ?", (body, *rows[row % len(rows)]))
    read_all(home)
    assert examine(Home(home).journal_path).damage


@given(at=st.floats(0, 1, exclude_max=True), junk=st.binary(min_size=1, max_size=5000), cut=st.booleans(), head=chosen)
@fuzzed(40)
def test_a_file_with_any_bytes_in_it_is_read_or_refused(
    copied: Callable[[], Path], at: float, junk: bytes, cut: bool, head: int
) -> None:
    home = copied()
    path = Home(home).journal_path
    content = bytearray(path.read_bytes())
    place = head % 100 if head < 1000 else int(at * len(content))
    content[place : place + len(junk)] = junk
    path.write_bytes(content[: place + len(junk)] if cut else content)
    read_all(home)
    _answered(lambda: bool(examine(path, repair=True)))
    read_all(home)


def with_write_ahead_log(home: Path) -> list[Path]:
    """Leave the home as a process does that is killed: some of its journal is only in the log of SQLite. Its files."""
    path = Home(home).journal_path
    content: dict[str, bytes] = {}
    with closing(sqlite3.connect(path, isolation_level=None)) as journal:
        journal.execute("PRAGMA journal_mode = WAL")
        journal.execute("PRAGMA wal_autocheckpoint = 0")
        journal.execute("UPDATE events SET body = body || x'00'")
        journal.execute("UPDATE events SET body = substr(body, 1, length(body) - 1)")
        content.update({end: Path(f"{path}{end}").read_bytes() for end in ("", "-wal")})
    for end, found in content.items():
        Path(f"{path}{end}").write_bytes(found)
    return [Path(f"{path}{end}") for end in content]


@given(file=st.sampled_from(["journal", "log"]), flips=flips)
@fuzzed(40)
def test_a_journal_or_its_write_ahead_log_with_turned_bits_is_read_or_refused(
    copied: Callable[[], Path], file: str, flips: list[tuple[float, int]]
) -> None:
    home = copied()
    journal, log = with_write_ahead_log(home)
    path = journal if file == "journal" else log
    path.write_bytes(flipped(path.read_bytes(), flips))
    read_all(home)
    _answered(lambda: bool(examine(journal, repair=True)))
    read_all(home)


@given(
    table=st.sampled_from(["runs", "owners"]),
    column=st.sampled_from(
        ["name", "task", "phase", "created_at", "ended_at", "labels", "rerun_of", "host", "pid", "machine", "fence"]
    ),
    value=leaves.filter(lambda value: not isinstance(value, int) or abs(value) < 2**63),
)
@fuzzed(40)
def test_a_line_of_the_list_may_hold_anything_and_is_made_anew(
    copied: Callable[[], Path], table: str, column: str, value: Any
) -> None:
    home = copied()
    with closing(sqlite3.connect(Home(home).journal_path)) as journal:
        try:
            journal.execute(f"UPDATE {table} SET {column} = ?", (value,))
        except (sqlite3.IntegrityError, sqlite3.OperationalError):
            assume(False)  # no such column there, or it takes no such value
        journal.commit()
    read_all(home)
    examine(Home(home).journal_path, repair=True)
    desk = Desk(Home(home))
    [line] = desk.runs(RunFilter()).runs
    assert desk.tree(line.name, [])
    assert examine(Home(home).journal_path).is_sound
    desk.close()


def test_a_journal_whose_header_forbids_writing_is_not_repaired_and_says_so(copied: Callable[[], Path]) -> None:
    path = Home(copied()).journal_path
    content = bytearray(path.read_bytes())
    content[WRITE_VERSION] = 9
    path.write_bytes(content)
    with pytest.raises(JournalError, match="Cannot repair the journal"):
        examine(path, repair=True)
