"""Values of literals whose Python type nobody remembers, by their own shape."""

from __future__ import annotations

import datetime
from typing import Any

from . import arrays, frames, pickled, plain, structures
from .collections import DictConverter, ListConverter
from .converter import Converter
from .messages import Literal, LiteralMap
from .primitives import (
    BIG_INT_TAG,
    SURROGATES_TAG,
    DatetimeConverter,
    IntConverter,
    TimedeltaConverter,
    text_in_its_kind,
)


def untyped_values(serialized: bytes) -> dict[str, Any]:
    """Values of a serialized literal map."""
    literals = LiteralMap.FromString(serialized).literals
    return {name: _shape.read(literals[name]) for name in sorted(literals)}


def described_values(serialized: bytes) -> dict[str, Any]:
    """As `untyped_values`, for who must not load them: a `Described` stands for a frame, a pickle or an array."""
    literals = LiteralMap.FromString(serialized).literals
    return {name: _description.read(literals[name]) for name in sorted(literals)}


def data_values(serialized: bytes) -> dict[str, Any]:
    """As `untyped_values`, of what another program wrote: a `Described` stands for what would have to be unpickled."""
    literals = LiteralMap.FromString(serialized).literals
    return {name: _data.read(literals[name]) for name in sorted(literals)}


class Described:
    """What stands for a value that is not loaded; its text is what it is."""

    def __init__(self, text: str) -> None:
        self._text = text

    def __repr__(self) -> str:
        return self._text


class _Shape(Converter):
    """Reads any literal that this package writes."""

    def __init__(self, python_type: Any) -> None:
        super().__init__(python_type)
        self._list = ListConverter(list, self)
        self._dict = DictConverter(dict, self)

    def read(self, literal: Literal) -> Any:
        kind = literal.WhichOneof("value")
        if kind == "collection":
            return self._list.read(literal)
        if kind == "map":
            return self._dict.read(literal)
        scalar = literal.scalar
        found = scalar.WhichOneof("value")
        if found == "primitive":
            return self._primitive(literal)
        if found == "union":
            return self.read(scalar.union.value)
        if found == "structured_dataset":
            dataset = scalar.structured_dataset
            form = dataset.metadata.structured_dataset_type.format
            return self._frame(dataset.uri, form)
        if found == "binary":
            return self._binary(literal, scalar.binary.tag)
        if found == "blob":
            return self._blob(literal)
        return None

    def _primitive(self, literal: Literal) -> Any:
        primitive = literal.scalar.primitive
        which = primitive.WhichOneof("value")
        if which == "datetime":
            return DatetimeConverter(datetime.datetime).read(literal)
        if which == "duration":
            return TimedeltaConverter(datetime.timedelta).read(literal)
        if which == "string_value":
            return text_in_its_kind(literal)
        return getattr(primitive, which) if which else None

    def _frame(self, uri: str, form: str) -> Any:
        return frames.frame_conversion().untyped_frame(uri, form)

    def _binary(self, literal: Literal, tag: str) -> Any:
        if tag == BIG_INT_TAG:
            return IntConverter(int).read(literal)
        if tag == SURROGATES_TAG:
            return text_in_its_kind(literal)
        if tag == structures.TAG:
            return plain.loads(literal.scalar.binary.value)
        if tag == pickled.TAG:
            return pickled.PickledConverter(Any).read(literal)
        if tag == arrays.TAG:
            return arrays.ArrayConverter(Any).read(literal)
        return literal.scalar.binary.value

    def _blob(self, literal: Literal) -> Any:
        form = literal.scalar.blob.metadata.type.format
        if form == pickled.TAG:
            return pickled.PickledConverter(Any).read(literal)
        if form == arrays.TAG:
            return arrays.ArrayConverter(Any).read(literal)
        return literal.scalar.blob.uri


class _Description(_Shape):
    """Reads what is plain data and describes the rest; runs no code that came with a value."""

    def _frame(self, uri: str, form: str) -> Any:
        return Described(f"<frame, {form}, {uri}>")

    def _binary(self, literal: Literal, tag: str) -> Any:
        if tag in (pickled.TAG, arrays.TAG):
            return Described(f"<{tag}, {len(literal.scalar.binary.value):,} bytes>")
        return super()._binary(literal, tag)

    def _blob(self, literal: Literal) -> Any:
        form = literal.scalar.blob.metadata.type.format
        if form in (pickled.TAG, arrays.TAG):
            return Described(f"<{form}, {literal.scalar.blob.uri}>")
        return super()._blob(literal)


class _Data(_Shape):
    """Reads all but pickles."""

    def _binary(self, literal: Literal, tag: str) -> Any:
        size = len(literal.scalar.binary.value)
        if tag == pickled.TAG:
            return Described(f"<{tag}, {size:,} bytes>")
        if tag == structures.TAG:
            try:
                return plain.loads_data(literal.scalar.binary.value)
            except ValueError as error:
                return Described(f"<{size:,} bytes; {error}>")
        return super()._binary(literal, tag)

    def _blob(self, literal: Literal) -> Any:
        form = literal.scalar.blob.metadata.type.format
        if form == pickled.TAG:
            return Described(f"<{form}, {literal.scalar.blob.uri}>")
        return super()._blob(literal)


_shape = _Shape(Any)
_data = _Data(Any)
_description = _Description(Any)
