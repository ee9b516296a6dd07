"""One short text for a function and all it reaches, the same for the same behaviour."""

from __future__ import annotations

import types
from collections.abc import Callable
from hashlib import blake2b
from typing import Any
from weakref import WeakKeyDictionary

from .reach import Reach
from .values import value_text

DIGEST_BYTES = 16


class _Known:
    """A digest with what it depends on."""

    __slots__ = ("bindings", "digest", "mutable", "parts")

    def __init__(self, reach: Reach) -> None:
        self.parts = {name: _hashed(text) for name, text in reach.parts.items()}
        self.digest = _hashed("\n".join(f"{name} {part}" for name, part in sorted(self.parts.items())))
        self.bindings = reach.bindings
        self.mutable = reach.mutable

    def holds(self) -> bool:
        for namespace, name, reference in self.bindings:
            if namespace.get(name) is not reference():
                return False
        return all(value_text(value) == text for value, text in self.mutable)


_known: WeakKeyDictionary[Callable[..., Any], _Known] = WeakKeyDictionary()


def code_digest(func: Callable[..., Any]) -> str:
    """32 hexadecimal digits that change when `func`, or anything of the user's that it reaches, changes.

    Reached by name are functions, classes, tasks and module-level constants. What belongs to an installed
    package counts by its name and version. Containers that the reached code itself changes are state, not
    constants, and do not count; nor do other objects, of which only the type does.
    """
    return _of(func).digest


def code_parts(func: Callable[..., Any]) -> dict[str, str]:
    """Digest of each part that `func` reaches, by a name that a person recognises."""
    return dict(_of(func).parts)


def _of(func: Callable[..., Any]) -> _Known:
    found = _known.get(func)
    if found is None or not found.holds():
        found = _Known(Reach(func))
        if isinstance(func, types.FunctionType):
            _known[func] = found
    return found


def _hashed(text: str) -> str:
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=DIGEST_BYTES).hexdigest()
