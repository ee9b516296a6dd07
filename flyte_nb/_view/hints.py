"""A few words about what an action was given, so that rows of a fan-out can be told apart."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..models.events import StoredLiterals

if TYPE_CHECKING:
    from flyteidl2.core.literals_pb2 import Literal

MOST_CHARACTERS = 40
MOST_OF_A_VALUE = 22
MOST_READ = 4_000
SHORT = 12


def hint_of(inputs: StoredLiterals) -> str:
    """The first inputs of an action, as ``month=3, city='Bern'``: what is likely to differ first, as much as has room.

    Only plain values that stand in the journal itself are shown; nothing is loaded for this.
    """
    if not inputs.inline or len(inputs.inline) > MOST_READ:
        return ""
    from google.protobuf.message import DecodeError

    from ..types.messages import LiteralMap

    try:
        literals = LiteralMap.FromString(inputs.inline).literals
    except DecodeError:
        return ""
    shown = []
    for name, literal in literals.items():
        text = _text_of(literal)
        if text:
            shown.append((_rank(text), name, text))
    hint = ""
    for _, name, text in sorted(shown):
        longer = f"{hint}, {name}={text}" if hint else f"{name}={text}"
        if len(longer) > MOST_CHARACTERS:
            return hint or _cut(longer, MOST_CHARACTERS)
        hint = longer
    return hint


def _rank(text: str) -> int:
    """Numbers, then short texts, then yes or no, then long texts: a fan-out seldom goes over the later ones."""
    if text in ("True", "False"):
        return 2
    return 3 if len(text) > SHORT else int(not text.lstrip("-").isdigit())


def _text_of(literal: Literal) -> str:
    """A plain value, or the name of a file; empty for anything else."""
    scalar = literal.scalar
    kind = scalar.WhichOneof("value")
    if kind == "union":
        return _text_of(scalar.union.value)
    if kind == "blob":
        return _cut(repr(scalar.blob.uri.rstrip("/").rpartition("/")[2]))
    if kind != "primitive":
        return ""
    primitive = scalar.primitive
    field = primitive.WhichOneof("value")
    if field == "integer":
        return str(primitive.integer)
    if field == "string_value":
        return _cut(repr(primitive.string_value[:MOST_OF_A_VALUE]))
    if field == "float_value":
        return f"{primitive.float_value:.6g}"
    if field == "boolean":
        return str(primitive.boolean)
    if field == "datetime":
        return _cut(primitive.datetime.ToJsonString())
    return _cut(primitive.duration.ToJsonString()) if field == "duration" else ""


def _cut(text: str, most: int = MOST_OF_A_VALUE) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"
