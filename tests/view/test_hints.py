"""What tells the rows of a fan-out apart."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from flyte_nb._view.hints import MOST_CHARACTERS, hint_of
from flyte_nb._view.tree import Tree
from flyte_nb.models import events as ev
from flyte_nb.models.events import StoredLiterals
from flyte_nb.types.interface import Interface


def hint(function: Callable[..., Any], *args: Any) -> str:
    interface = Interface.from_function(function)
    prepared = interface.prepare_inputs_nowait(interface.bind(args, {}))
    assert prepared is not None
    return hint_of(StoredLiterals(prepared.serialized))


def dated(on: datetime, share: float, dry: bool = False) -> None: ...
def sold(month: int, city: str) -> None: ...
def listed(values: list[int], n: int | None) -> None: ...
def measured(a: str, tau: float, dry: bool) -> None: ...
def read(on: datetime, a: str, wait: timedelta) -> None: ...
def named(a: str, b: int) -> None: ...


@pytest.mark.parametrize(
    ("function", "args", "shown"),
    [
        (sold, (3, "Bern"), "month=3, city='Bern'"),
        (sold, (3, "a city with a very long name"), "month=3, city='a city with a very l…"),
        (sold, (3, "<b>\u202e\n"), "month=3, city='<b>\\u202e\\n'"),
        (sold, (3, "SELECT *\nFROM flights\n"), "month=3"),
        (listed, ([1, 2], 7), "n=7"),
        (listed, ([1, 2], None), ""),
        (dated, (datetime(2026, 1, 2, tzinfo=UTC), 0.25), "share=0.25, on=2026-01-02T00:00:00Z"),
        (measured, ("x", 336776.0, True), "tau=336776, a='x', dry=True"),
        (measured, ("x", 12345678.9, True), "tau=12345679, a='x', dry=True"),
        (measured, ("x", 1e9, True), "tau=1000000000, a='x', dry=True"),
        (measured, ("x", 1e20, True), "tau=1e+20, a='x', dry=True"),
        (measured, ("x", 0.00001, True), "tau=1e-05, a='x', dry=True"),
        (measured, ("x", float("nan"), True), "tau=nan, a='x', dry=True"),
        (
            read,
            (datetime(2026, 1, 2, tzinfo=UTC), "x", timedelta(seconds=3)),
            "on=2026-01-02T00:00:00Z, wait=3s, a='x'",
        ),
        (named, ("5", 7), "b=7, a='5'"),
    ],
)
def test_a_hint_has_numbers_first_then_times_then_texts_each_by_name(
    function: Callable[..., Any], args: tuple[Any, ...], shown: str
) -> None:
    assert hint(function, *args) == shown
    assert len(shown) <= MOST_CHARACTERS


@pytest.mark.parametrize("kept", [StoredLiterals(), StoredLiterals(b"\xff"), StoredLiterals(b"x" * 100_000)])
def test_what_is_elsewhere_large_or_cannot_be_read_gives_no_hint(kept: StoredLiterals) -> None:
    assert hint_of(kept) == ""


def summarise(price: float, station: str, days: int) -> None: ...


def calls(tree: Tree, places: Iterable[tuple[str, float]]) -> None:
    for number, (station, price) in enumerate(places, len(tree.nodes)):
        interface = Interface.from_function(summarise)
        prepared = interface.prepare_inputs_nowait(interface.bind((price, station, 7), {}))
        assert prepared is not None
        given = StoredLiterals(prepared.serialized)
        tree.apply(ev.ActionQueued(101.0, f"a{number}", "a0", "env.summarise", "summarise", given, running=True))


def fan_out(*places: tuple[str, float]) -> Tree:
    tree = Tree("run")
    tree.apply(ev.RunStarted(100.0, "env.main", ev.Owner("host", 1, 0.0)))
    tree.apply(ev.ActionQueued(101.0, "a0", "", "env.main", "main", StoredLiterals(b""), running=True))
    calls(tree, places)
    return tree


def test_what_differs_among_the_calls_of_a_task_comes_first_in_all_of_them() -> None:
    tree = fan_out(("Bern", 0.31), ("Basel", 0.31), ("Chur", 0.31))
    assert [tree.node(name).hint for name in ("a1", "a2", "a3")] == [
        "station='Bern', days=7, price=0.31",
        "station='Basel', days=7, price=0.31",
        "station='Chur', days=7, price=0.31",
    ]


def test_where_several_inputs_differ_they_stand_in_one_order_in_all_rows() -> None:
    tree = fan_out(*((station, price) for price in (0.31, 0.32) for station in ("Bern", "Basel", "Chur")))
    assert [tree.node(f"a{number}").hint.partition(", ")[0] for number in range(1, 7)] == ["price=0.31"] * 3 + [
        "price=0.32"
    ] * 3


def test_the_first_of_many_calls_says_so_too_once_there_are_others() -> None:
    tree = fan_out(("Bern", 0.31))
    assert tree.node("a1").hint == "days=7, price=0.31, station='Bern'"
    calls(tree, [("Basel", 0.31)])
    assert tree.node("a1").hint == "station='Bern', days=7, price=0.31"
