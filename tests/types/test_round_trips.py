"""Values come back as they went, and what a task gets shares nothing with what was passed."""

from __future__ import annotations

import datetime
import decimal
import enum
import math
import pathlib
import uuid
from collections.abc import Callable, Sequence
from typing import Any, Literal, NamedTuple, NewType, Optional, Union
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

ThereAndBack = Callable[[Any, Any], tuple[Any, Any]]


class Color(enum.Enum):
    RED = "r"
    BLUE = "b"


class Level(enum.IntEnum):
    LOW = 1
    HIGH = 2


class Access(enum.Flag):
    READ = 1
    WRITE = 2


class Point(NamedTuple):
    x: int
    y: float


UserId = NewType("UserId", int)

anything = st.text(st.characters())  # with lone surrogates
PRIMITIVES: list[tuple[Any, st.SearchStrategy[Any]]] = [
    (type(None), st.none()),
    (bool, st.booleans()),
    (int, st.integers() | st.sampled_from([2**63, -(2**63), -(2**63) - 1, 10**40])),
    (float, st.floats(allow_nan=False)),
    (str, anything),
    (bytes, st.binary()),
    (datetime.datetime, st.datetimes(timezones=st.none() | st.timezones(), allow_imaginary=True)),
    (datetime.date, st.dates()),
    (datetime.time, st.times()),
    (datetime.timedelta, st.timedeltas()),
    (decimal.Decimal, st.decimals(allow_nan=False)),
    (uuid.UUID, st.uuids()),
    (complex, st.complex_numbers(allow_nan=False)),
    (Color, st.sampled_from(Color)),
    (Level, st.sampled_from(Level)),
    (Access, st.sampled_from([Access.READ, Access.READ | Access.WRITE, Access(0)])),
    (Literal["a", "b", 1, None], st.sampled_from(["a", "b", 1, None])),
    (UserId, st.integers()),
]


@st.composite
def typed_values(draw: st.DrawFn, depth: int = 2) -> tuple[Any, Any]:
    """A type, and a value of it."""
    if depth == 0 or draw(st.booleans()):
        kind, values = draw(st.sampled_from(PRIMITIVES))
        return kind, draw(values)
    shape = draw(st.sampled_from(["list", "dict", "int keys", "optional", "set", "tuple", "tuples", "sequence"]))
    if shape == "set":
        return set[str], draw(st.sets(anything, max_size=3))
    kind, value = draw(typed_values(depth=depth - 1))
    length = draw(st.integers(0, 3))
    if shape == "list":
        return list[kind], [value] * length
    if shape == "sequence":
        return Sequence[int], tuple(range(length))
    if shape == "dict":
        return dict[str, kind], {key: value for key in draw(st.lists(anything, max_size=3))}
    if shape == "int keys":
        return dict[int, kind], {key: value for key in draw(st.lists(st.integers(), max_size=3))}
    if shape == "optional":
        return Optional[kind], draw(st.sampled_from([value, None]))  # noqa: UP045
    if shape == "tuple":
        return list[tuple[str, kind]], [("x", value)] * length
    return list[tuple[kind, ...]], [(value,) * length]


def same(one: Any, other: Any) -> bool:
    """Equal, of the same type, in the same order, in the same zone."""
    if type(one) is not type(other):
        return False
    if isinstance(one, dict):
        return list(one) == list(other) and all(same(one[key], other[key]) for key in one)
    if isinstance(one, (list, tuple)):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, datetime.datetime):
        return (
            one.replace(tzinfo=None) == other.replace(tzinfo=None)
            and one.utcoffset() == other.utcoffset()
            and str(one.tzinfo) == str(other.tzinfo)
            and one.fold == other.fold
        )
    if isinstance(one, float):
        return one == other and math.copysign(1, one) == math.copysign(1, other)
    return bool(one == other)


@settings(max_examples=300)
@given(typed_values())
def test_every_listed_type_comes_back_as_it_went(there_and_back: ThereAndBack, typed: tuple[Any, Any]) -> None:
    kind, value = typed
    handed_on, read_later = there_and_back(kind, value)
    assert same(handed_on, value)
    assert same(read_later, value)


