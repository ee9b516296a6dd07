"""The TypeScript twin of messages, first of all of `flyte_nb._view.wire` and of `flyte_nb._view.looks`.

``python -m flyte_nb._view.typescript > labextension/src/run/wire.ts``
"""

from __future__ import annotations

import enum
import inspect
from collections.abc import Iterable, Mapping
from typing import Any, get_args

import msgspec
from msgspec import inspect as shape

from . import wire
from .looks import LOOKS, stall_text


def typescript(source: str, things: Iterable[type], unions: Mapping[str, Any], imports: str = "") -> str:
    """Messages and their parts as TypeScript declarations.

    Parameters
    ----------
    source : str
        The file that they stand in, for the first line.
    things : iterable of type
        Enumerations and structs.
    unions : mapping of str to union
        Names for either of some structs.
    imports : str, optional
        A line that imports what stands elsewhere.
    """
    parts = [f"// Generated from {source} by `make frontend`. Do not edit."]
    if imports:
        parts.append(imports)
    for thing in things:
        if issubclass(thing, enum.Enum):
            parts.append(_constants(thing.__name__, thing))
        elif issubclass(thing, msgspec.Struct):
            parts.append(_struct(thing.__name__, thing))
    parts += [_union(name, union) for name, union in unions.items()]
    return "\n\n".join(parts) + "\n"


def _messages_of_a_run() -> str:
    things = [one for one in vars(wire).values() if inspect.isclass(one) and one.__module__ == wire.__name__]
    messages = typescript("flyte_nb/_view/wire.py", things, {"ToPage": wire.ToPage, "FromPage": wire.FromPage})
    return f"{messages}\n{_looks()}\n\n{_stalled()}\n"


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


def _stalled() -> str:
    return f'/** What it means that an action is `STALLED`. */\nexport const STALLED = "{stall_text()}.";'


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
    if isinstance(described, shape.StrType | shape.EnumType):
        return "string"
    if isinstance(described, shape.IntType | shape.FloatType):
        return "number"
    if isinstance(described, shape.BoolType):
        return "boolean"
    if isinstance(described, shape.NoneType):
        return "null"
    if isinstance(described, shape.DictType):
        return f"Record<string, {_type(described.value_type)}>"
    if isinstance(described, shape.ListType | shape.VarTupleType):
        inner = _type(described.item_type)
        return f"({inner})[]" if " | " in inner else f"{inner}[]"
    if isinstance(described, shape.UnionType):
        return " | ".join(_type(member) for member in described.types)
    if isinstance(described, shape.StructType):
        return described.cls.__name__
    raise TypeError(f"A message has a part of type {described!r}; teach flyte_nb._view.typescript to write it.")


def _union(name: str, union: Any) -> str:
    return f"export type {name} = {' | '.join(member.__name__ for member in get_args(union))};"


if __name__ == "__main__":
    print(_messages_of_a_run(), end="")
