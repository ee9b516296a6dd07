"""Several pages that look at one picture."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import flyte_nb as flyte
from flyte_nb._follow import inspector, page
from flyte_nb._follow.live_picture import LivePicture
from flyte_nb._follow.pages import MOST_PAGES, Pages
from flyte_nb.remote.history import RunHistory

env = flyte.TaskEnvironment("paged")


@env.task
async def leaf(n: int) -> int:
    return n


@env.task
async def branch(n: int) -> int:
    return sum(await asyncio.gather(*(leaf(10 * n + i) for i in range(3))))


@env.task
async def root() -> int:
    return sum(await asyncio.gather(branch(1), branch(2)))


class Channel:
    """Pages of a run that has ended, and what was sent to them."""

    def __init__(self) -> None:
        run = flyte.run(root)
        run.wait()
        self.picture = LivePicture(RunHistory(run.name), lambda _: None)
        self.sent: list[dict[str, Any]] = []
        self.scheduled: list[Callable[[], None]] = []
        self.done: list[str] = []
        self.pages = Pages(
            self.picture,
            self.sent.append,
            resume=lambda name: self.done.append("resume"),
            rerun=lambda name: self.done.append("rerun") or "new",
            schedule=self.scheduled.append,
        )
        view = self.picture.tree.view
        self.branches = view.actions[view.root].children

    def say(self, view: str, **message: Any) -> list[dict[str, Any]]:
        """Say something as the page of a view; what is sent for it."""
        self.sent.clear()
        self.pages.take({**message, "view": view})
        assert {one.get("view") for one in self.sent} <= {view}
        return list(self.sent)


@pytest.fixture
def channel() -> Channel:
    return Channel()


def parents(messages: list[dict[str, Any]]) -> set[str]:
    return {node[1] for message in messages for node in message.get("nodes", [])}


def test_each_page_has_its_own_open_branches(channel: Channel) -> None:
    first, second = channel.branches
    channel.say("one", type="hello")
    channel.say("other", type="hello")
    assert parents(channel.say("one", type="open", id=first)) == {first}
    assert parents(channel.say("other", type="open", id=second)) == {second}
    channel.sent.clear()
    channel.picture.tree.settle()
    channel.picture.pump()
    for feed in list(channel.picture._feeds):
        for message in feed.changes():
            channel.picture._feeds[feed](message)
    told = {view: parents([one for one in channel.sent if one["view"] == view]) for view in ("one", "other")}
    assert first in told["one"]
    assert second not in told["one"]
    assert second in told["other"]
    assert first not in told["other"]


def test_each_page_has_its_own_selected_action(channel: Channel) -> None:
    for view, action in zip(("one", "other"), channel.branches, strict=True):
        channel.say(view, type="hello")
        channel.say(view, type="select", action=action)
    channel.pages.news_of_selection()
    details = {one["view"]: one["action"] for one in channel.sent if one["type"] == "details"}
    assert details == dict(zip(("one", "other"), channel.branches, strict=True))


def test_until_a_page_is_heard_all_are_told(channel: Channel) -> None:
    channel.picture.pump()
    assert [one["type"] for one in channel.sent] == ["reset"]
    assert "view" not in channel.sent[0]
    said = channel.sent[0]["seq"]
    assert channel.say("one", type="hello")[0]["seq"] > said
    channel.picture._beat_at = 0.0
    channel.picture.pump()
    assert all(one["view"] == "one" for one in channel.sent)


def test_a_page_that_leaves_is_told_nothing_more(channel: Channel) -> None:
    channel.say("one", type="hello")
    channel.say("one", type="leave")
    channel.picture._beat_at = 0.0
    channel.picture.pump()
    assert channel.sent == []
    assert not channel.picture.has_pages


def test_pages_that_never_said_that_they_leave_do_not_pile_up(channel: Channel) -> None:
    for number in range(3 * MOST_PAGES):
        channel.say(f"page {number}", type="hello")
    assert len(channel.picture._feeds) == MOST_PAGES
    assert channel.say("page 0", type="hello")[0]["type"] == "reset"


@pytest.mark.parametrize("button", ["rerun", "resume"])
def test_a_button_that_is_clicked_again_before_the_first_click_was_heeded_does_nothing_more(
    channel: Channel, button: str
) -> None:
    channel.say("one", type=button)
    [notice] = channel.say("one", type=button)
    assert notice["text"] == "This was asked for already."
    for action in channel.scheduled:
        action()
    assert channel.done == [button]
    channel.say("one", type=button)
    assert len(channel.scheduled) == 2


def test_a_button_that_has_to_wait_for_the_cell_says_so(channel: Channel, monkeypatch: pytest.MonkeyPatch) -> None:
    told = threading.Event()
    monkeypatch.setattr(page, "SAYS_THAT_IT_WAITS_AFTER_S", 0)
    monkeypatch.setattr(channel.pages, "_send", lambda message: (channel.sent.append(message), told.set()))
    channel.pages.take({"type": "rerun", "view": "one"})
    assert told.wait(60)
    assert channel.sent[-1]["text"] == "This begins when the cell that runs now has ended."


def on_a_thread(action: Callable[[], None]) -> threading.Thread:
    thread = threading.Thread(target=action, daemon=True)
    thread.start()
    return thread


def told_of(channel: Channel, kind: str) -> threading.Event:
    """Set with every message of that kind, after it was sent."""
    told = threading.Event()
    send = channel.pages._send

    def hear(message: dict[str, Any]) -> None:
        send(message)
        if message["type"] == kind:
            told.set()

    channel.pages._send = hear
    return told


class SlowToRead:
    """Inputs that are there when a test says so."""

    def __init__(self) -> None:
        self.begun = threading.Event()
        self.there = threading.Event()

    def __call__(self, *_: Any) -> dict[str, Any]:
        self.begun.set()
        assert self.there.wait(60)
        return {"big": "value"}


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> Iterator[SlowToRead]:
    slow = SlowToRead()
    monkeypatch.setattr(inspector, "previewed_inputs", slow)
    yield slow
    slow.there.set()


def texts(details: dict[str, Any]) -> list[str]:
    return [variable["text"] for variable in details["inputs"]]


def test_everything_but_its_values_is_told_of_an_action_while_they_are_read(channel: Channel, slow: SlowToRead) -> None:
    told = told_of(channel, "details")
    channel.say("one", type="select", action=channel.branches[0])
    on_a_thread(channel.pages.news_of_selection)
    assert slow.begun.wait(60)
    assert told.wait(10)
    details = [one for one in channel.sent if one["type"] == "details"]
    assert [texts(one) for one in details] == [["reading ..."]]
    told.clear()
    slow.there.set()
    assert told.wait(60)
    assert texts(channel.sent[-1]) == ["'value'"]


def test_pages_and_the_picture_go_on_while_a_value_is_read(channel: Channel, slow: SlowToRead) -> None:
    channel.say("one", type="select", action=channel.branches[0])
    on_a_thread(channel.pages.news_of_selection)
    assert slow.begun.wait(60)
    asks = on_a_thread(lambda: channel.pages.take({"type": "open", "id": channel.branches[1], "view": "one"}))
    pumps = on_a_thread(channel.picture.pump)
    for thread in (asks, pumps):
        thread.join(10)
        assert not thread.is_alive()


def test_an_abort_does_not_wait_for_what_else_is_done_with_the_picture(channel: Channel) -> None:
    channel.say("one", type="hello")
    with channel.picture.lock:
        aborts = on_a_thread(lambda: channel.pages.take({"type": "abort", "view": "one"}))
        aborts.join(10)
        assert not aborts.is_alive()
    assert channel.sent[-1]["text"] == "Stopping ..."


def test_what_cannot_be_read_is_told_and_no_longer_asked_for(channel: Channel, monkeypatch: pytest.MonkeyPatch) -> None:
    def unreadable(*_: Any) -> None:
        raise OSError("the bucket is gone")

    monkeypatch.setattr(inspector.Inspector, "_read_values", unreadable)
    told = told_of(channel, "notice")
    channel.say("one", type="select", action=channel.branches[0])
    channel.pages.news_of_selection()
    assert told.wait(60)
    [page] = channel.pages._all()
    assert page._inspector is None
    assert "cannot be shown: OSError: the bucket is gone" in str(channel.sent)


def test_a_timeline_is_of_all_or_of_the_actions_that_are_asked_for(channel: Channel) -> None:
    channel.say("one", type="hello", open=[])
    one = channel.branches[0]
    [everything] = channel.say("one", type="ask_timeline")
    assert len(everything["spans"]) == 9
    [some] = channel.say("one", type="ask_timeline", actions=[one, "nobody"])
    assert [span[0] for span in some["spans"]] == [one]
    [none] = channel.say("one", type="ask_timeline", actions=[])
    assert none["spans"] == []


def test_a_view_that_is_no_text_is_one_that_can_be_sent(channel: Channel) -> None:
    channel.pages.take({"type": "hello", "open": [], "view": "\ud800"})
    assert "reset" in [message["type"] for message in channel.sent]
    assert json.dumps(channel.sent, ensure_ascii=False).encode()