plain_values = st.recursive(
    st.one_of(*[values for _, values in PRIMITIVES]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(anything | st.integers() | st.dates(), inner, max_size=3)
        | st.tuples(inner, inner)
        | st.frozensets(anything, max_size=3)
    ),
    max_leaves=8,
)


@settings(max_examples=200)
@given(st.lists(plain_values, max_size=3))
def test_bare_containers_come_back_with_whatever_was_in_them(there_and_back: ThereAndBack, value: list[Any]) -> None:
    for one in there_and_back(list, value):
        assert same(one, value)
    for one in there_and_back(dict, {"a": value}):
        assert same(one, {"a": value})
    for one in there_and_back(tuple, tuple(value)):
        assert same(one, tuple(value))


@settings(max_examples=100)
@given(plain_values)
def test_untyped_values_come_back_too(there_and_back: ThereAndBack, value: Any) -> None:
    for one in there_and_back(Any, value):
        assert same(one, value)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, -0.0, 5e-324])
def test_floats_keep_every_bit(there_and_back: ThereAndBack, value: float) -> None:
    for kind, given_value in ((float, value), (list[float], [value]), (list, [value]), (dict[int, float], {1: value})):
        for came in there_and_back(kind, given_value):
            while isinstance(came, (list, dict)):
                came = came[1] if isinstance(came, dict) else came[0]
            assert repr(came) == repr(value)


def test_both_of_two_equal_hours_of_an_autumn_night_come_back(there_and_back: ThereAndBack) -> None:
    zone = ZoneInfo("Europe/Berlin")
    for fold, hours in ((0, 2), (1, 1)):
        value = datetime.datetime(2024, 10, 27, 2, 30, fold=fold, tzinfo=zone)
        for kind, wrap in ((datetime.datetime, value), (list, [value]), (dict[int, datetime.datetime], {0: value})):
            for came in there_and_back(kind, wrap):
                moment = came if kind is datetime.datetime else came[0]
                assert moment.utcoffset() == datetime.timedelta(hours=hours)
                assert moment.tzinfo is zone


def test_a_time_that_the_clocks_skip_stays_as_written(there_and_back: ThereAndBack) -> None:
    value = datetime.datetime(2024, 3, 31, 2, 30, tzinfo=ZoneInfo("Europe/Berlin"))
    for came in there_and_back(datetime.datetime, value):
        assert came.isoformat() == value.isoformat()


def test_paths_come_back_of_their_declared_class(there_and_back: ThereAndBack) -> None:
    for came in there_and_back(pathlib.Path, pathlib.Path("a b/ü%20")):
        assert came == pathlib.Path("a b/ü%20")
    for came in there_and_back(pathlib.PureWindowsPath, pathlib.PureWindowsPath("c:\\x")):
        assert came == pathlib.PureWindowsPath("c:\\x")
    for came in there_and_back(pathlib.Path, pathlib.Path("not-utf8-\udcff")):
        assert came == pathlib.Path("not-utf8-\udcff")
    for came in there_and_back(pathlib.Path | None, pathlib.Path("x")):
        assert came == pathlib.Path("x")


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (int | str, 1),
        (int | str, "1"),
        (str | int, 1),
        (float | int, 1),
        (int | float, 1.0),
        (float | int, True),
        (int | bool, True),
        (bool | int, 1),
        (datetime.datetime | str, "2024-01-01T00:00:00"),
        (str | datetime.datetime, datetime.datetime(2024, 1, 1)),
        (datetime.date | datetime.datetime, datetime.datetime(2024, 1, 1)),
        (datetime.datetime | datetime.date, datetime.date(2024, 1, 1)),
        (str | bytes, b"x"),
        (str | Color, Color.RED),
        (Color | str, "RED"),
        (int | Level, Level.LOW),
        (str | pathlib.Path, pathlib.Path("x")),
        (list[int] | int, [1]),
        (list[float] | list[int], [1, 2]),
        (list[int] | list[str], ["a"]),
        (list[int] | list[float], [1.0, 2.5]),
        (dict[str, float] | dict[str, int], {"a": 1}),
        (dict[str, int] | list[str], ["a"]),
        (Optional[list[int | None]], [None, 1]),  # noqa: UP045
        (Union[int, str, None], None),  # noqa: UP007
        (Literal["a"] | int, "a"),
        (decimal.Decimal | float, 1.0),
        (float | decimal.Decimal, decimal.Decimal("1.10")),
    ],
)
def test_a_union_keeps_the_variant_of_its_value(there_and_back: ThereAndBack, kind: Any, value: Any) -> None:
    for came in there_and_back(kind, value):
        if value is True and kind == float | int:
            assert came == 1
        else:
            assert same(came, value)


