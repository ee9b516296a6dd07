"""What an annotation says about a frame: ``Annotated[pd.DataFrame, "csv"]``, or the columns it has."""

from __future__ import annotations

import datetime
import decimal
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, get_origin

import pyarrow
import pyarrow.types as kinds
from flyteidl2.core.types_pb2 import LiteralType, SimpleType, StructuredDatasetType

from ...types.transformer import TypeTransformerFailedError
from ...types.type_text import shown, type_text


@dataclass(frozen=True)
class FrameHints:
    """Format and columns that were declared; the format is empty, and the columns are None, where nothing was said."""

    form: str = ""
    columns: Mapping[str, Any] | None = None

    def described(self, form: str = "") -> StructuredDatasetType:
        """As the message that encoders and decoders get."""
        found = StructuredDatasetType(format=form or self.form)
        for name, declared in (self.columns or {}).items():
            found.columns.add(name=name, literal_type=LiteralType(simple=_SIMPLE.get(declared, SimpleType.NONE)))
        return found

    def check(self, schema: pyarrow.Schema, where: str) -> None:
        """Compare the columns of a frame with the declared ones.

        Raises
        ------
        TypeTransformerFailedError
            If one is missing, or has another type; `where` says which frame it is.
        """
        for name, declared in (self.columns or {}).items():
            if name not in schema.names:
                raise TypeTransformerFailedError(
                    f"{where} has no column {name!r}, which is declared as {_text(declared)}. It has"
                    f" {', '.join(f'{field.name} ({field.type})' for field in schema) or 'no columns'}."
                )
            found = schema.field(name).type
            if not _fits(found, declared):
                raise TypeTransformerFailedError(
                    f"{where} has a column {name!r} of type {found}, which is declared as {_text(declared)}."
                )


def hints_from(annotations: list[Any]) -> FrameHints:
    """What annotations say; those that are for somebody else are left alone."""
    form, columns = "", None
    for annotation in annotations:
        if isinstance(annotation, str):
            form = annotation
        elif isinstance(annotation, Mapping):
            columns = dict(annotation)
        elif isinstance(annotation, pyarrow.Schema):
            columns = {field.name: field.type for field in annotation}
    return FrameHints(form, columns)


def arrow_type_of(found: LiteralType) -> pyarrow.DataType | None:
    """What a declared column of a text format is read as, None if it shows by its values."""
    return _ARROW.get(found.simple) if found.HasField("simple") else None


_SIMPLE = {
    int: SimpleType.INTEGER,
    float: SimpleType.FLOAT,
    str: SimpleType.STRING,
    bool: SimpleType.BOOLEAN,
    bytes: SimpleType.BINARY,
    datetime.timedelta: SimpleType.DURATION,
}
_ARROW = {
    SimpleType.INTEGER: pyarrow.int64(),
    SimpleType.FLOAT: pyarrow.float64(),
    SimpleType.STRING: pyarrow.string(),
    SimpleType.BOOLEAN: pyarrow.bool_(),
    SimpleType.BINARY: pyarrow.binary(),
}


def _is_text(found: pyarrow.DataType) -> bool:
    if kinds.is_dictionary(found):
        found = found.value_type
    return bool(kinds.is_string(found) or kinds.is_large_string(found) or kinds.is_string_view(found))


_FITS: dict[Any, Callable[[pyarrow.DataType], Any]] = {
    int: kinds.is_integer,
    float: kinds.is_floating,
    str: _is_text,
    bool: kinds.is_boolean,
    bytes: lambda found: kinds.is_binary(found) or kinds.is_large_binary(found) or kinds.is_binary_view(found),
    datetime.datetime: kinds.is_timestamp,
    datetime.date: kinds.is_date,
    datetime.time: kinds.is_time,
    datetime.timedelta: kinds.is_duration,
    decimal.Decimal: kinds.is_decimal,
    list: lambda found: kinds.is_list(found) or kinds.is_large_list(found) or kinds.is_fixed_size_list(found),
    dict: lambda found: kinds.is_struct(found) or kinds.is_map(found),
    Any: lambda found: True,
}


def _fits(found: pyarrow.DataType, declared: Any) -> bool:
    test = _FITS.get(get_origin(declared) or declared)
    return bool(test(found)) if test is not None else _is_same(found, declared)


def _is_same(found: pyarrow.DataType, declared: Any) -> bool:
    if isinstance(declared, pyarrow.DataType):
        return bool(found.equals(declared))
    if (getattr(declared, "__module__", None) or type(declared).__module__).partition(".")[0] == "polars":
        import polars

        return bool(found.equals(polars.Series([], dtype=declared).to_arrow().type))
    try:
        return bool(found.equals(pyarrow.from_numpy_dtype(declared)))
    except (TypeError, ValueError, NotImplementedError, pyarrow.ArrowException):
        raise TypeTransformerFailedError(
            f"{shown(declared)} cannot be the type of a column: expected a Python type such as int or str, or a type of"
            " Arrow, polars or NumPy."
        ) from None


def _text(declared: Any) -> str:
    return type_text(declared) if isinstance(declared, type) else str(declared)
