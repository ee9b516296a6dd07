"""What a run had recorded, for going on with it: everything is verified, little is decoded."""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path

import pytest

import flyte_nb as flyte
from flyte_nb import errors
from flyte_nb._journal import JournalReader, JournalWriter
from flyte_nb._journal.liveness import this_process
from flyte_nb.models import events as ev
from flyte_nb.models.phases import ActionPhase

env = flyte.TaskEnvironment("earlier")
broken = [True]


def queued(action: str, parent: str = "a0", digest: str = "code") -> ev.ActionQueued:
    return ev.ActionQueued(1.0, action, parent, "env.task", "task", ev.StoredLiterals(b"in"), code_digest=digest)


def ended(action: str, phase: ActionPhase = ActionPhase.SUCCEEDED) -> ev.ActionEnded:
    return ev.ActionEnded(2.0, action, phase, ev.StoredLiterals(b"out"))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.sqlite"


def record(path: Path, *events: ev.AnyEvent) -> None:
    writer = JournalWriter(path)
    log = writer.begin_run("run", ev.RunStarted(time.time(), "env.main", this_process()), None)
    for event in events:
        log.append(event)
    writer.close()


def test_an_action_has_succeeded_if_its_last_word_says_so(path: Path) -> None:
    record(
        path,
        queued("a0", parent=""),
        queued("good"),
        ended("good"),
        queued("bad"),
        ended("bad", ActionPhase.FAILED),
        queued("again"),
        ended("again"),
        queued("again", digest="newer code"),
        queued("taken"),
        ended("taken", ActionPhase.RECOVERED),
        ended("a0"),
    )

    earlier = JournalReader(path).earlier("run")

    assert len(earlier) == 2
    assert earlier.succeeded("good") == ended("good")
    assert earlier.succeeded("taken") == ended("taken", ActionPhase.RECOVERED)
    assert [earlier.succeeded(name) for name in ("bad", "again", "unknown")] == [None] * 3
    assert earlier.succeeded("a0") == ended("a0")
    again = earlier.queued("again")
    assert again is not None and again.code_digest == "newer code"
    assert earlier.queued("a0") == queued("a0", parent="")
    assert [type(event) for event in earlier.others] == [ev.RunStarted]


@pytest.mark.parametrize("kind", ["action_queued", "action_ended"])
def test_a_damaged_record_is_noticed_on_resume_even_if_nobody_asks_for_that_action(home: Path, kind: str) -> None:
    @env.task
    async def leaf(x: int) -> int:
        return x

    @env.task
    async def branch(x: int) -> int:
        return await leaf(x)

    @env.task
    async def main(x: int) -> int:
        found = await branch(x)
        if broken[0]:
            raise ValueError("broken")
        return found

    run = flyte.run(main, 1)
    run.wait()
    with sqlite3.connect(home / "journal.sqlite") as connection:
        body, seq = connection.execute(
            "SELECT body, seq FROM events WHERE instr(body, ?) AND seq > 4 LIMIT 1", (kind.encode(),)
        ).fetchone()
        connection.execute("UPDATE events SET body = ? WHERE seq = ?", (body[:-1] + b"\x7f", seq))
    connection.close()

    with pytest.raises(errors.JournalCorruptionError, match=rf"Event {seq} of run '{run.name}' is damaged"):
        run.resume()
