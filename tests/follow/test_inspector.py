"""What a page is sent about the action that somebody has selected."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import polars as pl
import pytest

import flyte_nb as flyte
from flyte_nb._follow import live_picture
from flyte_nb._follow.inspector import (
    CUT_LOGS_EVERY_S,
    MAX_EARLIER_LOG,
    MAX_LOG,
    MAX_NAME,
    MAX_REPORT,
    MAX_VALUE,
    MOST_CONTEXT,
    Inspector,
    earlier_logs,
)
from flyte_nb._follow.live_picture import LivePicture
from flyte_nb._follow.previews import _preview_of_content
from flyte_nb._view.wire import Details, Diff, Logs, Notice, ReportChunk, Reset, ToPage
from flyte_nb.io.frames.at_hand import frames_at_hand
from flyte_nb.remote import Action
from flyte_nb.remote.history import RunHistory

env = flyte.TaskEnvironment("inspected")
Message = TypeVar("Message", Logs, ReportChunk, Details)


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


def inspected(run: flyte.Run, task: str, **options: Any) -> Inspector:
    run.wait()
    [action] = Action.listall(run.name, task_name=f"inspected.{task}")
    return Inspector(LivePicture(RunHistory(run.name), lambda picture: None), action.name, **options)


def news_of(inspector: Inspector, kind: type[Message]) -> list[Message]:
    return [message for message in inspector.news() if isinstance(message, kind)]


@env.task
async def calls_around() -> None:
    with flyte.custom_context(stage="inner", **{"<b>": "'x'"}):
        await quiet()


def test_details_have_the_custom_context_that_an_action_began_with_its_own_or_its_callers() -> None:
    run = flyte.with_runcontext(custom_context={"trace": "t-1", "stage": "outer"}).run(calls_around)
    [root] = news_of(inspected(run, "calls_around"), Details)
    assert {one.name: one.text for one in root.context} == {"trace": "'t-1'", "stage": "'outer'"}
    [called] = news_of(inspected(run, "quiet"), Details)
    assert {one.name: one.text for one in called.context} == {"trace": "'t-1'", "stage": "'inner'", "<b>": "\"'x'\""}
    inherits = flyte.with_runcontext(custom_context={"trace": "t-2"}).run(both)
    [called] = news_of(inspected(inherits, "quiet"), Details)
    assert [(one.name, one.text) for one in called.context] == [("trace", "'t-2'")]


def test_of_a_custom_context_that_is_large_the_details_have_the_first_part() -> None:
    context = {f"{number} {'k' * 5_000}": "v" * 100_000 for number in range(MOST_CONTEXT + 3)}
    [details] = news_of(inspected(flyte.with_runcontext(custom_context=context).run(quiet), "quiet"), Details)
    assert len(details.context) == MOST_CONTEXT + 1
    assert details.context[-1].text == "and 3 more"
    assert all(len(one.name) <= MAX_NAME and len(one.text) <= MAX_VALUE for one in details.context)
    assert details.context[0].truncated


def test_of_a_long_log_the_end_is_sent() -> None:
    inspector = inspected(flyte.run(chatty, 60_000), "chatty")
    [logs] = news_of(inspector, Logs)
    assert logs.cut
    assert logs.pieces[-1].text.endswith("line 59999\n")
    assert sum(len(piece.text) for piece in logs.pieces) < 2 * MAX_LOG
    assert news_of(inspector, Logs) == []


def test_from_the_end_of_a_long_log_one_gets_to_its_beginning() -> None:
    inspector = inspected(flyte.run(chatty, 60_000), "chatty")
    [logs] = news_of(inspector, Logs)
    texts, cut = "".join(piece.text for piece in logs.pieces), logs.cut
    before = logs.pieces[0].number
    while cut:
        earlier = earlier_logs(inspector._picture, inspector.action, before)
        assert sum(len(piece.text) for piece in earlier.pieces) < 2 * MAX_EARLIER_LOG
        texts, cut = "".join(piece.text for piece in earlier.pieces) + texts, earlier.cut
        before = earlier.pieces[0].number
    assert texts == "".join(f"line {number}\n" for number in range(60_000))


def test_the_end_of_a_long_log_is_sent_at_most_once_a_second() -> None:
    now = 0.0
    seen: list[list[bool]] = []
    inspectors: list[Inspector] = []

    @env.task
    async def floods() -> None:
        context = flyte.ctx()
        assert context is not None
        for number in range(3):
            print("before", number)
            print("x" * (MAX_LOG + 1))
            print("after", number)
            flyte.Run.get(context.action.run_name).get_logs()
            look(context.action.run_name, context.action.name)

    def look(run: str, action: str) -> None:
        if not inspectors:
            picture = LivePicture(RunHistory(run), lambda picture: None)
            inspectors.append(Inspector(picture, action, clock=lambda: now))
        [inspector] = inspectors
        inspector._picture.read()
        seen.append([logs.cut for logs in news_of(inspector, Logs)])

    run = flyte.run(floods)
    run.wait()
    now = CUT_LOGS_EVERY_S
    look(run.name, "a0")
    assert seen == [[True], [], [], [True]]


def test_a_line_among_many_of_another_action_is_found() -> None:
    [logs] = news_of(inspected(flyte.run(both), "quiet"), Logs)
    assert ([piece.text for piece in logs.pieces], logs.after, logs.cut) == (["one word\n"], 0, False)


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
    seen: list[tuple[list[str], list[tuple[int, int, list[str]]]]] = []
    inspectors: list[Inspector] = []

    def look() -> None:
        if not inspectors:
            context = flyte.ctx()
            assert context is not None
            flyte.Run.get(context.action.run_name).get_logs()  # commits what was printed so far
            picture = LivePicture(RunHistory(context.action.run_name), lambda picture: None)
            inspectors.append(Inspector(picture, context.action.name))
        [inspector] = inspectors
        inspector._picture.read()
        messages = inspector.news()
        texts = [piece.text for one in messages if isinstance(one, Logs) for piece in one.pieces]
        seen.append((texts, [(one.edition, one.first, one.pieces) for one in messages if isinstance(one, ReportChunk)]))

    appending(look).wait()
    look()
    assert seen == [(["before\n"], [(0, 0, ["<p>first</p>"])]), (["after\n"], [(0, 1, ["<p>second</p>"])])]


def test_a_report_too_large_to_draw_says_how_to_get_it() -> None:
    @env.task(report=True)
    async def huge(size: int) -> None:
        await flyte.report.replace.aio("x" * size)
        await flyte.report.flush.aio()

    run = flyte.run(huge, MAX_REPORT + 1)
    [chunk] = news_of(inspected(run, "huge"), ReportChunk)
    [text] = chunk.pieces
    assert "run.get_report()" in text
    assert len(text) < 1_000
    assert len(run.get_report()) > MAX_REPORT


@env.task
async def wide(size: int) -> int:
    return len(await asyncio.gather(*(quiet() for _ in range(size))))


def test_a_large_run_is_shown_before_all_of_it_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    run = flyte.run(wide, 200)
    run.wait()
    monkeypatch.setattr(live_picture, "FIRST_READ_S", 0)
    picture = LivePicture(RunHistory(run.name), lambda picture: None)
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


def test_frames_are_shown_by_their_first_rows_without_being_loaded() -> None:
    @env.task
    async def double(frame: pl.DataFrame, times: int) -> list[pl.DataFrame]:
        return [frame] * times

    run = flyte.run(double, pl.DataFrame({"n": range(1000), "text": ["a", "b"] * 500}), 2)
    run.wait()
    frames_at_hand.clear()
    picture = LivePicture(RunHistory(run.name), lambda picture: None)
    picture.read()
    [details] = [message for message in Inspector(picture, "a0").news() if isinstance(message, Details)]
    frame, times = details.inputs
    assert frame.frame is not None and frame.frame.columns == [["n", "int64"], ["text", "large_string"]]
    assert frame.frame.rows == [["0", "a"], ["1", "b"], ["2", "a"], ["3", "b"], ["4", "a"]]
    assert frame.frame.shape.startswith("1,000 rows, 2 columns, ")
    assert (times.text, times.frame) == ("2", None)
    assert "1,000 rows, 2 columns" in details.outputs[0].text


@env.task
async def one() -> int:
    return 1


@env.task
async def two() -> tuple[int, str]:
    return 1, "b"


@pytest.mark.parametrize(("task", "names"), [(one, ["result"]), (two, ["result 1", "result 2"])])
def test_what_a_task_returns_is_called_a_result(task: Any, names: list[str]) -> None:
    run = flyte.run(task)
    [details] = news_of(inspected(run, task.short_name), Details)
    assert [output.name for output in details.outputs] == names


def test_details_preview_frames_also_of_tasks_that_nobody_knows_here() -> None:
    @env.task
    async def gives() -> tuple[pl.DataFrame, str]:
        return pl.DataFrame({"n": [1, 2]}), "text"

    run = flyte.run(gives)
    run.wait()
    previews = run.details().action_details.output_previews()
    assert (previews["o0"].row_count, previews["o0"].rows, previews["o1"]) == (2, [["1"], ["2"]], "text")
    details = dataclasses.replace(run.details().action_details, task_name="some.other")
    assert details.output_previews() == previews
    [file] = [Path(previews["o0"].uri)]
    file.unlink()
    _preview_of_content.cache_clear()
    assert repr(details.output_previews()["o0"]) == f"DataFrame({str(file)!r}, format='parquet')"


class Unspeakable:
    def __repr__(self) -> str:
        raise RuntimeError("no words")


@env.task
async def speechless() -> Unspeakable:
    return Unspeakable()


def test_a_value_whose_repr_fails_is_told_so_and_nothing_else_suffers() -> None:
    inspector = inspected(flyte.run(wrapped), "speechless")
    [details] = news_of(inspector, Details)
    assert "whose repr fails: RuntimeError: no words" in details.outputs[0].text


@env.task
async def wrapped() -> None:
    await speechless()


@flyte.trace
async def traced(word: str) -> str:
    return word.upper()


@env.task
async def tracing() -> str:
    return await traced("loud")


def test_a_traced_call_shows_what_it_was_given_and_what_it_gave() -> None:
    run = flyte.run(tracing)
    run.wait()
    picture = LivePicture(RunHistory(run.name), lambda picture: None)
    [identity] = [node for node in picture.tree.nodes if node.startswith("t:")]
    [details] = news_of(Inspector(picture, identity), Details)
    assert details.task == "traced"
    assert "loud" in details.inputs[0].text
    assert "LOUD" in details.outputs[0].text


def test_values_are_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    from flyte_nb._follow import inspector as module

    reads = 0
    read = module.previewed_outputs

    def counting(*arguments: Any) -> Any:
        nonlocal reads
        reads += 1
        return read(*arguments)

    monkeypatch.setattr(module, "previewed_outputs", counting)
    inspector = inspected(flyte.run(both), "quiet")
    for _ in range(5):
        inspector.news()
    assert reads == 1


def test_what_nobody_knows_is_answered_with_a_notice() -> None:
    run = flyte.run(both)
    run.wait()
    [notice] = Inspector(LivePicture(RunHistory(run.name), lambda picture: None), "no such action").news()
    assert isinstance(notice, Notice)
    assert "no such action" in notice.text
