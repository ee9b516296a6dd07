"""A few words about what an action was given, so that rows of a fan-out can be told apart."""

from __future__ import annotations

import enum
from collections.abc import Collection, Iterable, Mapping
from typing import TYPE_CHECKING, NamedTuple

from ..models.events import StoredLiterals

if TYPE_CHECKING:
    from flyteidl2.core.literals_pb2 import Literal

MOST_CHARACTERS = 40
MOST_OF_A_VALUE = 22
MOST_READ = 4_000
SHORT = 12
PLAIN_BELOW = 1e15


def hint_of(inputs: StoredLiterals, differing: Collection[str] = ()) -> str:
    """Some inputs of an action, as ``month=3, city='Bern'``: what tells it apart first, as much as has room.

    Those that are `differing` come first. Of equal ones numbers come first, then times, short texts, yes or no, long
    texts; each kind by name. A text of several lines, such as the source of a cell, tells nothing in a row. Only plain
    values that stand in the journal itself are shown; nothing is loaded for this.
    """
    literals = _literals(inputs)
    plain = [(name, shown) for name, literal in literals.items() if (shown := _shown(literal)) is not None]
    hint = ""
    for name, (_, text) in sorted(plain, key=lambda one: (one[0] not in differing, one[1].rank, one[0])):
        longer = f"{hint}, {name}={text}" if hint else f"{name}={text}"
        if len(longer) > MOST_CHARACTERS:
            return hint or _cut(longer, MOST_CHARACTERS)
        hint = longer
    return hint


def differing_inputs(calls: Iterable[StoredLiterals]) -> frozenset[str]:
    """The inputs that are not the same in all of some calls of a task."""
    first, *others = [_literals(inputs) for inputs in calls] or [{}]
    return frozenset(name for other in others for name in other if name in first and other[name] != first[name])


def _literals(inputs: StoredLiterals) -> Mapping[str, Literal]:
    """By name; nothing of what is stored elsewhere, large or cannot be read."""
    if not inputs.inline or len(inputs.inline) > MOST_READ:
        return {}
    from google.protobuf.message import DecodeError

    from ..types.messages import LiteralMap

    try:
        return dict(LiteralMap.FromString(inputs.inline).literals)
    except DecodeError:
        return {}


class _Rank(enum.IntEnum):
    """What a fan-out often goes over before what it seldom goes over."""

    NUMBER = 0
    TIME = 1
    SHORT_TEXT = 2
    YES_OR_NO = 3
    LONG_TEXT = 4


class _Shown(NamedTuple):
    rank: _Rank
    text: str


def _shown(literal: Literal) -> _Shown | None:
    """A plain value, or the name of a file; None for anything else."""
    scalar = literal.scalar
    kind = scalar.WhichOneof("value")
    if kind == "union":
        return _shown(scalar.union.value)
    if kind == "blob":
        return _quoted(scalar.blob.uri.rstrip("/").rpartition("/")[2])
    if kind != "primitive":
        return None
    primitive = scalar.primitive
    field = primitive.WhichOneof("value")
    if field == "integer":
        return _Shown(_Rank.NUMBER, str(primitive.integer))
    if field == "float_value":
        return _Shown(_Rank.NUMBER, _number(primitive.float_value))
    if field == "boolean":
        return _Shown(_Rank.YES_OR_NO, str(primitive.boolean))
    if field == "datetime":
        return _Shown(_Rank.TIME, _cut(primitive.datetime.ToJsonString()))
    if field == "duration":
        return _Shown(_Rank.TIME, _cut(primitive.duration.ToJsonString()))
    if field != "string_value" or "\n" in primitive.string_value.strip():
        return None
    return _quoted(primitive.string_value)


def _number(value: float) -> str:
    """Six digits, and of a large number all before the point."""
    short = f"{value:.6g}"
    return f"{value:.0f}" if "e+" in short and abs(value) < PLAIN_BELOW else short


def _quoted(text: str) -> _Shown:
    cut = _cut(repr(text[:MOST_OF_A_VALUE]))
    return _Shown(_Rank.LONG_TEXT if len(cut) > SHORT else _Rank.SHORT_TEXT, cut)


def _cut(text: str, most: int = MOST_OF_A_VALUE) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"
