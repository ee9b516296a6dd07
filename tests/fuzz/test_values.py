"""Values from outside are converted, or refused with an error that says so; nothing in them is obeyed."""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import decimal
import enum
import json
import os
import pickle
import uuid
import zoneinfo
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import click
import msgspec
import pydantic
import pytest
from google.protobuf.message import DecodeError
from hypothesis import assume, given
from hypothesis import strategies as st

from flyte_nb._cli.parameters import Value
from flyte_nb.io import DataFrame, Dir, File
from flyte_nb.types import messages
from flyte_nb.types.engine import TypeEngine
from flyte_nb.types.transformer import TypeTransformerFailedError
from tests.fuzz.profile import flipped, flips, fuzzed


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


@dataclass
class Point:
    x: int
    names: list[str]


class Model(pydantic.BaseModel):
    at: datetime.datetime
    point: Point | None = None


KINDS: list[Any] = [
    int,
    float,
    bool,
    str,
    bytes,
    datetime.datetime,
    datetime.date,
    datetime.timedelta,
    decimal.Decimal,
    uuid.UUID,
    Path,
    Colour,
    Literal["a", 1],
    list[int],
    dict[str, float],
    int | str | None,
    Point,
    Model,
    File,
    Dir,
    DataFrame,
]

texts = st.text(max_size=30) | st.sampled_from(
    [
        "",
        "0",
        "red",
        "[1]",
        '{"x": 1}',
        "../x",
        "file:///etc/passwd",
        "s3://no/such",
        "2024-05-01",
        "nan",
        "9" * 5000,
        "\x00",
    ]
)


def _filled(fill: Any) -> messages.Literal:
    literal = messages.Literal()
    fill(literal)
    return literal


def _scalar(field: str, value: Any) -> messages.Literal:
    return _filled(lambda literal: setattr(literal.scalar.primitive, field, value))


def _binary(value: bytes, tag: str) -> messages.Literal:
    literal = messages.Literal()
    literal.scalar.binary.value, literal.scalar.binary.tag = value, tag
    return literal


def _blob(uri: str, form: str, directory: bool) -> messages.Literal:
    literal = messages.Literal(metadata={"flyte_nb": uri})
    literal.scalar.blob.uri = uri
    literal.scalar.blob.metadata.type.format = form
    literal.scalar.blob.metadata.type.dimensionality = int(directory)  # type: ignore[assignment]
    return literal


def _collected(found: list[messages.Literal]) -> messages.Literal:
    literal = messages.Literal()
    literal.collection.literals.extend(found)
    return literal


def _mapped(found: dict[str, messages.Literal]) -> messages.Literal:
    literal = messages.Literal()
    for name, one in found.items():
        literal.map.literals[name].CopyFrom(one)
    return literal


def _frame(uri: str) -> messages.Literal:
    literal = messages.Literal()
    literal.scalar.structured_dataset.uri = uri
    return literal


went_off: list[int] = []


def go_off() -> None:
    went_off.append(1)


class Bomb:
    """Leaves a mark when it is loaded."""

    def __reduce__(self) -> Any:
        return go_off, ()


BOMB = pickle.dumps(Bomb())


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats() | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)
bodies = (
    st.binary(max_size=40)
    | st.just(BOMB)
    | json_values.map(msgspec.msgpack.encode)
    | json_values.map(msgspec.json.encode)
)
plain_literals = (
    st.just(messages.Literal())
    | st.builds(_scalar, st.just("integer"), st.integers(-(2**63), 2**63 - 1))
    | st.builds(_scalar, st.just("float_value"), st.floats())
    | st.builds(_scalar, st.just("string_value"), texts)
    | st.builds(_scalar, st.just("boolean"), st.booleans())
    | st.builds(_binary, bodies, st.sampled_from(["", "msgpack", "pickle", "json"]) | texts)
    | st.builds(_blob, texts, texts, st.booleans())
    | st.builds(_frame, texts)
)
literals = st.recursive(
    plain_literals,
    lambda inner: st.lists(inner, max_size=3).map(_collected) | st.dictionaries(texts, inner, max_size=3).map(_mapped),
    max_leaves=5,
)


@pytest.mark.parametrize("kind", KINDS, ids=str)
@given(literal=literals)
@fuzzed(40)
def test_any_literal_is_a_value_of_the_type_or_refused(kind: Any, literal: messages.Literal) -> None:
    went_off.clear()
    try:
        asyncio.run(TypeEngine.to_python_value(literal, kind))
    except TypeTransformerFailedError as refusal:
        assert str(refusal)
    assert not went_off


WRITTEN: list[tuple[Any, Any]] = [
    (int, 7),
    (int, 10**30),
    (float, 1.5),
    (str, "text"),
    (bytes, b"bytes"),
    (datetime.datetime, datetime.datetime(2026, 11, 26, tzinfo=datetime.UTC)),
    (datetime.datetime, datetime.datetime(2026, 11, 26, tzinfo=zoneinfo.ZoneInfo("Europe/Berlin"))),
    (datetime.time, datetime.time(7, 30)),
    (datetime.timedelta, datetime.timedelta(seconds=90)),
    (str, "half a pair: \ud800"),
    (decimal.Decimal, decimal.Decimal("1.25")),
    (uuid.UUID, uuid.UUID(int=7)),
    (Colour, Colour.RED),
    (list[int], [1, 2, 3]),
    (dict[str, float], {"a": 1.0, "b": 2.0}),
    (int | str | None, "text"),
    (Point, Point(1, ["a", "b"])),
    (Model, Model(at=datetime.datetime(2026, 11, 26), point=Point(1, []))),
]


@pytest.mark.parametrize(("kind", "value"), WRITTEN, ids=str)
@given(flips=flips)
@fuzzed(40)
def test_a_literal_with_turned_bits_is_a_value_of_the_type_or_refused(
    kind: Any, value: Any, flips: list[tuple[float, int]]
) -> None:
    written = asyncio.run(TypeEngine.to_literal(value, kind)).SerializeToString()
    try:
        literal = messages.Literal.FromString(flipped(written, flips))
        asyncio.run(TypeEngine.to_python_value(literal, kind))
    except (DecodeError, TypeTransformerFailedError) as refusal:
        assert str(refusal)


@pytest.fixture
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the test works: a folder that a text names is stored, whatever is in it."""
    folder = tmp_path / "empty"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


def _texts_in(value: Any) -> Iterator[str]:
    """Texts that may be taken for paths."""
    if isinstance(value, str):
        yield value
        with contextlib.suppress(ValueError):
            if not isinstance(decoded := json.loads(value), str) or decoded != value:
                yield from _texts_in(decoded)
    elif isinstance(value, dict | list):
        for item in (*value, *value.values()) if isinstance(value, dict) else value:
            yield from _texts_in(item)


def _names_what_is_there(text: str, besides: Path) -> bool:
    path = os.path.expanduser(text)
    return "\0" not in text and os.path.exists(path) and not os.path.samefile(path, besides)


@pytest.mark.parametrize("kind", KINDS, ids=str)
@given(text=texts | json_values.map(lambda value: msgspec.json.encode(value).decode()) | st.text().map("@".__add__))
@fuzzed(40)
def test_any_text_for_an_option_is_a_value_or_a_message(kind: Any, text: str, empty_folder: Path) -> None:
    assume(not any(_names_what_is_there(found, besides=empty_folder) for found in _texts_in(text)))
    try:
        Value(kind).convert(text, None, None)
    except click.UsageError as refusal:
        assert str(refusal)


def test_the_bomb_is_real() -> None:
    went_off.clear()
    pickle.loads(BOMB)
    assert went_off == [1]
