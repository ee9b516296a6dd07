"""A task asks a person: once, durably, and the first answer wins."""

from __future__ import annotations

import asyncio
import json
import math
import os
import socket
import sqlite3
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

import flyte_nb as flyte
from flyte_nb import errors, hitl
from flyte_nb._runtime.runtime import current_runtime
from flyte_nb.models.events import ActionPaused, PromptAnswered
from flyte_nb.remote import Run
from flyte_nb.remote.history import RunHistory
from flyte_nb.remote.requests import answer_prompt
from tests.listening import listened_on, reachable_from_elsewhere

env = flyte.TaskEnvironment("asking", depends_on=[hitl.env])

Listen = Callable[[Callable[[str], None]], AbstractContextManager[None]]

events: list[hitl.Event] = []
asked = threading.Event()
broken = threading.Event()


@pytest.fixture(autouse=True)
def fresh() -> None:
    events.clear()
    asked.clear()
    broken.clear()


def remember(event: hitl.Event) -> None:
    events.append(event)
    asked.set()


@env.task
async def ask(kind: str) -> object:
    types: dict[str, type] = {"int": int, "float": float, "str": str, "bool": bool}
    event = await hitl.new_event.aio("decision", data_type=types[kind], prompt="Go on with **this**?")
    remember(event)
    answer = await event.wait.aio()
    if broken.is_set():
        raise ValueError("after the answer")
    return answer


def started(kind: str, **options: Any) -> Run:
    run = flyte.with_runcontext(**options).run(ask, kind)
    assert asked.wait(20)
    return run


def post(address: str, body: bytes, kind: str = "application/json", host: str = "") -> tuple[int, str]:
    request = urllib.request.Request(address, body, {"Content-Type": kind})
    if host:
        request.add_unredirected_header("Host", host)
    try:
        with urllib.request.urlopen(request) as response:
            return response.status, response.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


@pytest.mark.parametrize(
    ("kind", "typed", "value"),
    [
        ("int", " 42 ", 42),
        ("float", "2.5", 2.5),
        ("str", "a\nb", "a\nb"),
        ("bool", "true", True),
        ("bool", "No", False),
        ("bool", "YES", True),
        ("bool", "False", False),
    ],
)
def test_an_answer_has_the_type_that_was_asked_for(kind: str, typed: str, value: object) -> None:
    run = started(kind)
    assert answer_prompt(run.name, "decision", typed, by="Ada").startswith("answered with")
    assert run.outputs()[0] == value


def test_what_is_neither_yes_nor_no_is_told_both_ways_to_say_it_and_the_question_stays_open() -> None:
    run = started("bool")
    with pytest.raises(ValueError, match=r"^Expected yes or no \(true and false will do\), got 'maybe'\.$"):
        answer_prompt(run.name, "decision", "maybe")
    answer_prompt(run.name, "decision", "yes")
    assert run.outputs()[0] is True


def test_the_action_is_paused_while_it_waits_and_the_run_is_not_failed() -> None:
    run = started("int")
    for details in run.watch():
        if details.actions and details.actions[0].phase == "paused":
            break
    assert run.phase == "running"
    answer_prompt(run.name, "decision", "1")
    run.wait()
    assert run.phase == "succeeded"


def pauses(run: flyte.remote.Run) -> list[str]:
    """The phases between which an action went for questions."""
    events = [event for _, event in current_runtime().reader.events(run.name)]
    return [str(one.phase) for one in events if isinstance(one, ActionPaused)]


def test_an_action_that_waits_for_two_answers_is_paused_until_both_are_there() -> None:
    @env.task
    async def ask_twice() -> int:
        first, second = [await hitl.new_event.aio(name, data_type=int) for name in ("first", "second")]
        values: list[int] = await asyncio.gather(first.wait.aio(), second.wait.aio())
        return sum(values)

    run = flyte.run(ask_twice)
    for _ in run.watch():
        if pauses(run) == ["paused", "paused"]:
            break
    answer_prompt(run.name, "first", "1")
    answer_prompt(run.name, "second", "2")
    assert run.outputs() == 3
    assert pauses(run) == ["paused", "paused", "running"]


