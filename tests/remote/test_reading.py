"""Finding runs and actions of this process, and what they tell."""

from __future__ import annotations

import asyncio
import datetime
import sys
import threading
import traceback
from pathlib import Path
from typing import Any

import pytest

import flyte_nb as flyte
from flyte_nb import errors
from flyte_nb._runtime.runtime import current_runtime
from flyte_nb.models import events as ev
from flyte_nb.remote import Action, Run

env = flyte.TaskEnvironment("reads")


@env.task
async def double(x: int) -> int:
    print("doubling", x)
    flyte.report.log(f"<p>{x}</p>")
    return 2 * x


@env.task
async def two(n: int, note: str = "plain") -> tuple[int, str]:
    with flyte.group("doubles"):
        values = [await double(x) for x in range(n)]
    return sum(values), note


@env.task
async def nothing() -> None: ...


@env.task
async def fails(x: int) -> int:
    raise ValueError(f"no {x}")


@env.task(retries=1)
async def second_try() -> int:
    if flyte.ctx().attempt_number == 1:
        raise ValueError("the first attempt")
    return 1


@env.task
async def parent_of_failure() -> int:
    await double(1)
    return await fails(7)


@pytest.fixture
def run() -> Run:
    """A run that has ended well."""
    run = flyte.with_runcontext(name="done").run(two, 3)
    run.wait()
    return Run.get("done")


@pytest.fixture
def failed() -> Run:
    """A run that has failed."""
    run = flyte.with_runcontext(name="failed").run(parent_of_failure)
    run.wait()
    return Run.get("failed")


def ended(task: Any, name: str, *arguments: Any) -> None:
    flyte.with_runcontext(name=name).run(task, *arguments).wait()


# listing runs -----------------------------------------------------------------------------------------------


def names(**choice: Any) -> list[str]:
    return [run.name for run in Run.listall(**choice)]


def test_runs_are_listed_the_newest_first() -> None:
    for name in ("one", "two", "three"):
        ended(double, name, 1)
    assert names() == ["three", "two", "one"]
    assert names(sort_by=("created_at", "desc")) == ["three", "two", "one"]
    assert names(sort_by=("created_at", "asc")) == ["one", "two", "three"]


def test_a_limit_keeps_the_newest_runs() -> None:
    for name in ("one", "two", "three"):
        ended(double, name, 1)
    assert names(limit=2) == ["three", "two"]
    assert names(limit=1, sort_by=("created_at", "asc")) == ["one"]
    assert names(limit=0) == []


def test_runs_are_chosen_by_phase_in_all_its_spellings(run: Run, failed: Run) -> None:
    assert names(in_phase="failed") == ["failed"]
    assert names(in_phase=flyte.ActionPhase.SUCCEEDED) == ["done"]
    assert names(in_phase=("failed", flyte.ActionPhase.SUCCEEDED)) == ["failed", "done"]
    assert names(in_phase="timed_out") == []
    assert names(in_phase=[]) == ["failed", "done"]


def test_runs_are_chosen_by_task(run: Run, failed: Run) -> None:
    assert names(task_name="reads.two") == ["done"]
    assert names(task_name="reads.two", in_phase="failed") == []
    assert names(task_name="reads.nowhere") == []


def test_a_home_without_runs_lists_none() -> None:
    assert names() == []


@pytest.mark.parametrize("order", [("name", "asc"), ("created_at", "up"), ("created_at", "ASC")])
def test_an_order_that_does_not_exist_is_refused_with_those_that_do(order: tuple[str, str]) -> None:
    with pytest.raises(ValueError, match=r"\('created_at', 'asc'\) or \('created_at', 'desc'\); got "):
        Run.listall(sort_by=order)


def test_a_phase_that_does_not_exist_is_refused(run: Run) -> None:
    with pytest.raises(ValueError, match="finished"):
        Run.listall(in_phase="finished")
    with pytest.raises(ValueError, match="finished"):
        Action.listall("done", in_phase="finished")


# listing actions --------------------------------------------------------------------------------------------


def test_actions_are_listed_in_the_order_in_which_they_were_queued(run: Run) -> None:
    actions = list(Action.listall("done"))
    assert [action.task_name for action in actions] == ["reads.two"] + ["reads.double"] * 3
    assert [action.details().inputs() for action in actions[1:]] == [{"x": 0}, {"x": 1}, {"x": 2}]
    assert {action.run_name for action in actions} == {"done"}


