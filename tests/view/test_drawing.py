"""A run as a drawing: valid SVG, every row told, whatever its names are."""

from __future__ import annotations

import re
from xml.etree import ElementTree

from hypothesis import given, settings
from hypothesis import strategies as st

from flyte_nb._view.drawing import drawing_svg, rows_of
from flyte_nb._view.tree import Tree
from flyte_nb.models import events as ev

OWNER = ev.Owner("host", 1, 0.0)
NOTHING = ev.StoredLiterals(b"")


def tree_of(*events: ev.AnyEvent) -> Tree:
    tree = Tree("study")
    for event in (ev.RunStarted(100.0, "env.main", OWNER), call("a0", "", at=100.0, label="main"), *events):
        tree.apply(event)
    return tree


def call(name: str, parent: str = "a0", *, at: float, label: str = "step", group: str = "") -> ev.ActionQueued:
    return ev.ActionQueued(at, name, parent, f"env.{label}", label, NOTHING, group, running=True)


def end(name: str, *, at: float) -> ev.ActionEnded:
    return ev.ActionEnded(at, name, ev.ActionPhase.SUCCEEDED, None, None)


def texts(svg: str) -> list[str]:
    return [element.text or "" for element in ElementTree.fromstring(svg).iter() if element.tag.endswith("text")]


def test_rows_stand_below_their_parents_in_the_order_of_their_calls() -> None:
    tree = tree_of(call("b", at=101.0), call("c", "b", at=101.5, label="deep"), call("d", at=102.0, label="last"))
    rows = rows_of(tree, max_rows=10, max_children=10)
    assert [(row.node.label, row.depth) for row in rows if row.node is not None] == [
        ("main", 0),
        ("step", 1),
        ("deep", 2),
        ("last", 1),
    ]


def test_a_group_lasts_from_the_start_of_its_first_action_to_the_end_of_its_last() -> None:
    tree = tree_of(
        ev.GroupOpened(100.5, "g", "phase one", "a0", ""),
        call("b", at=101.0, group="g"),
        call("c", at=101.2, group="g"),
        end("c", at=102.0),
    )
    going_on = next(row for row in rows_of(tree, max_rows=9, max_children=9) if row.node and row.node.id == "g:g")
    assert (going_on.start_ms, going_on.end_ms) == (1000, -1)
    tree.apply(end("b", at=104.0))
    ended = next(row for row in rows_of(tree, max_rows=9, max_children=9) if row.node and row.node.id == "g:g")
    assert (ended.start_ms, ended.end_ms) == (1000, 4000)


def test_what_is_left_out_is_counted() -> None:
    tree = tree_of(*(call(f"b{n}", at=101.0 + n) for n in range(30)))
    assert "and 25 more" in texts(drawing_svg(tree, max_children=5))
    assert len(rows_of(tree, max_rows=8, max_children=30)) == 9
    assert "and 23 more" in texts(drawing_svg(tree, max_rows=8, max_children=30))


def test_near_rows_come_before_far_ones_where_not_all_have_room() -> None:
    deep = [call(f"d{n}", "b" if n == 0 else f"d{n - 1}", at=101.0, label=f"deep{n}") for n in range(10)]
    tree = tree_of(call("b", at=101.0), *deep, call("c", at=102.0, label="sibling"))
    shown = texts(drawing_svg(tree, max_rows=4))
    assert "sibling" in shown and "deep0" in shown and "deep1" not in shown


@settings(max_examples=80)
@given(st.text(max_size=40))
def test_any_name_is_shown_as_text_and_the_drawing_stays_valid(label: str) -> None:
    tree = tree_of(call("b", at=101.0, label="<script>&\"'" + label))
    svg = drawing_svg(tree)
    drawn = ElementTree.fromstring(svg)
    assert not [element for element in drawn.iter() if element.tag.endswith("script")]
    assert any(text.startswith("<script>&\"'") for text in texts(svg))


def test_a_run_that_has_not_begun_has_a_drawing_too() -> None:
    assert "study" in texts(drawing_svg(Tree("study")))


def test_on_a_dark_ground_phases_have_lighter_colours() -> None:
    tree = tree_of(call("b", at=101.0), end("b", at=102.0), end("a0", at=103.0))
    light, dark = (set(re.findall(r'fill="(#\w+)" ?/?>', drawing_svg(tree, dark=dark))) for dark in (False, True))
    assert not light & dark
