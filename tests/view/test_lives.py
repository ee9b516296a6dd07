"""What is shown of a run that was stopped and gone on with: the time that it ran, what ran again, and one count."""

from __future__ import annotations

import pytest

from flyte_nb._follow.timeline import timeline_of
from flyte_nb._view.drawing import drawing_svg
from flyte_nb._view.picture import picture_html, picture_text
from flyte_nb._view.projection import INTERRUPTED, RunView, project
from flyte_nb._view.tree import Tree
from flyte_nb._view.wire import NodePhase
from flyte_nb.models import events as ev
from flyte_nb.models.phases import ActionPhase

OWNER = ev.Owner("host", 1, 0.0)
NOTHING = ev.StoredLiterals(b"")
FAILURE = ev.ErrorRecord("ValueError", "user", "no\nand more")
HOUR = 3600.0


def queued(at: float, name: str, parent: str = "a0", code: str = "1") -> ev.ActionQueued:
    task = "main" if not parent else name
    return ev.ActionQueued(at, name, parent, f"env.{task}", task, NOTHING, "", code, running=True)


def ended(at: float, name: str, error: ev.ErrorRecord | None = None) -> ev.ActionEnded:
    phase = ActionPhase.SUCCEEDED if error is None else ActionPhase.FAILED
    return ev.ActionEnded(at, name, phase, NOTHING if error is None else None, error)


FIRST_LIFE: list[ev.AnyEvent] = [
    ev.RunStarted(100.0, "env.main", OWNER),
    queued(100.0, "a0", ""),
    queued(101.0, "good"),
    ended(103.0, "good"),
    ev.TaskSeen(103.0, "env.bad", "1", {"bad (function)": "x", "RATE (constant)": "old"}),
    queued(103.0, "bad"),
]
FAILED = [
    *FIRST_LIFE,
    ended(104.0, "bad", FAILURE),
    ended(104.0, "a0", FAILURE),
    ev.RunEnded(104.0, ActionPhase.FAILED, FAILURE),
]
RESUMED_AT = 104.0 + HOUR
SECOND_LIFE: list[ev.AnyEvent] = [
    queued(RESUMED_AT, "a0", ""),
    ev.TaskSeen(RESUMED_AT, "env.bad", "2", {"bad (function)": "x", "RATE (constant)": "new"}),
    queued(RESUMED_AT + 1, "bad", code="2"),
    ended(RESUMED_AT + 3, "bad"),
    ended(RESUMED_AT + 4, "a0"),
    ev.RunEnded(RESUMED_AT + 4, ActionPhase.SUCCEEDED, None),
]
MENDED = [*FAILED, ev.RunResumed(RESUMED_AT, OWNER, 1, 104.0), *SECOND_LIFE]
KILLED = [*FIRST_LIFE, ev.RunResumed(RESUMED_AT, OWNER, 1, 104.0), *SECOND_LIFE]
KILLED_LONG_AGO = [*FIRST_LIFE, ev.RunResumed(RESUMED_AT, OWNER, 1), *SECOND_LIFE]


def tree_of(events: list[ev.AnyEvent]) -> Tree:
    tree = Tree("run")
    for event in events:
        tree.apply(event)
    return tree


@pytest.mark.parametrize("events", [MENDED, KILLED])
def test_a_run_has_taken_the_sum_of_its_lives_wherever_that_is_told(events: list[ev.AnyEvent]) -> None:
    tree = tree_of(events)
    root = tree.node("a0")
    header = tree.header(owned_here=True, can_resume=False)

    assert tree.view.ran_s == 8.0
    assert (root.start_ms, root.end_ms) == (0, 8000)
    assert "succeeded in 8.00 s" in picture_text(tree)
    assert " in 8.00 s" in picture_html(tree)
    assert header.ended_at_ms - header.started_at_ms - sum(lasted for _, lasted in header.pauses) == 8000


def test_without_a_word_of_its_end_a_life_lasts_until_the_last_that_is_known_of_it() -> None:
    view = project(KILLED_LONG_AGO)
    assert view.ran_s == 7.0  # the last that the first life tells is of second 3
    assert view.clock.gaps() == [(3.0, HOUR + 1)]