def test_actions_are_chosen_by_phase_parent_and_task(failed: Run) -> None:
    root, child, broken = Action.listall("failed")
    assert [action.name for action in Action.listall("failed", in_phase="succeeded")] == [child.name]
    assert [action.name for action in Action.listall("failed", in_phase=["succeeded", "failed"])] == [
        root.name,
        child.name,
        broken.name,
    ]
    assert [action.name for action in Action.listall("failed", parent_name=root.name)] == [child.name, broken.name]
    assert [action.name for action in Action.listall("failed", parent_name="")] == [root.name]
    assert [action.name for action in Action.listall("failed", task_name="reads.fails")] == [broken.name]
    assert list(Action.listall("failed", task_name="reads.fails", in_phase="succeeded")) == []


# unknown names ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "ask",
    [
        lambda: Run.get("nowhere"),
        lambda: asyncio.run(Run.get("nowhere").wait.aio()),
        lambda: Action.get("nowhere", "a0"),
        lambda: Action.listall("nowhere"),
        lambda: flyte.rerun("nowhere"),
    ],
)
def test_a_run_that_does_not_exist_is_named_with_the_home_and_the_way_to_list_runs(ask: Any, home: Any) -> None:
    with pytest.raises(errors.RunNotFoundError, match=rf"No run named 'nowhere' in {home}.*Run\.listall\(\)"):
        ask()


@pytest.mark.parametrize(
    "ask",
    [
        lambda run: Action.get(run.name, "a999"),
        lambda run: run.get_logs("a999"),
        lambda run: run.show_logs("a999"),
        lambda run: run.get_report("a999"),
    ],
)
def test_an_action_that_does_not_exist_is_named_with_its_run(run: Run, ask: Any) -> None:
    with pytest.raises(errors.ActionNotFoundError, match=r"Run 'done' has no action 'a999'; it has 4 actions\."):
        ask(run)


@pytest.mark.parametrize("asked", ["double", "reads.double"])
def test_who_asks_for_an_action_by_its_task_is_told_the_names_of_its_actions(run: Run, asked: str) -> None:
    names = ", ".join(repr(action.name) for action in Action.listall(run.name, task_name="reads.double"))
    with pytest.raises(errors.ActionNotFoundError, match=rf"no action '{asked}'; .* Actions of that task: {names}\."):
        Action.get(run.name, asked)


def test_an_action_is_found_by_its_task_where_that_has_no_other(run: Run) -> None:
    assert Action.get(run.name, "reads.two").name == Action.get(run.name, "two").name == run.action.name


def test_log_and_report_of_an_action_are_found_by_its_task(failed: Run) -> None:
    assert failed.get_logs("double") == ["doubling 1"]
    assert failed.get_report("double") == "<p>1</p>"


def test_a_name_that_looks_like_sql_finds_nothing(run: Run) -> None:
    with pytest.raises(errors.RunNotFoundError):
        Run.get("' OR 1=1 --")
    assert names(task_name="' OR 1=1 --") == []


# values -----------------------------------------------------------------------------------------------------


def test_inputs_are_read_by_parameter_with_defaults_filled_in(run: Run) -> None:
    assert run.inputs() == {"n": 3, "note": "plain"}
    assert run.action.details().inputs() == {"n": 3, "note": "plain"}


def test_several_outputs_are_a_tuple_with_names(run: Run) -> None:
    outputs = run.outputs()
    assert outputs == (6, "plain")
    assert outputs.named_outputs == {"o0": 6, "o1": "plain"}
    assert tuple(outputs) == (6, "plain")


def test_a_single_output_equals_itself_and_the_tuple_of_it() -> None:
    outputs = flyte.run(double, 4).outputs()
    assert outputs == 8
    assert outputs == (8,)
    assert outputs != 9
    assert outputs != (8, 8)
    assert outputs[0] == 8


def test_a_task_that_returns_nothing_has_no_outputs() -> None:
    run = flyte.run(nothing)
    assert run.outputs() == ()
    assert run.outputs().named_outputs == {}
    assert run.action.details().outputs() == ()


def test_a_failed_run_raises_when_asked_for_outputs_and_its_action_has_none(failed: Run) -> None:
    with pytest.raises(errors.RuntimeUserError, match="no 7"):
        failed.outputs()
    assert failed.action.details().outputs() == ()


def test_the_error_of_a_failed_run_ends_with_the_task_and_the_exception_it_comes_from(failed: Run) -> None:
    [action] = Action.listall(failed.name, task_name="reads.fails")
    said = f"Raised as ValueError by task 'reads.fails', action {action.name!r} of run 'failed'."
    for ask in (failed.outputs, failed.outputs, failed.raise_for_status):
        with pytest.raises(errors.RuntimeUserError) as caught:
            ask()
        assert (str(caught.value), caught.value.code) == ("no 7", "ValueError")
        assert traceback.format_exception(caught.value)[-1] == f"{said}\n"
        assert caught.value.__notes__.count(said) == 1


