"""What a piece of code changes itself: that is state, and no constant."""

from __future__ import annotations

import dis
import sys
from collections import deque
from collections.abc import Iterable
from functools import lru_cache
from types import CodeType
from typing import Any, NamedTuple

_MUTATORS = frozenset(
    {
        *("add", "append", "appendleft", "clear", "difference_update", "discard", "extend", "extendleft", "insert"),
        *("intersection_update", "pop", "popitem", "popleft", "remove", "reverse", "setdefault", "sort"),
        *("symmetric_difference_update", "update"),
    }
)
_LOADS = frozenset({"LOAD_GLOBAL", "LOAD_NAME", "LOAD_DEREF"})
_ATTRIBUTES = frozenset({"LOAD_ATTR", "LOAD_METHOD"})
_STORES = frozenset({"STORE_SUBSCR", "DELETE_SUBSCR"})
_ATTRIBUTE_STORES = frozenset({"STORE_ATTR", "DELETE_ATTR"})
_REBINDS = frozenset({"STORE_GLOBAL", "STORE_DEREF"})
_NOISE = frozenset({"CACHE", "EXTENDED_ARG", "NOP", "PRECALL", "RESUME", "PUSH_NULL", "KW_NAMES"})
_BUILDS = frozenset({"BUILD_TUPLE", "BUILD_LIST", "BUILD_SET", "BUILD_STRING"})
# What simple instructions take from the stack and give to it; at anything else the search ends.
_EFFECTS = {
    "LOAD_CONST": (0, 1),
    "LOAD_FAST": (0, 1),
    "LOAD_FAST_CHECK": (0, 1),
    "LOAD_GLOBAL": (0, 1),
    "LOAD_NAME": (0, 1),
    "LOAD_DEREF": (0, 1),
    "LOAD_ATTR": (1, 1),
    "LOAD_METHOD": (1, 1),
    "BINARY_SUBSCR": (2, 1),
    "BINARY_OP": (2, 1),
    "FORMAT_VALUE": (1, 1),
    "FORMAT_SIMPLE": (1, 1),
    "UNARY_NEGATIVE": (1, 1),
}


_CONSTRUCTORS = frozenset({"__init__", "__new__", "__post_init__", "__setstate__"})
_CONTAINERS = (list, dict, set, bytearray, deque)
# Methods of those names change what they are called on; elsewhere (a frame of polars, say) they give something new.
_MUTATORS_OF = {
    ("numpy", "ndarray"): frozenset({"sort"}),
    ("pandas", "DataFrame"): frozenset({"insert", "pop", "update"}),
    ("pandas", "Series"): frozenset({"pop", "update"}),
    ("polars", "DataFrame"): frozenset({"extend"}),
    ("polars", "Series"): frozenset({"append", "extend"}),
}


class Changes(NamedTuple):
    """What code changes.

    Attributes
    ----------
    stored : frozenset of str
        Names of globals and closure variables that are rebound, or that have an item set.
    called : frozenset of (str, str)
        Such names, each with a method that is called on it and may change it.
    attributes : frozenset of str
        Names of attributes, of whatever object, that are set or changed after it was made.
    """

    stored: frozenset[str] = frozenset()
    called: frozenset[tuple[str, str]] = frozenset()
    attributes: frozenset[str] = frozenset()

    def is_state(self, name: str, value: Any) -> bool:
        """Whether what `name` holds, `value` now, is changed by the code."""
        return name in self.stored or any(called == name and _changes(value, method) for called, method in self.called)


def changes_of(codes: Iterable[CodeType]) -> Changes:
    """What all of `codes` change."""
    found = [_changes_in(code) for code in codes]
    return Changes(*(frozenset[Any]().union(*sets) for sets in zip(*found, strict=True))) if found else Changes()


def _changes(value: Any, method: str) -> bool:
    if isinstance(value, _CONTAINERS):
        return True
    for (library, kind), methods in _MUTATORS_OF.items():
        known = getattr(sys.modules.get(library), kind, None)
        if isinstance(known, type) and isinstance(value, known):
            return method in methods
    return False


@lru_cache(maxsize=1024)
def _changes_in(code: CodeType) -> Changes:
    """What `code`, or code inside it, changes."""
    instructions = [one for one in dis.get_instructions(code) if one.opname not in _NOISE]
    stored: set[str] = set()
    called: set[tuple[str, str]] = set()
    attributes: set[str] = set()
    own = frozenset(code.co_cellvars)
    for position, instruction in enumerate(instructions):
        if instruction.opname in _REBINDS and instruction.argval not in own:
            stored.add(instruction.argval)
        elif instruction.opname in _ATTRIBUTE_STORES and code.co_name not in _CONSTRUCTORS:
            attributes.add(instruction.argval)
        elif instruction.opname in _STORES:
            stored.add(_origin(instructions, position, below=1))
        elif instruction.opname in _ATTRIBUTES and instruction.argval in _MUTATORS:
            called.add((_origin(instructions, position, below=0), instruction.argval))
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            inner = _changes_in(constant)
            stored |= inner.stored - own
            called |= {(name, method) for name, method in inner.called if name not in own}
            attributes |= inner.attributes
    if code.co_name not in _CONSTRUCTORS:
        attributes |= {name[1:] for name in (*stored, *(name for name, _ in called)) if name.startswith(".")}
    return Changes(
        frozenset(name for name in stored if name and name[0] != "."),
        frozenset((name, method) for name, method in called if name and name[0] != "."),
        frozenset(attributes),
    )


def _origin(instructions: list[dis.Instruction], position: int, below: int) -> str:
    """The name that a value on the stack came from: `below` places under the top, before `position`.

    An item of a container leads to the container. An attribute's name has a dot before it. Empty where the way is not
    simple to see.
    """
    for instruction in reversed(instructions[:position]):
        name, argument = instruction.opname, instruction.arg or 0
        if name == "SWAP":
            if below in (0, argument - 1):
                below = argument - 1 - below
            continue
        if name == "COPY":
            below = argument - 1 if below == 0 else below - 1
            continue
        if name == "LOAD_FAST_LOAD_FAST":
            taken, given = 0, 2
        elif name == "CALL":
            taken, given = argument + 1, 1
        elif name in _BUILDS:
            taken, given = argument, 1
        elif name in _EFFECTS:
            taken, given = _EFFECTS[name]
        else:
            return ""
        if below >= given:
            below += taken - given
        elif name == "BINARY_SUBSCR":
            below = 1
        elif name in _ATTRIBUTES:
            return f".{instruction.argval}"
        else:
            return str(instruction.argval) if name in _LOADS else ""
    return ""
