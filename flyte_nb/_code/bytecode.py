"""Code objects as text that says what they do and not how they were written.

Line numbers, file names, docstrings and the no-ops that keep places for them are left out; jumps count the
instructions that are kept. A comment, a blank line or a pair of parentheses changes nothing.
"""

from __future__ import annotations

import dis
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from types import CodeType
from typing import Any

_NOISE = frozenset({"NOP", "CACHE", "RESUME", "EXTENDED_ARG", "PRECALL"})
_UNSEEN_NAMES = frozenset({"__doc__", "__firstlineno__", "__static_attributes__", "__module__", "__qualname__"})
_GLOBAL_LOADS = frozenset({"LOAD_GLOBAL", "LOAD_NAME"})
_ATTRIBUTE_LOADS = frozenset({"LOAD_ATTR", "LOAD_METHOD", "LOAD_SUPER_ATTR", "IMPORT_FROM"})
_MUTATORS = frozenset(
    [
        "add",
        "append",
        "appendleft",
        "clear",
        "discard",
        "extend",
        "extendleft",
        "insert",
        "pop",
        "popitem",
        "popleft",
        "remove",
        "reverse",
        "setdefault",
        "sort",
        "update",
    ]
)
_HAS_JUMP = frozenset(dis.hasjrel) | frozenset(dis.hasjabs)


@dataclass
class Names:
    """What a piece of code refers to by name.

    Attributes
    ----------
    loaded : dict of str
        Globals it reads, in order of first use.
    attributes : set of str
        Attributes it reads of anything.
    changed : set of str
        Globals whose contents it changes: ``results.append(…)``, ``counts[key] = …``.
    imported : set of str
        Modules it imports.
    """

    loaded: dict[str, None] = field(default_factory=dict)
    attributes: set[str] = field(default_factory=set)
    changed: set[str] = field(default_factory=set)
    imported: set[str] = field(default_factory=set)


def read_code(code: CodeType, constant_text: Callable[[Any], str]) -> tuple[str, Names]:
    """The text of `code`, those inside it included, and the names it uses."""
    names = Names()
    return "\n".join(_lines(code, constant_text, names)), names


def _lines(code: CodeType, constant_text: Callable[[Any], str], names: Names) -> Iterator[str]:
    kept = [
        instruction
        for instruction in _without_unseen(list(dis.get_instructions(code)))
        if instruction.opname not in _NOISE
    ]
    index_at = _index_by_offset(code, kept)
    _collect_names(kept, names)
    arguments = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
    yield f"python {sys.version_info[0]}.{sys.version_info[1]}"
    yield f"{code.co_argcount} {code.co_posonlyargcount} {code.co_kwonlyargcount} {code.co_flags} {arguments}"
    for instruction in kept:
        if isinstance(instruction.argval, CodeType):
            yield "code {"
            yield from _lines(instruction.argval, constant_text, names)
            yield "}"
        else:
            yield f"{instruction.opname} {_argument(instruction, index_at, constant_text)}"
    for entry in dis._parse_exception_table(code):  # type: ignore[attr-defined]
        start, end = index_at(entry.start), index_at(entry.end)
        if start != end:
            yield f"except {start} {end} {index_at(entry.target)} {entry.depth} {entry.lasti}"


def _argument(instruction: dis.Instruction, index_at: Callable[[int], int], constant_text: Callable[[Any], str]) -> str:
    if instruction.opcode in _HAS_JUMP:
        return f"to {index_at(instruction.argval)}"
    if instruction.opcode in dis.hasconst:
        return constant_text(instruction.argval)
    if isinstance(instruction.argval, str):
        return instruction.argval
    if isinstance(instruction.argval, tuple) and all(isinstance(part, str) for part in instruction.argval):
        return " ".join(instruction.argval)
    return "" if instruction.arg is None else str(instruction.arg)


def _without_unseen(instructions: list[dis.Instruction]) -> Iterator[dis.Instruction]:
    """Without what class bodies say of themselves: their docstring, their first line."""
    skip_next = False
    for here, following in zip(instructions, [*instructions[1:], None], strict=True):
        if skip_next:
            skip_next = False
        elif (
            following is not None
            and following.opname == "STORE_NAME"
            and following.argval in _UNSEEN_NAMES
            and here.opname in ("LOAD_CONST", "LOAD_NAME", "RETURN_CONST")
        ):
            skip_next = True
        else:
            yield here


def _index_by_offset(code: CodeType, kept: list[dis.Instruction]) -> Callable[[int], int]:
    """From an offset to the position, among those kept, of the instruction there or the next one."""
    from bisect import bisect_left

    offsets = [instruction.offset for instruction in kept]
    return lambda offset: bisect_left(offsets, offset)


def _collect_names(kept: list[dis.Instruction], names: Names) -> None:
    for position, instruction in enumerate(kept):
        name = instruction.opname
        if name in _GLOBAL_LOADS:
            names.loaded.setdefault(instruction.argval)
            if _is_changed(kept, position):
                names.changed.add(instruction.argval)
        elif name in _ATTRIBUTE_LOADS:
            names.attributes.add(instruction.argval)
        elif name == "IMPORT_NAME":
            names.imported.add(instruction.argval)


def _is_changed(kept: list[dis.Instruction], position: int) -> bool:
    following = kept[position + 1 : position + 4]
    if not following:
        return False
    if following[0].opname in _ATTRIBUTE_LOADS:
        return following[0].argval in _MUTATORS
    return any(one.opname in ("STORE_SUBSCR", "DELETE_SUBSCR") for one in following[1:])