def test_an_absent_attribute_is_answered_with_what_was_meant(run: Run) -> None:
    for name, meant in {"result": "outputs", "results": "outputs", "status": "phase", "output": "outputs"}.items():
        with pytest.raises(
            AttributeError, match=rf"^'Run' object has no attribute '{name}' \(did you mean '{meant}'\?\)$"
        ):
            getattr(run, name)
    with pytest.raises(
        AttributeError, match=r"^'Action' object has no attribute 'outputs' \(did you mean 'details\(\)\.o"
    ):
        run.action.outputs  # type: ignore[attr-defined]  # noqa: B018
    with pytest.raises(AttributeError, match=r"^'Run' object has no attribute '_repr_html_'$"):
        run._repr_html_  # type: ignore[attr-defined]  # noqa: B018


def test_large_values_are_read_back_whole() -> None:
    @env.task
    async def large(n: int) -> str:
        return "x" * n

    flyte.with_runcontext(name="large").run(large, 200_000).wait()
    assert Run.get("large").outputs() == "x" * 200_000
    assert Run.get("large").action.details().outputs() == "x" * 200_000


# details ----------------------------------------------------------------------------------------------------


def test_details_say_when_and_how_often_an_action_ran() -> None:
    run = flyte.run(second_try)
    run.wait()
    details = run.action.details()
    assert details.attempts == 2
    first, second = details.attempt_list
    assert first.error is not None and "the first attempt" in first.error.message
    assert second.error is None
    assert details.start_time is not None and details.end_time is not None
    assert details.start_time.tzinfo is datetime.UTC
    assert details.runtime == pytest.approx((details.end_time - details.start_time).total_seconds(), abs=1e-3)
    assert details.error_info is None


def test_details_of_a_failure_hold_its_code_message_and_the_users_frames(failed: Run) -> None:
    failure = failed.first_failure()
    assert failure is not None and failure.error_info is not None
    assert failure.task_name == "reads.fails"
    assert (failure.error_info.code, failure.error_info.message) == ("ValueError", "no 7")
    assert 'raise ValueError(f"no {x}")' in failure.error_info.traceback
    assert "flyte_nb/_engine" not in failure.error_info.traceback
    run_details = failed.details()
    assert run_details.error_info is not None
    assert run_details.error_info.message == "no 7"


def test_the_first_failure_is_printed_with_the_users_traceback_and_is_one_line_in_a_list(failed: Run) -> None:
    failure = failed.first_failure()
    assert failure is not None and failure.error_info is not None
    assert str(failure) == f"{failure!r}\n{failure.error_info.traceback.rstrip()}"
    assert "\n" not in str([failure])
    [fine, *_] = [action.details() for action in failed.action.listall(failed.name, in_phase="succeeded")]
    assert str(fine) == repr(fine)


def test_details_of_a_run_count_its_actions_and_hold_its_labels() -> None:
    flyte.with_runcontext(name="labelled", labels={"team": "a"}).run(two, 2, "noted").wait()
    details = Run.get("labelled").details()
    assert details.counts == {flyte.ActionPhase.SUCCEEDED: 3}
    assert details.labels == {"team": "a"}
    assert [action.group for action in details.actions] == ["", "doubles", "doubles"]
    assert details.action_details.name == details.actions[0].name
    assert details.done


def test_an_action_found_by_its_name_is_that_action(run: Run) -> None:
    root, child, *_ = Action.listall("done")
    found = Action.get("done", child.name)
    assert (found.name, found.task_name, found.parent_name) == (child.name, "reads.double", root.name)
    assert (found.phase, found.done()) == ("succeeded", True)
    assert Action.get("done", root.name).parent_name == ""
    found.wait()


def test_a_phase_compares_with_its_text(run: Run) -> None:
    assert run.phase == "succeeded" == flyte.ActionPhase.SUCCEEDED
    assert f"{run.phase}" == "succeeded"


def test_details_that_were_taken_earlier_stay_as_they_were() -> None:
    def state(details: Any) -> tuple[str, dict[Any, int], bool]:
        return str(details.phase), details.counts, details.done

    taken: list[Any] = []

    @env.task
    async def takes() -> None:
        run = Run.get(flyte.ctx().action.run_name)
        details = run.details()
        taken.append((run, details, state(details)))
        await double(1)

    flyte.run(takes).wait()
    [(run, details, before)] = taken
    assert run.details().done
    assert state(details) == before


