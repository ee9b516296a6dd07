"""Numbers, text, times: values that are immutable and small."""

from __future__ import annotations

import datetime
import decimal
import math
import pathlib
import sys
import uuid
from collections.abc import Callable
from typing import Any

from .converter import Converter
from .messages import Literal, LiteralType, SimpleType, TypeStructure
from .moments import datetime_from, moment_text, time_from
from .transformer import TypeTransformerFailedError
from .type_text import shown

BIG_INT_TAG = "int"
SURROGATES_TAG = "utf-8-surrogates"
TEXT_KIND = "kind"

_INT64 = range(-(2**63), 2**63)
_MOMENT = "moment"
_EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)


class PrimitiveConverter(Converter):
    """Base of the converters whose values are immutable and handed on as they are."""

    simple: SimpleType = SimpleType.STRING
    tag = ""

    def isolated(self, value: Any, literal: Literal) -> Any:
        """See `Converter`."""
        return value if type(value) is self.python_type else self.read(literal)

    def literal_type(self) -> LiteralType:
        """See `Converter`."""
        structure = TypeStructure(tag=self.tag) if self.tag else None
        return LiteralType(simple=self.simple, structure=structure)


class IntConverter(PrimitiveConverter):
    """int; those beyond 64 bits travel as hexadecimal digits."""

    simple: SimpleType = SimpleType.INTEGER

    def accepts(self, value: Any) -> bool:
        """See `Converter`."""
        return isinstance(value, int) or _is_numpy(value, "integer")

    def fill(self, literal: Literal, value: Any) -> None:
        """See `Converter`."""
        if type(value) is not int:
            value = _as_int(value)
        if value in _INT64:
            literal.scalar.primitive.integer = value
        else:
            literal.scalar.binary.value = hex(value).encode()
            literal.scalar.binary.tag = BIG_INT_TAG

    def read(self, literal: Literal) -> Any:
        """See `Converter`."""
        if literal.scalar.primitive.WhichOneof("value") == "integer":
            return literal.scalar.primitive.integer
        if literal.scalar.binary.tag == BIG_INT_TAG:
            digits = literal.scalar.binary.value
            try:
                return int(digits, 16)
            except ValueError as error:
                raise _no_text_of("int", digits) from error
        raise _unexpected("int", literal)


class FloatConverter(PrimitiveConverter):
    """float; an int is taken too."""

    simple: SimpleType = SimpleType.FLOAT

    def accepts(self, value: Any) -> bool:
        """See `Converter`."""
        return isinstance(value, float) or _is_numpy(value, "floating")

    def fill(self, literal: Literal, value: Any) -> None:
        """See `Converter`."""
        if type(value) is not float:
            value = _as_float(value)
        literal.scalar.primitive.float_value = value

    def read(self, literal: Literal) -> Any:
        """See `Converter`."""
        primitive = literal.scalar.primitive
        kind = primitive.WhichOneof("value")
        if kind == "float_value":
            return primitive.float_value
        if kind == "integer":
            return float(primitive.integer)
        raise _unexpected("float", literal)


class BoolConverter(PrimitiveConverter):
    """bool."""

    simple: SimpleType = SimpleType.BOOLEAN

    def fill(self, literal: Literal, value: Any) -> None:
        """See `Converter`."""
        if type(value) is not bool:
            value = _numpy_item(value, bool)
        literal.scalar.primitive.boolean = value

    def read(self, literal: Literal) -> Any:
        """See `Converter`."""
        if literal.scalar.primitive.WhichOneof("value") != "boolean":
            raise _unexpected("bool", literal)
        return literal.scalar.primitive.boolean


class StrConverter(PrimitiveConverter):
    """str; a lone surrogate, which protobuf refuses, travels escaped."""

    def fill(self, literal: Literal, value: Any) -> None:
        """See `Converter`."""
        if not isinstance(value, str):
            raise _unfit("str", value)
        _put_text(literal, value)

    def read(self, literal: Literal) -> Any:
        """See `Converter`."""
        return _text_in(literal, "str")


class NoneConverter(PrimitiveConverter):
    """None."""

    simple: SimpleType = SimpleType.NONE

    def accepts(self, value: Any) -> bool:
        """See `Converter`."""
        return value is None

    def fill(self, literal: Literal, value: Any) -> None:
        """See `Converter`."""
        if value is not None:
            raise _unfit("None", value)
        literal.scalar.none_type.SetInParent()

    def read(self, literal: Literal) -> Any:
        """See `Converter`."""
        if not literal.scalar.HasField("none_type"):
            raise _unexpected("None", literal)
        return None

    def isolated(self, value: Any, literal: Literal) -> Any:
        """See `Converter`."""
        return None