@pytest.mark.parametrize(("kind", "typed"), [("int", "1.5"), ("int", ""), ("float", "nan"), ("bool", "maybe")])
def test_an_answer_of_the_wrong_type_is_refused_and_the_question_stays_open(kind: str, typed: str) -> None:
    run = started(kind)
    with pytest.raises(ValueError, match="Expected|enter"):
        answer_prompt(run.name, "decision", typed)
    answer_prompt(run.name, "decision", "1")
    run.wait()
    assert run.phase == "succeeded"


def test_the_first_answer_wins_and_the_second_is_told_so() -> None:
    run = started("int")
    answer_prompt(run.name, "decision", "1", by="Ada")
    with pytest.raises(errors.RunStateError, match="already answered with 1 by Ada"):
        answer_prompt(run.name, "decision", "2", by="Grace")
    assert run.outputs() == 1


def test_an_answer_and_what_its_giver_is_told_are_one_commit(home: Path, at_write_points: Listen) -> None:
    def look(point: str) -> None:
        if point == "after_commit":
            told = [event.value for event in reader.questions(run.name) if isinstance(event, PromptAnswered)]
            with sqlite3.connect(home / "journal.sqlite") as connection:
                seen.extend((outcome, told) for (outcome,) in connection.execute("SELECT outcome FROM requests"))
            connection.close()

    seen: list[tuple[str | None, list[str]]] = []
    run, reader = started("bool"), current_runtime().reader
    with at_write_points(look):
        assert answer_prompt(run.name, "decision", "yes") == "answered with true"
        assert run.outputs() == (True,)
    assert seen[-1] == ("answered with true", ["true"])
    assert all(bool(outcome) == bool(answers) for outcome, answers in seen)