def test_a_run_that_died_before_its_first_action_was_committed_is_readable() -> None:
    writer = current_runtime().writer
    gone = ev.Owner(current_runtime().owner.host, current_runtime().owner.pid, 1.0)
    writer.begin_run("early", ev.RunStarted(1.0, "reads.two", gone), None)
    run = Run.get("early")
    run.wait()
    assert (run.phase, run.details().counts, run.get_logs(), run.timeline()) == ("aborted", {}, [], [])
    assert repr(run) == "<Run early of reads.two: aborted>"
    assert list(Action.listall("early")) == []
    with pytest.raises(errors.ActionAbortedError, match="went away"):
        run.outputs()


def test_asking_a_run_without_actions_for_its_root_is_an_error_in_words() -> None:
    writer = current_runtime().writer
    gone = ev.Owner(current_runtime().owner.host, current_runtime().owner.pid, 1.0)
    writer.begin_run("early", ev.RunStarted(1.0, "reads.two", gone), None)
    with pytest.raises(errors.ActionNotFoundError, match="early"):
        Run.get("early").details().action_details  # noqa: B018


# logs -------------------------------------------------------------------------------------------------------


def test_logs_are_shown_whole_or_their_last_lines(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    run.show_logs()
    assert capsys.readouterr().out == "doubling 0\ndoubling 1\ndoubling 2\n"
    run.show_logs(max_lines=2)
    assert capsys.readouterr().out == "doubling 1\ndoubling 2\n"
    _, first, *_ = Action.listall("done")
    first.show_logs()
    assert capsys.readouterr().out == "doubling 0\n"
    first.show_logs(max_lines=5)
    assert capsys.readouterr().out == "doubling 0\n"


def test_no_lines_are_shown_when_none_are_wanted(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    run.show_logs(max_lines=0)
    assert capsys.readouterr().out == ""


def test_logs_of_an_action_that_printed_nothing_are_empty(run: Run) -> None:
    assert run.get_logs(run.action.name) == []
    assert run.action.get_logs() == []


# as text ----------------------------------------------------------------------------------------------------


def test_runs_actions_and_values_print_as_short_texts(run: Run, failed: Run) -> None:
    assert repr(run) == "<Run done of reads.two: succeeded>"
    assert repr(failed) == "<Run failed of reads.parent_of_failure: failed>"
    _, child, *_ = Action.listall("done")
    assert repr(child) == f"<Action {child.name} reads.double of run done: succeeded>"
    assert repr(run.inputs()) == "ActionInputs(n=3, note='plain')"
    assert repr(run.outputs()) == "ActionOutputs(6, 'plain')"
    assert repr(child.details()).startswith(f"<reads.double {child.name} succeeded ")


def test_details_print_counts_and_the_failure(failed: Run) -> None:
    text = repr(failed.details())
    assert text.startswith("Run failed of reads.parent_of_failure: failed in ")
    assert "(2 failed, 1 succeeded)" in text
    assert text.endswith("ValueError: no 7")
    assert "no 7" in repr(failed.first_failure())


def test_a_timeline_prints_one_bar_an_action_indented_by_depth(run: Run) -> None:
    rows = repr(run.timeline()).splitlines()
    assert [row.split("|")[0].rstrip() for row in rows] == ["two", "  double", "  double", "  double"]
    assert all("#" in row for row in rows)


def test_a_timeline_is_a_figure_with_one_bar_an_action_coloured_by_phase(failed: Run) -> None:
    bars = {trace.name: len(trace.x) for trace in failed.timeline().figure().data}
    assert bars == {"failed": 2, "succeeded": 1}
    few = failed.timeline().figure(max_rows=1)
    assert len(few.data) == 1 and "the first 1 of 3 actions" in few.layout.xaxis.title.text
    shown = failed.timeline()._repr_mimebundle_()
    assert shown["application/vnd.plotly.v1+json"]["data"] and "double" in shown["text/plain"]


def test_the_actions_of_a_run_are_rows_of_a_frame(failed: Run) -> None:
    frame = failed.to_frame("polars")
    assert frame["task"].to_list() == ["reads.parent_of_failure", "reads.double", "reads.fails"]
    assert frame["phase"].to_list() == ["failed", "succeeded", "failed"]
    assert frame["parent"].to_list() == [None, "a0", "a0"]
    assert frame["error"].to_list()[1:] == [None, "ValueError"]
    assert frame.filter(frame["duration_s"] < 0).is_empty() and frame["duration_s"].null_count() == 0
    assert failed.to_frame()["name"].tolist() == ["parent_of_failure", "double", "fails"]
    with pytest.raises(ValueError, match="'pandas' or 'polars'; got 'spark'"):
        failed.to_frame("spark")  # type: ignore[call-overload]


def test_the_tree_of_a_run_is_saved_as_the_ending_of_the_file_says(run: Run, tmp_path: Path) -> None:
    tree = run.tree()
    assert tree.save(tmp_path / "run.svg").read_text().startswith("<svg ")
    assert tree.save(tmp_path / "run.png").read_bytes().startswith(b"\x89PNG")
    assert tree.save(tmp_path / "run.html").read_text().startswith("<!doctype html>")
    assert tree._repr_html_() in (tmp_path / "run.html").read_text()
    assert repr(tree).startswith("Run done of reads.two: succeeded")
    with pytest.raises(ValueError, match=r"\.svg, \.png or \.html; got .*run\.pdf"):
        tree.save(tmp_path / "run.pdf")
    with pytest.raises(ValueError, match="max_rows=0"):
        tree.to_svg(max_rows=0)


def test_a_png_without_its_library_names_the_extra(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "vl_convert", None)
    with pytest.raises(ModuleNotFoundError, match=r"flyte-nb\[pictures\]"):
        run.tree().to_png()


# awaited ----------------------------------------------------------------------------------------------------

_ON_A_RUN = [
    "sync",
    "details",
    "wait",
    "outputs",
    "raise_for_status",
    "inputs",
    "get_logs",
    "get_report",
    "first_failure",
    "timeline",
    "abort",
]


@pytest.mark.parametrize("method", _ON_A_RUN)
def test_what_a_run_gives_may_be_awaited_in_both_ways(run: Run, method: str) -> None:
    async def awaited() -> tuple[Any, Any]:
        plain = getattr(run, method)()
        return await getattr(run, method).aio(), (await plain if plain is not None else None)

    expected = getattr(run, method)()
    by_aio, by_await = asyncio.run(awaited())
    assert repr(by_aio) == repr(expected)
    assert repr(by_await) == repr(None if repr(expected) == "None" else expected)


@pytest.mark.parametrize("method", ["details", "wait", "abort", "get_logs", "get_report"])
def test_what_an_action_gives_may_be_awaited(run: Run, method: str) -> None:
    action = run.action
    assert repr(asyncio.run(getattr(action, method).aio())) == repr(getattr(action, method)())


def test_a_run_started_elsewhere_in_this_process_is_awaited_by_its_name() -> None:
    async def both() -> Any:
        flyte.with_runcontext(name="here").run(double, 5)
        return await Run.get("here").outputs.aio()

    assert asyncio.run(both()) == 10


def test_a_live_run_is_watched_to_its_end() -> None:
    gate = asyncio.Event()

    @env.task
    async def waits() -> int:
        await gate.wait()
        return 1

    run = flyte.run(waits)
    loop = current_runtime().loop.get()
    seen = []
    for details in run.watch():
        seen.append(str(details.phase))
        loop.call_soon_threadsafe(gate.set)
    assert (seen[0], seen[-1]) == ("running", "succeeded")


def test_the_root_action_may_be_asked_for_as_soon_as_run_has_returned() -> None:
    run = flyte.run(double, 1)
    action = run.action
    run.wait()
    assert action.task_name == "reads.double"
    assert action.details().outputs() == 2


def test_an_action_of_a_live_run_is_aborted_and_waited_for() -> None:
    started = threading.Event()

    @env.task
    async def hangs() -> None:
        started.set()
        await asyncio.Event().wait()

    run = flyte.run(hangs)
    assert started.wait(20)
    action = run.action
    action.abort("Enough.")
    action.wait()
    assert action.phase == "aborted"
    assert "Enough." in action.details().abort_info


def test_runs_and_actions_are_listed_for_async_for_too(run: Run) -> None:
    async def listed() -> tuple[list[str], list[str]]:
        runs = [one.name async for one in Run.listall.aio(in_phase="succeeded")]
        return runs, [action.task_name async for action in Action.listall.aio("done", task_name="reads.two")]

    assert asyncio.run(listed()) == (["done"], ["reads.two"])


def test_an_unfit_value_is_the_same_error_for_who_started_the_run_and_who_reads_it() -> None:
    @env.task
    async def unfit() -> int:
        return "text"  # type: ignore[return-value]

    run = flyte.run(unfit)
    run.wait()
    for reader in (run, Run(run.name)):
        with pytest.raises(flyte.errors.RuntimeDataValidationError, match="Expected int, got str") as caught:
            reader.raise_for_status()
        assert caught.value.code == "RuntimeDataValidationError"