class BytesConverter(PrimitiveConverter):
    """bytes."""

    simple: SimpleType = SimpleType.BINARY
    tag = "bytes"

    def fill(self, literal: Literal, value: Any) -> None:
        """See `Converter`."""
        if not isinstance(value, (bytes, bytearray, memoryview)):
            raise _unfit("bytes", value)
        literal.scalar.binary.value = bytes(value)
        literal.scalar.binary.tag = "bytes"

    def read(self, literal: Literal) -> Any:
        """See `Converter`."""
        if not literal.scalar.HasField("binary"):
            raise _unexpected("bytes", literal)
        return literal.scalar.binary.value


class DatetimeConverter(PrimitiveConverter):
    """datetime. Its zone is kept beside the instant; one without a zone stays without."""

    simple: SimpleType = SimpleType.DATETIME

    def accepts(self, value: Any) -> bool:
        """See `Converter`."""
        return isinstance(value, datetime.datetime)

    def fill(self, literal: Literal, value: Any) -> None:
        """See `Converter`."""
        if not isinstance(value, datetime.datetime):
            raise _unfit("datetime.datetime", value)
        literal.metadata[_MOMENT] = moment_text(value)
        instant = value if value.tzinfo is not None else value.replace(tzinfo=datetime.UTC)
        whole, rest = divmod(instant - _EPOCH, datetime.timedelta(seconds=1))
        literal.scalar.primitive.datetime.seconds = whole
        literal.scalar.primitive.datetime.nanos = rest.microseconds * 1000

    def read(self, literal: Literal) -> Any:
        """See `Converter`."""
        if literal.scalar.primitive.WhichOneof("value") != "datetime":
            raise _unexpected("datetime", literal)
        text = literal.metadata.get(_MOMENT)
        stamp = literal.scalar.primitive.datetime
        try:
            if text:
                return datetime_from(text)
            return _EPOCH + datetime.timedelta(seconds=stamp.seconds, microseconds=stamp.nanos // 1000)
        except _NO_VALUE as error:
            raise _no_text_of("datetime", text or stamp) from error


class TimedeltaConverter(PrimitiveConverter):
    """timedelta."""

    simple: SimpleType = SimpleType.DURATION

    def fill(self, literal: Literal, value: Any) -> None:
        """See `Converter`."""
        if not isinstance(value, datetime.timedelta):
            raise _unfit("datetime.timedelta", value)
        micros = value // datetime.timedelta(microseconds=1)
        sign = -1 if micros < 0 else 1
        seconds, rest = divmod(abs(micros), 1_000_000)
        duration = literal.scalar.primitive.duration
        duration.SetInParent()
        duration.seconds = sign * seconds
        duration.nanos = sign * rest * 1000

    def read(self, literal: Literal) -> Any:
        """See `Converter`."""
        if literal.scalar.primitive.WhichOneof("value") != "duration":
            raise _unexpected("timedelta", literal)
        duration = literal.scalar.primitive.duration
        micros = abs(duration.nanos) // 1000 * (-1 if duration.nanos < 0 else 1)
        try:
            return datetime.timedelta(seconds=duration.seconds, microseconds=micros)
        except OverflowError as error:
            raise _no_text_of("timedelta", duration) from error


class TextConverter(PrimitiveConverter):
    """A type with an exact text: date, time, Decimal, UUID, paths, complex."""

    def __init__(self, python_type: Any, dump: Callable[[Any], str], load: Callable[[str], Any]) -> None:
        super().__init__(python_type)
        self.tag: Any = python_type.__name__
        self._dump = dump
        self._load = load

    def accepts(self, value: Any) -> bool:
        """See `Converter`."""
        if self.python_type is datetime.date:
            return type(value) is datetime.date
        return isinstance(value, self.python_type)

    def fill(self, literal: Literal, value: Any) -> None:
        """See `Converter`."""
        if not self.accepts(value):
            raise _unfit(f"{self.python_type.__module__}.{self.python_type.__qualname__}", value)
        _put_text(literal, self._dump(value))
        literal.metadata[TEXT_KIND] = self.tag

    def read(self, literal: Literal) -> Any:
        """See `Converter`."""
        text = _text_in(literal, self.tag)
        try:
            return self._load(text)
        except _NO_VALUE as error:
            raise _no_text_of(self.tag, text) from error


def text_in_its_kind(literal: Literal) -> Any:
    """The value of a text: a Decimal where one was written, and so on."""
    text = _text_in(literal, "str")
    kind = literal.metadata.get(TEXT_KIND)
    if not kind:
        return text
    for python_type, (_, load) in _TEXTS.items():
        if python_type.__name__ == kind:
            return load(text)
    return pathlib.Path(text) if kind.endswith("Path") and not kind.startswith("Pure") else text


def primitive_converter(python_type: Any) -> Converter | None:
    """The converter of a primitive type, None for others."""
    simple = _SIMPLE.get(python_type)
    if simple is not None:
        return simple(python_type)
    if isinstance(python_type, type):
        if issubclass(python_type, pathlib.PurePath):
            return TextConverter(python_type, str, python_type)
        texts = _TEXTS.get(python_type)
        if texts is not None:
            return TextConverter(python_type, *texts)
    return None


_SIMPLE: dict[Any, type[Converter]] = {
    int: IntConverter,
    float: FloatConverter,
    bool: BoolConverter,
    str: StrConverter,
    bytes: BytesConverter,
    None: NoneConverter,
    type(None): NoneConverter,
    datetime.datetime: DatetimeConverter,
    datetime.timedelta: TimedeltaConverter,
}

_TEXTS: dict[Any, tuple[Callable[[Any], str], Callable[[str], Any]]] = {
    datetime.date: (datetime.date.isoformat, datetime.date.fromisoformat),
    datetime.time: (moment_text, time_from),
    decimal.Decimal: (str, decimal.Decimal),
    uuid.UUID: (str, uuid.UUID),
    complex: (repr, complex),
}


TAGGED_TEXTS: dict[str, type] = {kind.__name__: kind for kind in (*_TEXTS, pathlib.Path)}


def _as_int(value: Any) -> int:
    if isinstance(value, int):
        return int(value)
    return int(_numpy_item(value, int))


def _as_float(value: Any) -> float:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        try:
            number = float(value)
        except OverflowError:
            raise TypeTransformerFailedError("Expected float; the int is too large for one.") from None
        if isinstance(value, int) and math.isfinite(number) and int(number) != value:
            raise TypeTransformerFailedError(f"Expected float; {shown(value)} has more digits than a float can hold.")
        return number
    return float(_numpy_item(value, float))


def _numpy_item(value: Any, wanted: type) -> Any:
    """The Python number of a numpy scalar, of the wanted kind."""
    numpy = sys.modules.get("numpy")
    if numpy is not None and isinstance(value, numpy.generic):
        item = value.item()
        if type(item) is wanted or (wanted is float and type(item) is int):
            return item
    raise _unfit(wanted.__name__, value)


def _is_numpy(value: Any, kind: str) -> bool:
    numpy = sys.modules.get("numpy")
    return numpy is not None and isinstance(value, getattr(numpy, kind))


def _put_text(literal: Literal, text: str) -> None:
    """Protobuf refuses lone surrogates, which file names may hold; they travel as bytes."""
    try:
        literal.scalar.primitive.string_value = text
    except (UnicodeEncodeError, ValueError):
        literal.scalar.binary.value = text.encode("utf-8", "surrogatepass")
        literal.scalar.binary.tag = SURROGATES_TAG


def _text_in(literal: Literal, expected: str) -> str:
    scalar = literal.scalar
    if scalar.primitive.WhichOneof("value") == "string_value":
        return str(scalar.primitive.string_value)
    if scalar.binary.tag == SURROGATES_TAG:
        try:
            return bytes(scalar.binary.value).decode("utf-8", "surrogatepass")
        except UnicodeDecodeError as error:
            raise _no_text_of(expected, scalar.binary.value) from error
    raise _unexpected(expected, literal)


_NO_VALUE = (ValueError, ArithmeticError, KeyError, OSError)
"""What reading a damaged text may raise; the last two are of a time zone that is not there."""


def _no_text_of(expected: str, text: Any) -> TypeTransformerFailedError:
    return TypeTransformerFailedError(f"Expected the text of a {expected}, got {text!r:.120}.")


def _unfit(expected: str, value: Any) -> TypeTransformerFailedError:
    return TypeTransformerFailedError(f"Expected {expected}, got {type(value).__qualname__}: {shown(value)}.")


def _unexpected(expected: str, literal: Literal) -> TypeTransformerFailedError:
    kind = literal.WhichOneof("value")
    return TypeTransformerFailedError(f"Expected the literal of a {expected}, got {kind or 'an empty one'}.")
