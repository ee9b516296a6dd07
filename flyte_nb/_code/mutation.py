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
_NOISE = frozenset({"CACHE", "EXTENDED_ARG", "NOP", "PRECALL", "RESUME", "PUSH_NULL"})
# What simple instructions take from the stack and give to it; at anything else the search ends.
_EFFECTS = {
    "LOAD_CONST": (0, 1),
    "LOAD_FAST": (0, 1),
    "LOAD_FAST_CHECK": (0, 1),
    "LOAD_GLOBAL": (0, 1),
    "LOAD_NAME": (0, 1),
    "LOAD_DEREF": (0, 1),
    "LOAD_ATTR": (1, 1),
    "BINARY_SUBSCR": (2, 1),
    "BINARY_OP": (2, 1),
    "FORMAT_VALUE": (1, 1),
    "FORMAT_SIMPLE": (1, 1),
    "UNARY_NEGATIVE": (1, 1),
}


@lru_cache(maxsize=1024)
def names_changed(code: CodeType) -> frozenset[str]:
    """Names of the globals and closure variables whose contents `code`, or code inside it, changes in place."""
    instructions = [one for one in dis.get_instructions(code) if one.opname not in _NOISE]
    changed: set[str] = set()
    for position, instruction in enumerate(instructions):
        if instruction.opname in _STORES:
            container = _container(instructions, position)
            if container is not None:
                changed.add(container)
        elif instruction.opname in _ATTRIBUTES and instruction.argval in _MUTATORS and position:
            before = instructions[position - 1]
            if before.opname in _LOADS:
                changed.add(before.argval)
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            changed |= names_changed(constant)
    return frozenset(changed)


def _container(instructions: list[dis.Instruction], position: int) -> str | None:
    """The name of what ``container[key] = …`` at `position` changes, None if it has none that is simple to see."""
    wanted = 1  # places below the top of the stack: the key is above the container
    for instruction in reversed(instructions[:position]):
        name, argument = instruction.opname, instruction.arg or 0
        if name == "SWAP":
            if wanted == 0:
                wanted = argument - 1
            elif wanted == argument - 1:
                wanted = 0
            continue
        if name == "COPY":
            wanted = argument - 1 if wanted == 0 else wanted - 1
            continue
        if name == "LOAD_FAST_LOAD_FAST":
            if wanted < 2:
                return None
            wanted -= 2
            continue
        effect = _EFFECTS.get(name)
        if effect is None:
            return None
        taken, given = effect
        if wanted < given:
            return instruction.argval if name in _LOADS else None
        wanted += taken - given
    return None
