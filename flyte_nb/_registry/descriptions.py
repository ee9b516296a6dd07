"""Types as JSON, in the manner of JSON schema, for callers that have not the classes.

A description has a ``type`` (or ``anyOf``) and a ``python``, the type as its author wrote it. The ``schema`` of a
structure is the JSON schema that Pydantic makes of its class.
"""

from __future__ import annotations

import datetime
import decimal
import enum
import inspect
import pathlib
import uuid
from typing import Annotated, Any, get_args, get_origin

from ..io.converter import ReferenceConverter
from ..io.frames.converter import FrameConverter
from ..types.arrays import ArrayConverter
from ..types.choices import EnumConverter, LiteralConverter
from ..types.collections import DictConverter, ListConverter, UnionConverter
from ..types.converter import Converter
from ..types.custom import HashedConverter, TransformerConverter
from ..types.primitives import PrimitiveConverter
from ..types.registry import converter_for
from ..types.structures import PlainConverter, StructureConverter
from ..types.type_text import type_text

PRIMITIVES: dict[str, type] = {
    "boolean": bool,
    "integer": int,
    "number": float,
    "string": str,
    "null": type(None),
    "bytes": bytes,
    "datetime": datetime.datetime,
    "date": datetime.date,
    "time": datetime.time,
    "duration": datetime.timedelta,
    "decimal": decimal.Decimal,
    "uuid": uuid.UUID,
    "path": pathlib.Path,
    "complex": complex,
}
PLAIN: dict[str, type] = {"list": list, "dict": dict, "set": set, "frozenset": frozenset, "tuple": tuple}


def described(python_type: Any) -> dict[str, Any]:
    """The description of a type."""
    bare = _bare(python_type)
    return {"python": short_text(bare), **_described(bare, converter_for(python_type))}


def short_text(python_type: Any) -> str:
    """A type as its author wrote it: classes without their modules."""
    import re

    return re.sub(r"\b(?:\w+\.)+(?=\w)", "", type_text(python_type)).replace("<locals>.", "")


def _bare(python_type: Any) -> Any:
    while True:
        if get_origin(python_type) is Annotated:
            python_type = get_args(python_type)[0]
        elif hasattr(python_type, "__supertype__"):
            python_type = python_type.__supertype__
        elif type(python_type).__name__ == "TypeAliasType":
            python_type = python_type.__value__
        else:
            return python_type


def _described(python_type: Any, converter: Converter) -> dict[str, Any]:
    arguments = get_args(python_type)
    if isinstance(converter, HashedConverter):
        return _described(python_type, converter_for(python_type))
    if isinstance(converter, ListConverter):
        return {"type": "array", "items": described(arguments[0])}
    if isinstance(converter, DictConverter):
        return {"type": "object", "additionalProperties": described(arguments[1])}
    if isinstance(converter, UnionConverter):
        return {"anyOf": [{**described(one), "tag": type_text(converter_for(one).python_type)} for one in arguments]}
    if isinstance(converter, EnumConverter):
        if issubclass(python_type, enum.Flag):
            return {"type": "integer"}
        return {"type": "choice", "enum": list(python_type.__members__)}
    if isinstance(converter, LiteralConverter):
        return {"type": "choice", "enum": list(converter.literal_type().enum_type.values)}
    if isinstance(converter, FrameConverter):
        return {"type": "dataframe"}
    if isinstance(converter, ReferenceConverter):
        blob = converter.literal_type().blob
        kind = "directory" if blob.dimensionality == blob.MULTIPART else "file"
        return {"type": kind, "format": blob.format} if blob.format else {"type": kind}
    if isinstance(converter, ArrayConverter):
        is_array = python_type is not None and short_text(get_origin(python_type) or python_type) == "ndarray"
        return {"type": "ndarray"} if is_array else {"type": "ndarray", "scalar": python_type.__name__}
    if isinstance(converter, StructureConverter):
        return {"type": "structure", "schema": _schema(converter)}
    if isinstance(converter, PlainConverter):
        return {"type": "plain", "of": python_type.__name__}
    if isinstance(converter, PrimitiveConverter):
        return {"type": _primitive(converter.python_type)}
    if isinstance(converter, TransformerConverter):
        return _custom(converter)
    return {"type": "any"}


def _primitive(python_type: Any) -> str:
    for name, kind in PRIMITIVES.items():
        if python_type is kind:
            return name
    for base in inspect.getmro(python_type):
        for name, kind in PRIMITIVES.items():
            if base is kind:
                return name
    return "path" if issubclass(python_type, pathlib.PurePath) else "any"


def _schema(converter: StructureConverter) -> dict[str, Any]:
    try:
        return converter.json_schema()
    except Exception:
        return {}  # a class of which Pydantic can make no JSON schema is still one that takes a dictionary


def _custom(converter: TransformerConverter) -> dict[str, Any]:
    """A type with a transformer of its own travels as what that says."""
    from ..types.engine import TypeEngine

    literal_type = converter.literal_type()
    if literal_type.WhichOneof("type") == "simple":
        try:
            kind = _GUESSED.get(TypeEngine.guess_python_type(_untagged(literal_type)))
        except ValueError:
            kind = None
        if kind is not None:
            return {"type": kind}
    return {"type": "opaque"}


def _untagged(literal_type: Any) -> Any:
    copied = type(literal_type)()
    copied.simple = literal_type.simple
    return copied


_GUESSED = {kind: name for name, kind in PRIMITIVES.items() if name not in ("bytes",)}