def test_many_answers_at_once_are_one_answer() -> None:
    run = started("int")
    outcomes: list[str] = []

    def answer(value: int) -> None:
        try:
            outcomes.append(answer_prompt(run.name, "decision", str(value)))
        except errors.RunStateError as error:
            outcomes.append(str(error))

    threads = [threading.Thread(target=answer, args=(value,)) for value in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    taken = [outcome for outcome in outcomes if outcome.startswith("answered")]
    assert len(taken) == 1
    assert taken[0] == f"answered with {run.outputs()[0]}"


def test_nobody_answering_in_time_is_a_timeout_error() -> None:
    @env.task
    async def impatient() -> str:
        event = await hitl.new_event.aio("quick", data_type=int, timeout_seconds=0.05)
        try:
            await event.wait.aio()
        except TimeoutError as error:
            return str(error)
        return "answered"

    run = flyte.run(impatient)
    assert "'quick'" in run.outputs()[0]
    with pytest.raises(errors.RunStateError):
        answer_prompt(run.name, "quick", "1")


def test_an_answered_question_is_not_asked_again_on_resume() -> None:
    broken.set()
    run = started("str")
    answer_prompt(run.name, "decision", "yes", by="Ada")
    run.wait()
    assert run.phase == "failed"
    broken.clear()

    run.resume()

    assert run.outputs()[0] == "yes"
    view = RunHistory(run.name).view().actions["a0"]
    assert len(view.prompts) == 1
    assert [answer.answered_by for answer in view.answers.values()] == ["Ada"]


def test_an_open_question_waits_again_after_a_resume_under_the_same_name() -> None:
    run = started("int")
    run.abort()
    run.wait()
    first = events[0].request_id
    asked.clear()

    run.resume()
    assert asked.wait(20)

    assert events[1].request_id == first
    answer_prompt(run.name, first, "5")
    assert run.outputs() == 5


def test_an_open_question_has_no_more_time_after_a_resume_than_it_had_before() -> None:
    def expiry() -> float:
        [question] = run.details().open_questions
        return question.expires_at

    run = started("int")
    first = expiry()
    run.abort()
    run.wait()
    asked.clear()

    run.resume()
    assert asked.wait(20)

    assert expiry() == first
    answer_prompt(run.name, "decision", "5")
    assert run.outputs() == 5


def test_a_question_whose_time_ran_out_while_nobody_ran_it_is_not_waited_for_after_a_resume(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    run = started("int")
    run.abort()
    run.wait()
    now = time.time
    monkeypatch.setattr("flyte_nb._engine.prompts.time.time", lambda: now() + 2 * 3600)

    run.resume()
    run.wait()

    error = run.details().error_info
    assert error is not None and error.code == "TimeoutError"


def test_an_answer_given_while_nobody_runs_is_taken_on_resume() -> None:
    run = flyte.with_runcontext(name="left").run(ask, "int")
    assert asked.wait(20)
    run.abort()
    run.wait()

    kept = "kept: run 'left' has ended (aborted) and takes the answer when it is resumed"
    assert answer_prompt("left", "decision", "6") == kept
    assert run.resume().outputs() == 6


@env.task
async def asks_in_vain() -> None:
    remember(await hitl.new_event.aio("in vain", data_type=int))
    if broken.is_set():
        raise ValueError("not yet")


def test_an_answer_to_a_run_that_has_succeeded_is_refused_with_its_name_and_state(home: Path) -> None:
    flyte.with_runcontext(name="over").run(asks_in_vain).wait()

    with pytest.raises(errors.RunStateError, match=r"Run 'over' has succeeded; nobody waits .* 'in vain'"):
        answer_prompt("over", "in vain", "1")
    with sqlite3.connect(home / "journal.sqlite") as connection:
        assert connection.execute("SELECT * FROM requests").fetchall() == []
    connection.close()


def test_an_answer_to_a_run_that_has_failed_is_kept_at_once_for_when_it_is_resumed() -> None:
    broken.set()
    run = flyte.with_runcontext(name="stumbled").run(asks_in_vain)
    run.wait()

    kept = "kept: run 'stumbled' has ended (failed) and takes the answer when it is resumed"
    assert answer_prompt("stumbled", "in vain", "1") == kept


def test_another_attempt_does_not_ask_again() -> None:
    attempts: list[int] = []

    @env.task(retries=1)
    async def twice() -> int:
        attempts.append(1)
        event = await hitl.new_event.aio("once", data_type=int)
        remember(event)
        value: int = await event.wait.aio()
        if len(attempts) == 1:
            raise ValueError
        return value

    run = flyte.run(twice)
    assert asked.wait(20)
    answer_prompt(run.name, "once", "3")
    assert run.outputs() == 3
    assert len(RunHistory(run.name).view().actions["a0"].prompts) == 1


def test_the_json_address_answers() -> None:
    run = started("bool")
    event = events[0]
    body = {"request_id": event.request_id, "response_path": event.response_path, "value": "true", "data_type": "bool"}

    status, text = post(event.api_url, json.dumps(body).encode())

    assert (status, json.loads(text)) == (200, {"status": "answered with true"})
    assert run.outputs() == (True,)
    status, text = post(event.api_url, json.dumps(body).encode())
    assert status == 409 and "already answered" in text


@pytest.mark.parametrize(
    ("change", "status"),
    [({"value": "perhaps"}, 422), ({"request_id": "0" * 20}, 404), ({"response_path": "nowhere/x"}, 404)],
)
def test_a_wrong_answer_to_the_json_address_is_a_clear_error(change: dict[str, str], status: int) -> None:
    run = started("bool")
    event = events[0]
    body = {"request_id": event.request_id, "response_path": event.response_path, "value": "true", **change}
    assert post(event.api_url, json.dumps(body).encode())[0] == status
    assert post(event.api_url, b"not json")[0] == 400
    run.abort()


def test_the_form_shows_the_prompt_safely_validates_and_takes_the_answer() -> None:
    run = started("int")
    address = events[0].form_url
    with urllib.request.urlopen(address) as response:
        page = response.read().decode()
        assert "default-src 'none'" in response.headers["Content-Security-Policy"]
    assert "<strong>this</strong>" in page and "type=number" in page
    form = "application/x-www-form-urlencoded"
    status, page = post(address, b"value=many", form)
    assert status == 422 and "Expected a whole number" in page
    status, page = post(address, b"value=8", form)
    assert status == 200 and "Answered with <code>8</code>" in page
    status, page = post(address, b"value=9", form)
    assert status == 409 and "Answered with <code>8</code>" in page
    assert run.outputs() == 8


@pytest.mark.parametrize("name", ["two words", "größe"])
def test_a_form_is_found_whatever_its_run_is_called(name: str) -> None:
    run = started("int", name=name)
    with urllib.request.urlopen(events[0].form_url) as response:
        assert f"<code>{name}</code>" in response.read().decode()
    run.abort()


LAST_WORD = """
import flyte_nb as flyte
from flyte_nb import hitl
from flyte_nb._follow import requests

requests._POLL_S = 0.5  # who answers is told that much later than the run
env = flyte.TaskEnvironment("last", depends_on=[hitl.env])

@env.task
async def ask() -> int:
    event = await hitl.new_event.aio("decision", data_type=int)
    print(event.api_url, event.request_id, event.response_path, flush=True)
    return await event.wait.aio()

flyte.run(ask).wait()
"""


def test_who_answers_is_told_so_also_where_the_answer_is_the_last_thing_that_a_script_waits_for(home: Path) -> None:
    script = subprocess.Popen(
        [sys.executable, "-c", LAST_WORD],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "FLYTE_NB_HOME": str(home)},
    )
    assert script.stdout is not None
    address, request_id, response_path = script.stdout.readline().split()
    body = {"request_id": request_id, "response_path": response_path, "value": 1}
    assert post(address, json.dumps(body).encode()) == (200, '{"status": "answered with 1"}')
    assert script.wait(60) == 0
    script.stdout.close()


def test_who_connects_and_says_nothing_does_not_keep_a_script_alive(home: Path) -> None:
    impatient = "from flyte_nb.hitl.form_server import _Handler; _Handler.timeout = 0.5\n"
    script = subprocess.Popen(
        [sys.executable, "-c", impatient + LAST_WORD],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "FLYTE_NB_HOME": str(home)},
    )
    assert script.stdout is not None
    address, request_id, response_path = script.stdout.readline().split()
    found = urllib.parse.urlsplit(address)
    with socket.create_connection((found.hostname, found.port or 0)) as silent:
        silent.sendall(f"POST {found.path} HTTP/1.1\r\nHost: {found.netloc}\r\nContent-Length: 9\r\n\r\n".encode())
        answer_prompt(response_path.partition("/")[0], request_id, "1")
        assert script.communicate(timeout=60)[1] == ""
    assert script.returncode == 0


