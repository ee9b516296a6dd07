"""What a page is sent about the action that somebody has selected."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

import pytest

import flyte_nb as flyte
from flyte_nb._notebook import live_picture
from flyte_nb._notebook.inspector import MAX_LOG, MAX_REPORT, Inspector
from flyte_nb._notebook.live_picture import LivePicture
from flyte_nb._view.wire import Diff, Logs, ReportChunk, Reset, ToPage
from flyte_nb.remote import Action

env = flyte.TaskEnvironment("inspected")
Message = TypeVar("Message", Logs, ReportChunk)


@env.task
async def chatty(lines: int) -> None:
    for number in range(lines):
        print("line", number)


@env.task
async def quiet() -> None:
    print("one word")


@env.task
async def both() -> None:
    await quiet()
    await chatty(40_000)


def inspected(run: flyte.Run, task: str) -> Inspector:
    run.wait()
    [action] = Action.listall(run.name, task_name=f"inspected.{task}")
    return Inspector(LivePicture(run.name, lambda picture: None), action.name)


def news_of(inspector: Inspector, kind: type[Message]) -> list[Message]:
    return [message for message in inspector.news() if isinstance(message, kind)]


def test_of_a_long_log_the_end_is_sent() -> None:
    inspector = inspected(flyte.run(chatty, 60_000), "chatty")
    [logs] = news_of(inspector, Logs)
    assert logs.cut
    assert logs.pieces[-1].text.endswith("line 59999\n")
    assert sum(len(piece.text) for piece in logs.pieces) < 2 * MAX_LOG
    assert news_of(inspector, Logs) == []


def test_a_line_among_many_of_another_action_is_found() -> None:
    [logs] = news_of(inspected(flyte.run(both), "quiet"), Logs)
    assert ([piece.text for piece in logs.pieces], logs.first, logs.cut) == (["one word\n"], 0, False)


def appending(gate: Callable[[], None]) -> flyte.Run:
    @env.task(report=True)
    async def reports() -> None:
        print("before")
        await flyte.report.log.aio("<p>first</p>", do_flush=True)
        gate()
        print("after")
        await flyte.report.log.aio("<p>second</p>", do_flush=True)

    return flyte.run(reports)


def test_what_is_new_is_sent_and_no_more() -> None:
    seen: list[tuple[list[str], list[tuple[bool, str]]]] = []
    inspectors: list[Inspector] = []

    def look() -> None:
        if not inspectors:
            context = flyte.ctx()
            assert context is not None
            flyte.Run.get(context.action.run_name).get_logs()  # commits what was printed so far
            picture = LivePicture(context.action.run_name, lambda picture: None)
            inspectors.append(Inspector(picture, context.action.name))
        [inspector] = inspectors
        inspector._picture.read()
        messages = inspector.news()
        texts = [piece.text for one in messages if isinstance(one, Logs) for piece in one.pieces]
        seen.append((texts, [(one.replace, one.html) for one in messages if isinstance(one, ReportChunk)]))

    appending(look).wait()
    look()
    assert seen == [(["before\n"], [(True, "<p>first</p>")]), (["after\n"], [(False, "<p>second</p>")])]


def test_a_report_too_large_to_draw_says_how_to_get_it() -> None:
    @env.task(report=True)
    async def huge(size: int) -> None:
        await flyte.report.replace.aio("x" * size)
        await flyte.report.flush.aio()

    run = flyte.run(huge, MAX_REPORT + 1)
    [chunk] = news_of(inspected(run, "huge"), ReportChunk)
    assert "run.get_report()" in chunk.html
    assert len(chunk.html) < 1_000
    assert len(run.get_report()) > MAX_REPORT


@env.task
async def wide(size: int) -> int:
    return len(await asyncio.gather(*(quiet() for _ in range(size))))


def test_a_large_run_is_shown_before_all_of_it_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    run = flyte.run(wide, 200)
    run.wait()
    monkeypatch.setattr(live_picture, "FIRST_READ_S", 0)
    picture = LivePicture(run.name, lambda picture: None)
    assert picture.header().catching_up
    assert not picture.ended
    assert 0 < len(picture.tree.nodes) < 201
    sent: list[ToPage] = []
    feed = picture.attach(sent.append)
    feed.heard = True
    sent += feed.reset([])
    picture.pump()
    assert picture.ended
    assert not picture.header().catching_up
    nodes = {node.id for message in sent if isinstance(message, Reset | Diff) for node in message.nodes or []}
    assert nodes == set(picture.tree.nodes)
    assert len(nodes) == 201
