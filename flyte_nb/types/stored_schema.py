"""Pydantic's schema of a type, changed to read back what was once a valid object.

Pydantic makes a dataclass as its caller would: `__post_init__` runs, `InitVar` parameters are asked for, fields with
``init=False`` are refused, and so is an infinite Decimal. An object that was only stored must come back as it was.
"""

from __future__ import annotations

import dataclasses
import typing
from typing import Any

NOT_SCHEMAS = frozenset({"metadata", "default", "cls", "serialization"})


def stored_schema(schema: Any) -> Any:
    """A copy of a core schema in which dataclasses are restored field by field."""
    if isinstance(schema, list):
        return [stored_schema(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    copied = {key: value if key in NOT_SCHEMAS else stored_schema(value) for key, value in schema.items()}
    if copied.get("type") == "dataclass" and copied["schema"].get("type") == "dataclass-args":
        _restore_fields(copied)
    if copied.get("type") == "decimal":
        copied.setdefault("allow_inf_nan", True)
    return copied


def needs_stored_schema(schema: Any) -> bool:
    """Whether `stored_schema` would change anything."""
    if isinstance(schema, list):
        return any(map(needs_stored_schema, schema))
    if not isinstance(schema, dict):
        return False
    if schema.get("type") == "dataclass" and (
        schema.get("post_init") or any(not field.init for field in dataclasses.fields(schema["cls"]))
    ):
        return True
    if schema.get("type") == "decimal":
        return True
    return any(needs_stored_schema(value) for key, value in schema.items() if key not in NOT_SCHEMAS)


def _restore_fields(schema: dict[str, Any]) -> None:
    arguments = schema["schema"]
    fields = [field for field in arguments["fields"] if not field.get("init_only")]
    for field in fields:
        field.pop("init", None)
    known = {field["name"] for field in fields}
    for field in dataclasses.fields(schema["cls"]):
        if field.name not in known:  # Pydantic leaves out those that only __post_init__ sets
            inner = {"type": "default", "schema": _schema_of(schema["cls"], field.name), "default": None}
            fields.append({"type": "dataclass-field", "name": field.name, "schema": inner, "kw_only": True})
    arguments["fields"] = fields
    arguments["collect_init_only"] = False
    schema["fields"] = [field["name"] for field in fields]
    schema["post_init"] = False


def _schema_of(kind: type, name: str) -> Any:
    from pydantic import TypeAdapter

    try:
        found = TypeAdapter(typing.get_type_hints(kind, include_extras=True)[name]).core_schema
    except Exception:
        return {"type": "any"}
    return {"type": "any"} if "definitions" in found else _without_references(found)


def _without_references(schema: Any) -> Any:
    if isinstance(schema, list):
        return [_without_references(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    return {key: _without_references(value) for key, value in schema.items() if key != "ref"}
