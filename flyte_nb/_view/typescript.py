"""The TypeScript twin of `flyte_nb._view.wire` and `flyte_nb._view.looks`.

``python -m flyte_nb._view.typescript > labextension/src/run/wire.ts``
"""

from __future__ import annotations

import enum
import inspect
from typing import Any, get_args

import msgspec
from msgspec import inspect as shape

from . import wire
from .looks import LOOKS


def typescript() -> str:
    """All messages and their parts as TypeScript declarations."""
    parts = ["// Generated from flyte_nb/_view/wire.py by `make frontend`. Do not edit."]
    for name, thing in vars(wire).items():
        if not inspect.isclass(thing) or thing.__module__ != wire.__name__:
            continue
        if issubclass(thing, enum.Enum):
            parts.append(_constants(name, thing))
        elif issubclass(thing, msgspec.Struct):
            parts.append(_struct(name, thing))
    parts += [_union("ToPage"), _union("FromPage"), _looks()]
    return "\n\n".join(parts) + "\n"


def _constants(name: str, thing: type[enum.Enum]) -> str:
    lines = "\n".join(f"  {member.name}: {member.value}," for member in thing)
    return f"export const {name} = {{\n{lines}\n}} as const;"


def _looks() -> str:
    rows = "\n".join(
        f'  {{ sign: "{look.sign}", word: "{look.word}", name: "{phase.name.lower().replace("_", "-")}" }},'
        for phase, look in sorted(LOOKS.items())
    )
    kind = "readonly { sign: string; word: string; name: string }[]"
    return f"/** How a phase looks, by its number. */\nexport const PHASES: {kind} = [\n{rows}\n];"


def _struct(name: str, thing: type[msgspec.Struct]) -> str:
    described = shape.type_info(thing)
    assert isinstance(described, shape.StructType)
    if described.array_like:
        fields = "\n".join(f"  {field.name}: {_type(field.type)}," for field in described.fields)
        return f"export type {name} = [\n{fields}\n];"
    lines = [f"  {described.tag_field}: {described.tag!r};".replace("'", '"')] if described.tag_field else []
    lines += [f"  {field.name}: {_type(field.type)};" for field in described.fields]
    return f"export interface {name} {{\n" + "\n".join(lines) + ("\n" if lines else "") + "}"


def _type(described: Any) -> str:
    if isinstance(described, shape.StrType):
        return "string"
    if isinstance(described, shape.IntType | shape.FloatType):
        return "number"
    if isinstance(described, shape.BoolType):
        return "boolean"
    if isinstance(described, shape.NoneType):
        return "null"
    if isinstance(described, shape.ListType):
        inner = _type(described.item_type)
        return f"({inner})[]" if " | " in inner else f"{inner}[]"
    if isinstance(described, shape.UnionType):
        return " | ".join(_type(member) for member in described.types)
    if isinstance(described, shape.StructType):
        return described.cls.__name__
    raise TypeError(f"A message has a part of type {described!r}; teach flyte_nb._view.typescript to write it.")


def _union(name: str) -> str:
    members = " | ".join(member.__name__ for member in get_args(getattr(wire, name)))
    return f"export type {name} = {members};"


if __name__ == "__main__":
    print(typescript(), end="")
