"""Text with lone surrogates, which UTF-8 does not know: what a person reads is escaped, what a program reads comes back
as it was or is refused by name."""

from __future__ import annotations

import logging
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import flyte_nb as flyte
from flyte_nb import hitl
from flyte_nb._follow.inspector import Inspector
from flyte_nb._follow.live_picture import LivePicture
from flyte_nb._view.wire import ReportChunk
from flyte_nb.remote.history import RunHistory
from flyte_nb.remote.requests import answer_prompt

LONE = "a\ud800b"
ESCAPED = "a\\ud800b"

env = flyte.TaskEnvironment("surrogates", depends_on=[hitl.env])
in_process = env.clone_with("surrogates_in_process", resources=flyte.Resources(memory="500Mi"))


@dataclass
class Named:
    name: str


@env.task
async def speaks() -> None:
    print(LONE)
    print(LONE, file=sys.stderr)
    logging.getLogger("speaker").error("%s", LONE)


@in_process.task
async def speaks_in_a_process() -> None:
    print(LONE)
    print(LONE, file=sys.stderr)
    logging.getLogger("speaker").error("%s", LONE)


@pytest.mark.parametrize("task", [speaks, speaks_in_a_process])
def test_what_is_printed_and_logged_is_kept_and_shown_with_escapes(
    task: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    run = flyte.run(task)
    run.wait()
    assert str(run.phase) == "succeeded"
    lines = list(run.get_logs())
    assert sorted(lines) == [ESCAPED, ESCAPED, f"speaker: {ESCAPED}"]
    assert capsys.readouterr().out == f"{ESCAPED}\n"


@env.task
async def same(
    plain: str, many: list[str], named: Named, loose: object, path: Path
) -> tuple[str, list[str], Named, object, Path]:
    return plain, many, named, loose, path


def test_inputs_and_outputs_come_back_as_they_were() -> None:
    values = (LONE, [LONE], Named(LONE), {LONE: LONE}, Path(LONE))
    assert tuple(flyte.run(same, *values).outputs()) == values


@env.task
async def fails() -> None:
    raise KeyError(LONE) from ValueError(LONE)


@in_process.task
async def fails_in_a_process() -> None:
    raise ValueError(LONE)


@pytest.mark.parametrize(("task", "code"), [(fails, "KeyError"), (fails_in_a_process, "ValueError")])
def test_a_failure_is_the_users_own_whatever_its_message_holds(task: Any, code: str) -> None:
    run = flyte.run(task)
    run.wait()
    error = run.details().error_info
    assert error is not None and (error.code, ESCAPED in error.message) == (code, True)


@env.task(report=True)
async def reports() -> None:
    await flyte.report.log.aio(f"<p>{LONE}</p>", do_flush=True)


def test_a_report_is_kept_with_escapes() -> None:
    run = flyte.run(reports)
    run.wait()
    assert str(run.phase) == "succeeded"
    picture = LivePicture(RunHistory(run.name), lambda _: None)
    chunks = [
        "".join(told.pieces) for told in Inspector(picture, picture.tree.root).news() if isinstance(told, ReportChunk)
    ]
    assert chunks == [f"<p>{ESCAPED}</p>"]


asked = threading.Event()


@env.task
async def asks() -> str:
    event = await hitl.new_event.aio("who", data_type=str, prompt=f"Who is {LONE}?")
    asked.set()
    answer: str = await event.wait.aio()
    return answer


def test_a_question_is_asked_with_escapes_and_its_answer_comes_as_it_was_given() -> None:
    run = flyte.run(asks)
    assert asked.wait(20)
    [question] = run.details().open_questions
    assert question.prompt == f"Who is {ESCAPED}?"
    answer_prompt(run.name, "who", LONE)
    assert run.outputs()[0] == LONE


class Dashboard:
    name = "dashboard"

    def get_link(self, **_: Any) -> str:
        return f"https://example.org/{LONE}"


def test_an_address_that_nobody_could_open_is_a_problem_of_its_link_alone() -> None:
    run = flyte.run(speaks.override(links=[Dashboard()]))
    run.wait()
    assert str(run.phase) == "succeeded"
    [link] = run.details().action_details.links
    assert (link.uri, "lone surrogate" in link.error) == ("", True)


@env.task
async def groups() -> None:
    with flyte.group(LONE):
        pass


@env.task
async def maps() -> list[None]:
    return [one async for one in flyte.map.aio(speaks, group_name=LONE)]


@env.task(report=True)
async def opens_a_tab() -> None:
    flyte.report.get_tab(LONE)


@env.task
async def asks_by_that_name() -> None:
    await hitl.new_event.aio(LONE, data_type=str, prompt="Who?")


@env.task
async def sets_context() -> None:
    with flyte.custom_context(author=LONE):
        pass


def named(name: str) -> Callable[[], Any]:
    async def function() -> None:
        pass

    function.__name__ = name
    return function


@pytest.mark.parametrize(
    ("entrance", "said"),
    [
        (lambda: flyte.run(groups).outputs(), "The name of the group holds a lone surrogate"),
        (lambda: flyte.run(opens_a_tab).outputs(), "The name of the tab holds"),
        (lambda: flyte.run(asks_by_that_name).outputs(), "The name of the event holds"),
        (lambda: flyte.run(sets_context).outputs(), r"custom_context\['author'\] holds"),
        (lambda: flyte.with_runcontext(custom_context={LONE: "x"}), "custom_context: the name .* holds"),
        (lambda: flyte.with_runcontext(labels={"team": LONE}), r"labels\['team'\] holds"),
        (lambda: flyte.with_runcontext(annotations={"team": LONE}), r"annotations\['team'\] holds"),
        (lambda: flyte.with_runcontext(env_vars={"TEAM": LONE}), r"env_vars\['TEAM'\] holds"),
        (lambda: flyte.with_runcontext(name=LONE), "A run's name is"),
        (lambda: speaks.override(env_vars={"TEAM": LONE}), r"env_vars\['TEAM'\] holds"),
        (lambda: speaks.override(short_name=LONE), "short_name holds"),
        (lambda: flyte.TaskEnvironment(LONE), "TaskEnvironment: the name holds"),
        (lambda: env.task(named(LONE)), "The name of the function holds"),
    ],
)
def test_what_programs_read_and_cannot_be_stored_is_refused_by_name(entrance: Callable[[], Any], said: str) -> None:
    with pytest.raises((ValueError, flyte.errors.RuntimeUserError), match=said):
        entrance()