def test_nothing_is_answered_without_the_secret_or_under_another_host() -> None:
    run = started("int")
    event = events[0]
    without = event.form_url.replace(event.endpoint.rpartition("/")[2], "guess")
    assert post(without, b"value=1", "application/x-www-form-urlencoded")[0] == 403
    assert post(event.form_url, b"value=1", "application/x-www-form-urlencoded", host="evil.example")[0] == 403
    assert not run.done()
    run.abort()


@env.task
async def tell_what_is_listened_on(kernel: int) -> tuple[list[str], list[str]]:
    event = await hitl.new_event.aio("decision", data_type=int, prompt="Go on?")
    assert event.form_url
    return sorted(listened_on(kernel)), sorted(reachable_from_elsewhere(kernel))


@pytest.mark.parametrize("mode", [None, "process"])
def test_a_question_is_answered_from_this_machine_only_wherever_it_is_asked(mode: str | None) -> None:
    run = flyte.with_runcontext(mode=mode).run(tell_what_is_listened_on, os.getpid())
    everywhere, elsewhere = run.outputs()
    assert "127.0.0.1" in everywhere
    assert elsewhere == []


def test_a_hostile_prompt_is_text() -> None:
    @env.task
    async def hostile() -> int:
        prompt = "<script>alert(1)</script> [x](javascript:alert(2)) <img src=x onerror=alert(3)>"
        event = await hitl.new_event.aio("<b>name</b>", data_type=int, prompt=prompt)
        remember(event)
        answer: int = await event.wait.aio()
        return answer

    run = flyte.run(hostile)
    assert asked.wait(20)
    with urllib.request.urlopen(events[0].form_url) as response:
        page = response.read().decode()
    assert "<script" not in page and "<img" not in page and "javascript:" not in page.replace("[x](javascript:", "")
    assert "<b>name" not in page
    run.abort()


