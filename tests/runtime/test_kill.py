"""`kill -9` at every write point, again and again: no completed action is lost, and none runs twice.

A side effect happens exactly once if the end of its action is committed. An action that dies before that commit, also
one whose function has returned, was not completed: it runs again, once for each time it was in flight.
"""

from __future__ import annotations

import itertools
import json
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from flyte_nb._journal import JournalReader
from flyte_nb._journal.doctor import examine
from flyte_nb.models.events import PromptAnswered
from flyte_nb.storage.store import checksum_of

PROGRAM = Path(__file__).with_name("killed_program.py")
UNDISTURBED = "[40121, 40141, 400, 400, -1, 5, 3]"

COMMITS = [f"{when}_commit" for when in ("before", "after")]
OTHERS = [
    f"{when}_{what}"
    for what in (
        "begin_run",
        "take_over_run",
        "cache_reserve",
        "cache_put",
        "cache_release",
        "post",
        "publish",
    )
    for when in ("before", "after")
]


def cases() -> Iterator[tuple[str, int]]:
    """Where the first process dies: the later ones die at the same kind of point, each one occurrence later."""
    yield from itertools.product(COMMITS, (0, 5, 10))
    for point in OTHERS:
        yield point, 0


def died(folder: Path, point: str, first: int) -> dict[str, Any]:
    (folder / "marks").mkdir()
    done = subprocess.run(
        [sys.executable, str(PROGRAM), str(folder / "home"), str(folder / "marks"), point, str(first)],
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    assert told["status"] == 0, done.stderr
    return told


@pytest.mark.parametrize(("point", "first"), [*cases()])
def test_processes_killed_at_a_write_point_one_after_another_end_as_if_nothing_had_happened(
    tmp_path: Path, point: str, first: int
) -> None:
    told = died(tmp_path, point, first)

    deaths: list[dict[str, str]] = told["deaths"]
    assert deaths, "nobody came to that write point"
    assert told["output"] == UNDISTURBED
    marks = {file.name: file.read_text() for file in (tmp_path / "marks").iterdir()}
    for completed in deaths:
        assert completed == {name: marks[name] for name in completed}, "what was completed ran again"
    for name, text in marks.items():
        in_flight = sum(name not in completed for completed in deaths)
        assert 1 <= len(text) <= 2 + in_flight, f"{name} ran again without need"  # 2: one task fails at first
    assert_sound(tmp_path / "home")


def assert_sound(home: Path) -> None:
    """Nothing is damaged, open or half there, and the first answer has won."""
    path = home / "journal.sqlite"
    with sqlite3.connect(path) as connection:
        requests = connection.execute("SELECT kind, posted_by, outcome FROM requests ORDER BY id").fetchall()
    connection.close()
    assert all(outcome for _, _, outcome in requests), "whoever asked for something waits for ever"
    found = examine(path, repair=True)
    assert not (found.damage or found.orphans or found.living or found.damaged_cache_keys)
    assert examine(path).is_sound, "the reservations of the dead are all there was to mend"
    for blob in (home / "store" / "blobs").glob("*/[!.]*"):
        assert checksum_of(blob.read_bytes()) == blob.name.partition(".")[0]
    [winner, *_] = [posted_by for kind, posted_by, *_ in requests if kind == "answer"]
    events = [event for _, event in JournalReader(path).events("killed")]
    assert {event.answered_by for event in events if isinstance(event, PromptAnswered)} == {winner}
