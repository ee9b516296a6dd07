"""What a picture of a run reads, and when."""

from __future__ import annotations

import pytest

import flyte_nb as flyte
from flyte_nb._follow import live_picture
from flyte_nb._follow.live_picture import LivePicture
from flyte_nb._journal import JournalReader
from flyte_nb.remote.history import RunHistory

env = flyte.TaskEnvironment("pictured")


@env.task
async def nothing() -> None:
    pass


def test_the_picture_of_a_run_that_has_ended_leaves_the_journal_alone_between_two_heartbeats(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    run = flyte.run(nothing)
    run.wait()
    picture = LivePicture(RunHistory(run.name), lambda _: None)
    looks = []
    look = JournalReader.run
    monkeypatch.setattr(JournalReader, "run", lambda reader, name: (looks.append(name), look(reader, name))[1])
    monkeypatch.setattr(live_picture, "HEARTBEAT_EVERY_S", 3600)
    for _ in range(5):
        picture.pump()
    assert looks == []
    monkeypatch.setattr(live_picture, "HEARTBEAT_EVERY_S", 0)
    picture.pump()
    assert looks


@env.task
async def tells_and_fails() -> None:
    print("about to fail")
    raise ValueError("as it said")


def test_the_static_picture_of_a_failure_has_the_last_lines_of_the_log() -> None:
    run = flyte.run(tells_and_fails)
    run.wait()
    assert "about to fail" in LivePicture(RunHistory(run.name), lambda _: None).html()
