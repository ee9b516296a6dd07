"""The picture that stays in a saved notebook: what it shows where not all of a run has room."""

from __future__ import annotations

import re
from html import unescape

import pytest

from flyte_nb._view.picture import picture_html, picture_text
from flyte_nb._view.tree import Tree
from flyte_nb.models import events as ev
from flyte_nb.models.phases import ActionPhase
from flyte_nb.types.interface import Interface

OWNER = ev.Owner("host", 1, 0.0)
NOTHING = ev.StoredLiterals(b"")


def grown(*events: ev.AnyEvent, root_label: str = "main") -> Tree:
    tree = Tree("run")
    for event in (ev.RunStarted(100.0, "env.main", OWNER), queued("a0", "", root_label), *events):
        tree.apply(event)
    return tree


def queued(name: str, parent: str, label: str = "leaf") -> ev.ActionQueued:
    return ev.ActionQueued(101.0, name, parent, f"env.{label}", label, NOTHING, running=True)


def ended(name: str, phase: ActionPhase = ActionPhase.SUCCEEDED, error: str = "") -> ev.ActionEnded:
    record = ev.ErrorRecord("ValueError", "user", error, traceback="Traceback\n") if error else None
    return ev.ActionEnded(102.0, name, phase, None, record)


def branches(count: int, leaves: int) -> list[ev.AnyEvent]:
    events: list[ev.AnyEvent] = []
    for branch in range(count):
        events.append(queued(f"b{branch}", "a0", f"branch {branch}"))
        for leaf in range(leaves):
            events += [queued(f"b{branch}l{leaf}", f"b{branch}"), ended(f"b{branch}l{leaf}")]
        events.append(ended(f"b{branch}"))
    return events


def logged_in(token: str) -> None: ...


def text_of(html: str) -> str:
    return re.sub(r"<[^>]*>", " ", html)


@pytest.mark.parametrize(("count", "leaves"), [(100, 100), (50, 2), (50, 200)])
def test_of_many_equal_branches_all_are_seen(count: int, leaves: int) -> None:
    html = picture_html(grown(*branches(count, leaves), ended("a0"), ev.RunEnded(103.0, ActionPhase.SUCCEEDED)))
    assert [number for number in range(count) if f"branch {number}<" not in html] == []
    assert len(html.encode()) < 64_000


def test_a_rerun_says_of_which_run() -> None:
    tree = Tree("again")
    tree.apply(ev.RunStarted(100.0, "env.main", OWNER, rerun_of="first"))
    assert tree.header(owned_here=True, can_resume=False).rerun_of == "first"
    assert "rerun of first" in text_of(picture_html(tree))
    assert "rerun of first" in picture_text(tree)


def test_no_input_is_in_the_picture_that_is_saved() -> None:
    interface = Interface.from_function(logged_in)
    prepared = interface.prepare_inputs_nowait(interface.bind(("hunter2",), {}))
    assert prepared is not None
    given = ev.ActionQueued(101.0, "a1", "a0", "env.leaf", "leaf", ev.StoredLiterals(prepared.serialized))
    tree = grown(given)
    assert tree.node("a1").hint == "token='hunter2'"
    assert "hunter2" not in picture_html(tree) + picture_text(tree)


def test_what_is_left_out_is_said_by_number_and_phase() -> None:
    tree = grown(*branches(3, 40), queued("b3", "a0"), *(queued(f"b3l{leaf}", "b3", "late") for leaf in range(30)))
    said = text_of(picture_html(tree))
    assert said.count("and 15 more: 15 succeeded") == 3
    assert "and 5 more: 5 running" in said
    assert f"shows all {len(tree.nodes)} rows, details, logs and reports" in said
    assert "shows details, logs and reports" in text_of(picture_html(grown(*branches(3, 4))))


def test_a_failure_deep_in_one_of_many_branches_is_seen_and_says_why() -> None:
    events = branches(100, 100)
    events += [ended("b77l99", ActionPhase.FAILED, "the <last> of them"), ended("b77", ActionPhase.FAILED, "so it is")]
    html = picture_html(grown(*events, ended("a0"), ev.RunEnded(103.0, ActionPhase.SUCCEEDED)))
    assert "ValueError: the &lt;last&gt; of them" in html
    assert html.index("branch 77<") < html.index("branch 0<")
    assert len(html.encode()) < 64_000


def test_a_failure_that_was_raised_from_that_of_a_call_leads_to_the_call() -> None:
    leaf = ended("b77l99", ActionPhase.FAILED, "the last of them")
    error = ev.ErrorRecord("RuntimeDataValidationError", "user", "one is an error", cause=leaf.error)
    end = ev.ActionEnded(102.5, "a0", ActionPhase.FAILED, None, error)
    events = [*branches(100, 100), leaf, ended("b77", ActionPhase.FAILED, "the last of them"), end]
    tree = grown(*events, ev.RunEnded(103.0, ActionPhase.FAILED, error))
    assert "env.leaf b77l99: ValueError: the last of them" in picture_text(tree)
    assert "ValueError: the last of them" in text_of(picture_html(tree))


