"""What a picture of a run reads, and when."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

import flyte_nb as flyte
from flyte_nb._follow import live_picture
from flyte_nb._follow.live_picture import LivePicture
from flyte_nb._journal import JournalReader
from flyte_nb._view.wire import Diff, Header, Reset, ToPage
from flyte_nb.remote.history import RunHistory

env = flyte.TaskEnvironment("pictured")

KILLED = """
import os
import flyte_nb as flyte
env = flyte.TaskEnvironment("killed")

@env.task
async def dies() -> None:
    os._exit(9)

flyte.with_runcontext(name="killed").run(dies).wait()
"""


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


is_mended = False


@env.task
async def fails_until_mended() -> None:
    if not is_mended:
        raise ValueError("not yet")


def test_a_picture_that_was_told_of_news_has_not_ended_before_it_has_read_them_which_is_at_the_next_round(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    run = flyte.run(fails_until_mended)
    run.wait()
    picture = LivePicture(RunHistory(run.name), lambda _: None)
    picture.pump()
    monkeypatch.setattr(live_picture, "HEARTBEAT_EVERY_S", 3600)
    monkeypatch.setitem(globals(), "is_mended", True)
    run.resume().wait()
    picture.outdate()
    assert not picture.ended
    picture.pump()
    assert picture.ended
    assert "succeeded" in picture.text()
    assert picture.record == picture.history.record()


@env.task
async def tells_and_fails() -> None:
    print("about to fail")
    raise ValueError("as it said")


def test_the_static_picture_of_a_failure_has_the_last_lines_of_the_log() -> None:
    run = flyte.run(tells_and_fails)
    run.wait()
    assert "about to fail" in LivePicture(RunHistory(run.name), lambda _: None).html()


def last_told(run: str, monkeypatch: pytest.MonkeyPatch) -> Header:
    """What a page hears last, where the first look at the run takes in all its events and finds its time used up."""
    events = sum(1 for _ in RunHistory(run).records.reader.events(run))
    monkeypatch.setattr(live_picture, "EVENTS_BETWEEN_LOOKS_AT_THE_CLOCK", events)
    monkeypatch.setattr(live_picture, "FIRST_READ_S", -1.0)
    told: list[ToPage] = []
    picture = LivePicture(RunHistory(run), lambda _: None)
    feed = picture.attach(told.append)
    feed.heard = True
    told += feed.reset([])
    assert picture.behind_since is not None
    for _ in range(3):
        picture.pump()
    return [one.header for one in told if isinstance(one, Reset | Diff) and one.header is not None][-1]


def test_a_page_hears_that_all_was_read_where_that_turns_out_only_at_the_next_look(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    run = flyte.run(nothing)
    run.wait()
    assert not last_told(run.name, monkeypatch).catching_up


def test_a_page_hears_that_the_run_was_interrupted_where_that_turns_out_only_at_the_next_look(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    subprocess.run([sys.executable, "-c", KILLED], env=dict(os.environ), check=False)
    header = last_told("killed", monkeypatch)
    assert header.interrupted
    assert header.can_resume
