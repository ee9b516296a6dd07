"""Whether plain data fits a JSON schema, as far as a caller can tell; the deployed code looks at the rest."""

from __future__ import annotations

import datetime
import decimal
import pathlib
import uuid
from typing import Any

from ..types.type_text import shown

_WRITTEN_AS_TEXT: tuple[type, ...] = (
    *(datetime.date, datetime.time, datetime.timedelta),
    *(decimal.Decimal, pathlib.PurePath, uuid.UUID),
)
_KINDS: dict[str, tuple[type, ...]] = {
    "string": (str, bytes, *_WRITTEN_AS_TEXT),
    "integer": (int,),
    "number": (int, float, decimal.Decimal),
    "boolean": (bool,),
    "array": (list, tuple, set, frozenset),
    "object": (dict,),
    "null": (type(None),),
}
_DEEPEST = 50


def check_against(schema: dict[str, Any], value: Any) -> str:
    """What is wrong with `value`, an empty text if nothing that can be told."""
    return _check(schema, value, schema, "", _DEEPEST)


def _check(schema: Any, value: Any, whole: dict[str, Any], where: str, depth: int) -> str:
    schema = _resolved(schema, whole)
    if not isinstance(schema, dict) or depth == 0:
        return ""
    at = f"{where}: " if where else ""
    kinds = _KINDS.get(str(schema.get("type")))
    if kinds is not None and not (isinstance(value, kinds) and (bool in kinds or type(value) is not bool)):
        return f"{at}expected {_named(schema)}, got {type(value).__name__}: {shown(value)}"
    fields = schema.get("properties")
    if isinstance(fields, dict) and isinstance(value, dict):
        for name in schema.get("required", ()):
            if name not in value:
                return f"{at}{name!r} is missing; {_fields(fields)}"
        for name, item in value.items():
            if name not in fields:
                if schema.get("additionalProperties"):
                    continue
                return f"{at}there is no field {name!r}; {_fields(fields)}"
            problem = _check(fields[name], item, whole, f"{where}.{name}" if where else str(name), depth - 1)
            if problem:
                return problem
    items = schema.get("items")
    if isinstance(items, dict) and isinstance(value, (list, tuple)):
        for index, item in enumerate(value):
            problem = _check(items, item, whole, f"{where}[{index}]", depth - 1)
            if problem:
                return problem
    return ""


def _resolved(schema: Any, whole: dict[str, Any]) -> Any:
    for _ in range(_DEEPEST):
        reference = schema.get("$ref") if isinstance(schema, dict) else None
        if not isinstance(reference, str):
            return schema
        schema = whole.get("$defs", {}).get(reference.rpartition("/")[2])
    return None


def _named(schema: dict[str, Any]) -> str:
    return f"{schema['type']} ({schema['title']})" if schema.get("properties") and "title" in schema else schema["type"]


def _fields(fields: dict[str, Any]) -> str:
    return "its fields are " + ", ".join(map(repr, fields))
