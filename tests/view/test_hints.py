"""What tells the rows of a fan-out apart."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from flyte_nb._view.hints import MOST_CHARACTERS, hint_of
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