def test_a_question_outside_a_task_is_an_error_that_says_where_it_belongs() -> None:
    with pytest.raises(errors.NotInTaskContextError, match=r"flyte\.run"):
        hitl.new_event("x", data_type=int)


@pytest.mark.parametrize(
    ("arguments", "text"),
    [({"data_type": list}, "int, float, str or bool"), ({"data_type": int, "scope": "all"}, "'all'")],
)
def test_a_question_that_cannot_be_asked_says_why(arguments: dict[str, Any], text: str) -> None:
    @env.task
    async def asks() -> str:
        try:
            await hitl.new_event.aio("x", **arguments)
        except (TypeError, ValueError) as error:
            return str(error)
        return ""

    assert text in flyte.run(asks).outputs()[0]


def test_a_sync_task_asks_too() -> None:
    @env.task
    def plain() -> int:
        event = hitl.new_event("plain", data_type=int)
        remember(event)
        answer: int = event.wait()
        return answer

    run = flyte.run(plain)
    assert asked.wait(20)
    answer_prompt(run.name, "plain", "9")
    assert run.outputs() == 9


def test_two_questions_of_one_task_wait_side_by_side() -> None:
    @env.task
    async def two() -> list[int]:
        first = await hitl.new_event.aio("one", data_type=int)
        second = await hitl.new_event.aio("two", data_type=int)
        remember(second)
        return list(await asyncio.gather(first.wait.aio(), second.wait.aio()))

    run = flyte.run(two)
    assert asked.wait(20)
    answer_prompt(run.name, "two", "2")
    answer_prompt(run.name, "one", "1")
    assert run.outputs()[0] == [1, 2]


@pytest.mark.parametrize(
    ("wrong", "error", "said"),
    [
        ({"prompt": 3}, TypeError, "A prompt is what the person reads, a str; got 3."),
        ({"timeout_seconds": math.inf}, ValueError, "at most"),
        ({"timeout_seconds": math.nan}, ValueError, "above 0"),
        ({"timeout_seconds": "5"}, TypeError, "a number of seconds; got '5'"),
    ],
)
def test_a_question_that_cannot_be_asked_is_refused_and_leaves_the_run_readable(
    wrong: dict[str, Any], error: type[Exception], said: str
) -> None:
    refused: list[Exception] = []

    @env.task
    async def asks() -> None:
        try:
            await flyte.hitl.new_event.aio("odd", data_type=int, **wrong)
        except Exception as found:
            refused.append(found)

    run = flyte.run(asks)
    run.wait()
    [found] = refused
    assert type(found) is error and said in str(found)
    assert run.details().phase == "succeeded"


def test_a_tab_of_a_report_is_called_by_a_text() -> None:
    @env.task(report=True)
    async def reports() -> None:
        with pytest.raises(TypeError, match="a str; got 3"):
            flyte.report.get_tab(3)  # type: ignore[arg-type]

    run = flyte.run(reports)
    run.raise_for_status()
    run.wait()
    assert run.phase == "succeeded" and run.get_report() == ""


def test_a_tab_of_a_report_is_written_by_awaited_calls_too() -> None:
    @env.task(report=True)
    async def reports() -> None:
        tab = flyte.report.get_tab("main")
        await tab.replace.aio("<p>one</p>")
        await tab.log.aio("<p>two</p>")
        await tab.log("<p>three</p>")

    run = flyte.run(reports)
    run.wait()
    assert run.phase == "succeeded" and run.get_report() == "<p>one</p><p>two</p><p>three</p>"