def test_numpy_numbers_find_their_variant(there_and_back: ThereAndBack) -> None:
    for value, kind in ((np.int32(3), int), (np.float32(0.5), float)):
        for union in (float | int, int | float):
            for came in there_and_back(union, value):
                assert type(came) is kind


def test_a_literal_tells_a_number_from_its_digits(there_and_back: ThereAndBack) -> None:
    for value in (1, "1", True):
        for came in there_and_back(Literal[1, "1", True], value):
            assert same(came, value)


def test_a_dictionary_keeps_its_order(there_and_back: ThereAndBack) -> None:
    value = {"b": 1, "a": 2, "\udcff": 3, "c": 4}
    for kind in (dict[str, int], dict, dict[str, Any], dict[str, float | int]):
        for came in there_and_back(kind, value):
            assert list(came.items()) == list(value.items())


def test_numpy_numbers_are_taken_where_python_numbers_are_declared(there_and_back: ThereAndBack) -> None:
    for kind, value, expected in (
        (int, np.int64(5), 5),
        (float, np.float32(0.5), 0.5),
        (float, np.int8(2), 2.0),
        (bool, np.True_, True),
        (str, np.str_("x"), "x"),
    ):
        for came in there_and_back(kind, value):
            assert same(came, expected)


def test_named_tuples_come_back_as_such_wherever_they_are(there_and_back: ThereAndBack) -> None:
    for kind, value in ((Point, Point(1, 2.0)), (list[Point], [Point(1, 2.0)]), (dict[str, Point], {"p": Point(1, 2)})):
        for came in there_and_back(kind, value):
            inner = came if kind is Point else next(iter(came.values() if isinstance(came, dict) else came))
            assert type(inner) is Point
            assert inner == (1, 2.0)


def test_what_a_task_gets_shares_nothing_mutable_with_what_was_passed(there_and_back: ThereAndBack) -> None:
    inner = [1]
    for kind, value, reach in (
        (list[list[int]], [inner], lambda came: came[0]),
        (dict[str, list[int]], {"a": inner}, lambda came: came["a"]),
        (dict[int, list[int]], {1: inner}, lambda came: came[1]),
        (list[int] | None, inner, lambda came: came),
        (list, [inner], lambda came: came[0]),
        (list[tuple[list[int], ...]], [(inner,)], lambda came: came[0][0]),
        (Any, [inner], lambda came: came[0]),
    ):
        handed_on, _ = there_and_back(kind, value)
        assert reach(handed_on) == [1]
        reach(handed_on).append(2)
        assert inner == [1]


def test_immutable_values_are_handed_on_as_they_are(there_and_back: ThereAndBack) -> None:
    for kind, value in (
        (str, "x" * 1000),
        (bytes, b"x" * 1000),
        (int, 10**30),
        (decimal.Decimal, decimal.Decimal("1.5")),
        (datetime.datetime, datetime.datetime(2024, 1, 1, tzinfo=ZoneInfo("Asia/Tokyo"))),
        (uuid.UUID, uuid.uuid4()),
        (str | None, "y" * 1000),
        (Color, Color.RED),
    ):
        assert there_and_back(kind, value)[0] is value
    text = "z" * 1000
    assert there_and_back(list[str], [text])[0][0] is text
    assert there_and_back(dict[str, str], {"a": text})[0]["a"] is text


def test_an_int_of_any_length_comes_back(there_and_back: ThereAndBack) -> None:
    value = 10**5000
    for kind, given_value in ((int, value), (list, [value]), (list[int], [value]), (Any, value)):
        for came in there_and_back(kind, given_value):
            assert (came == value) if kind in (int, Any) else (came == [value])