def asked(number: int, name: str, prompt: str) -> ev.PromptAsked:
    return ev.PromptAsked(101.5, "a0", f"q{number}", name, prompt, "int", expires_at=4_000.0)


def test_an_open_question_is_told_with_the_ways_to_answer_it() -> None:
    tree = grown(asked(1, "how many", "How <many> of **them**?"), asked(2, "rest", "And the rest?"))
    html = picture_html(tree)
    assert "How &lt;many&gt; of **them**?" in html
    said = text_of(html).replace("&quot;", '"').replace("&#x27;", "'")
    assert '%flyte_answer run "how many" VALUE' in said
    assert "flyte-nb answer run 'how many' VALUE" in said
    assert "%flyte_answer run rest VALUE" in said
    assert "How <many> of **them**?" in picture_text(tree)
    assert "flyte-nb answer run rest VALUE" in picture_text(tree)


def test_an_answered_question_is_not_asked_any_more() -> None:
    tree = grown(asked(1, "how many", "How many?"), ev.PromptAnswered(101.7, "a0", "q1", "3", "Ada"))
    assert "How many?" not in picture_html(tree) + picture_text(tree)


def test_however_many_questions_are_open_the_picture_stays_small() -> None:
    tree = grown(*(asked(number, f"q{number}", "<&> " * 5_000) for number in range(500)), *branches(100, 10))
    html = picture_html(tree)
    assert "and 496 more questions" in html
    assert len(html.encode()) < 64_000


def test_the_picture_of_a_run_that_goes_on_says_when_it_was_so() -> None:
    assert ", as of 1970-01-01" in picture_html(grown(), drawn_at=43_200.0)
    ended_run = grown(ended("a0"), ev.RunEnded(103.0, ActionPhase.SUCCEEDED))
    assert "as of" not in picture_html(ended_run, drawn_at=43_200.0)


def test_a_run_whose_process_went_away_is_called_interrupted() -> None:
    tree = grown()
    tree.interrupted(101.0)
    assert "⊘ interrupted" in picture_html(tree)
    assert "interrupted" in picture_text(tree)


@pytest.mark.parametrize("phase", [ActionPhase.FAILED, ActionPhase.TIMED_OUT, ActionPhase.ABORTED])
def test_a_run_that_has_not_succeeded_names_the_call_that_goes_on_with_it(phase: ActionPhase) -> None:
    said = unescape(picture_html(grown(ended("a0", phase, "bad"), ev.RunEnded(103.0, phase))))
    assert 'import flyte_nb; flyte_nb.Run.get("run").resume()' in said
    assert ("a mended cell" in said) is (phase is not ActionPhase.ABORTED)
    assert 'flyte.show("run")' in said


def test_a_run_whose_process_went_away_names_it_too_and_others_do_not() -> None:
    tree = grown()
    assert ".resume()" not in picture_html(tree)
    tree.interrupted(101.0)
    assert ".resume()" in picture_html(tree)
    assert ".resume()" not in picture_html(grown(ended("a0"), ev.RunEnded(103.0, ActionPhase.SUCCEEDED)))


def test_the_last_lines_of_the_log_stand_with_the_failure() -> None:
    events = [ended("a0", ActionPhase.FAILED, "bad"), ev.RunEnded(103.0, ActionPhase.FAILED)]
    html = picture_html(grown(*events), "one\n<two>\n")
    assert "The last lines of its log" in html and "one\n&lt;two&gt;" in html
    assert "its log" not in picture_html(grown(*events))


def test_on_a_page_that_says_it_is_dark_each_colour_has_another_one() -> None:
    html = picture_html(grown(queued("a1", "a0"), ended("a1", ActionPhase.FAILED, "broken")))
    assert '<span class="fnb-red" style="color:#d93025" title="failed">' in html
    assert 'body[data-jp-theme-light="false"]' in html
    for used in set(re.findall(r'class="(?:fnb-fill )?(fnb-(?!picture|fill|open|as-of)\w+)"', html)):
        assert re.search(rf"\.fnb-picture \.{used}{{color:#\w+!important}}", html)


@pytest.mark.parametrize(
    ("traceback", "is_told"),
    [
        ("flyte_nb.errors.ActionAbortedError: It was\naborted.\n", False),
        (
            'Traceback:\n  File "x"\nflyte_nb.errors.ActionAbortedError: It was\naborted.\n',
            True,
        ),
        ("", False),
    ],
)
def test_a_traceback_that_only_says_the_message_again_is_left_out(traceback: str, is_told: bool) -> None:
    error = ev.ErrorRecord("ActionAbortedError", "user", "It was\naborted.", traceback=traceback)
    tree = grown(
        ev.ActionEnded(102.0, "a0", ActionPhase.ABORTED, None, error), ev.RunEnded(103.0, ActionPhase.ABORTED, error)
    )
    assert ("Traceback" in picture_html(tree)) is is_told
