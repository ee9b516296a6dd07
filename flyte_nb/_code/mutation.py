"""Which containers a piece of code changes itself: those are state, and no constants."""

from __future__ import annotations

import dis
from functools import lru_cache
from types import CodeType

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


@lru_cache(maxsize=1024)
def names_changed(code: CodeType) -> frozenset[str]:
    """Names of globals and closure variables that `code`, or code inside it, rebinds or changes in place."""
    instructions = [one for one in dis.get_instructions(code) if one.opname not in _NOISE]
    changed: set[str] = set()
    own = frozenset(code.co_cellvars)
    for position, instruction in enumerate(instructions):
        if instruction.opname in _REBINDS and instruction.argval not in own:
            changed.add(instruction.argval)
        elif instruction.opname in _STORES:
            changed.add(_origin(instructions, position, below=1))
        elif instruction.opname in _ATTRIBUTES and instruction.argval in _MUTATORS:
            changed.add(_origin(instructions, position, below=0))
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            changed |= names_changed(constant) - own
    return frozenset(changed - {""})


def _origin(instructions: list[dis.Instruction], position: int, below: int) -> str:
    """The name that a value on the stack came from: `below` places under the top, before `position`.

    An item of a container leads to the container. Empty where the way is not simple to see.
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
        else:
            return str(instruction.argval) if name in _LOADS else ""
    return ""