@pytest.mark.parametrize(("heartbeat_at", "ran_s"), [(102.0, 3.0), (105.0, 5.0)])
def test_a_life_whose_process_was_killed_ends_with_the_last_that_was_heard_of_it(
    heartbeat_at: float, ran_s: float
) -> None:
    tree = tree_of(FIRST_LIFE)
    tree.interrupted(heartbeat_at)
    header, root, bad = tree.header(owned_here=False, can_resume=True), tree.node("a0"), tree.node("bad")

    assert tree.view.ran_s == tree.view.runtime_of(tree.view.actions["a0"]) == ran_s
    assert header.ended_at_ms - header.started_at_ms == ran_s * 1000
    assert (root.end_ms, bad.end_ms) == (ran_s * 1000, ran_s * 1000)
    assert f"interrupted in {ran_s:.2f}" in picture_text(tree)
    assert f" in {ran_s:.2f}" in picture_html(tree)


def test_a_resume_of_a_killed_life_counts_on_from_there() -> None:
    tree = tree_of(FIRST_LIFE)
    tree.interrupted(103.5)
    for event in [ev.RunResumed(RESUMED_AT, OWNER, 1, 103.5), *SECOND_LIFE]:
        tree.apply(event)
    assert tree.view.ran_s == 7.5


def test_the_timeline_shows_what_ran_in_each_life_and_marks_the_gap() -> None:
    timeline = timeline_of(project(MENDED))

    assert [(span.label, span.start_s, span.end_s, str(span.phase)) for span in timeline] == [
        ("main", 0.0, 8.0, "succeeded"),
        ("good", 1.0, 3.0, "succeeded"),
        ("bad", 3.0, 4.0, "failed"),
        ("bad", 5.0, 7.0, "succeeded"),
    ]
    assert timeline.gaps == [(4.0, HOUR)]
    assert repr(timeline).endswith("stopped after 4.000 s, resumed 1 h 0 min later")
    assert timeline.figure().layout.shapes[0].x0 == 4.0
    assert "stopped, and resumed 1 h 0 min later" in drawing_svg(tree_of(MENDED))


def test_what_was_going_on_when_the_process_went_away_ends_with_that_life() -> None:
    view = project([*FIRST_LIFE, ev.RunResumed(RESUMED_AT, OWNER, 1, 104.0)])
    assert view.runtime_of(view.actions["bad"]) == 1.0


def reasons(view: RunView) -> dict[str, str]:
    return {decided.action: decided.reason for decided in view.reruns}


def test_a_task_that_failed_and_was_mended_is_named_with_how_it_had_ended_and_what_changed() -> None:
    view = project(MENDED)
    reason = "It had failed (ValueError: no). The code of bad changed: RATE (constant)."
    assert reasons(view) == {"bad": reason}
    assert view.actions["bad"].rerun_reason == reason


def test_a_task_that_had_not_ended_is_named_too() -> None:
    cut = [*FIRST_LIFE, ev.RunResumed(RESUMED_AT, OWNER, 1, 104.0), queued(RESUMED_AT + 1, "bad")]
    assert reasons(project(cut)) == {"bad": "It had not ended when its process went away."}


def test_an_abort_is_named_as_such() -> None:
    aborted = ev.ActionEnded(104.0, "bad", ActionPhase.ABORTED, None, ev.ErrorRecord("Cancelled", "user", "stop"))
    stopped = [*FIRST_LIFE, aborted, ev.RunResumed(RESUMED_AT, OWNER, 1, 104.0), queued(RESUMED_AT + 1, "bad")]
    assert reasons(project(stopped)) == {"bad": "It had been aborted."}


def test_what_runs_once_more_because_its_parent_is_tried_again_is_no_rerun() -> None:
    view = project([*FIRST_LIFE, ended(104.0, "bad", FAILURE), queued(105.0, "bad"), ended(106.0, "bad")])
    assert reasons(view) == {}
    assert [(span.start_s, span.end_s) for span in timeline_of(view) if span.action == "bad"] == [
        (3.0, 4.0),
        (5.0, 6.0),
    ]


@pytest.mark.parametrize("error", [FAILURE, INTERRUPTED])
def test_a_failure_is_counted_once_and_the_header_the_root_and_the_list_of_actions_agree(error: ev.ErrorRecord) -> None:
    caught = [*FIRST_LIFE, ended(104.0, "bad", error), ended(105.0, "a0")]
    for events in (caught, FAILED, MENDED):
        tree = tree_of(events)
        header = tree.header(owned_here=True, can_resume=False)
        listed = [0] * len(NodePhase)
        for phase, count in tree.view.counts().items():
            listed[NodePhase[phase.name]] += count
        assert header.counts == tree.node("a0").counts == listed
    assert "(2 succeeded, 1 failed)" in picture_html(tree_of(caught))
    assert "2 succeeded, 1 failed" in picture_text(tree_of(caught))
