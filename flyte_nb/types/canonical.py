"""One text for equal values that are pickled: the pickle itself differs from process to process.

It names a notebook's classes by random numbers, writes sets in the order of their hashes, and writes a text once
or twice depending on whether two equal texts are one object.
"""

from __future__ import annotations

import io
import pickle
import types
from hashlib import blake2b
from typing import Any

from .._code.digest import Depth, code_digest, known_code
from .._code.ownership import is_users

_MOST_OBJECTS = 200_000


class _TooManyError(Exception):
    """Shared objects are written once per mention, so the text may become far longer than the value."""


def canonical_digest(value: Any, pickled: bytes) -> str:
    """32 hexadecimal digits, the same for equal values; those of `pickled` if there is no other text."""
    try:
        text = _text(value, _Counter())
    except Exception:
        text = pickled
    return blake2b(text, digest_size=16).hexdigest()


class _Counter:
    def __init__(self) -> None:
        self.left = _MOST_OBJECTS
        self._codes: dict[type, str] = {}

    def code_of(self, kind: type) -> str:
        """The digest of a class of the user's, whose methods may be called; what is large is not read anew."""
        found = self._codes.get(kind)
        if found is None:
            found = self._codes[kind] = known_code(kind, Depth.SMALL).digest if is_users(kind) else ""
        return found


def _text(value: Any, counter: _Counter) -> bytes:
    buffer = io.BytesIO()
    pickler = _Pickler(buffer, counter)
    pickler.fast = True  # equal objects and one object twice are written alike
    pickler.dump(value)
    return buffer.getvalue()


class _Pickler(pickle.Pickler):
    def __init__(self, buffer: io.BytesIO, counter: _Counter) -> None:
        super().__init__(buffer, protocol=5)
        self._counter = counter

    def persistent_id(self, obj: Any) -> Any:
        kind = type(obj)
        counter = self._counter
        counter.left -= 1
        if counter.left < 0:
            raise _TooManyError
        if kind is set or kind is frozenset:
            return (kind.__name__, sorted(_text(item, counter) for item in obj))
        if isinstance(obj, type):
            return ("type", obj.__module__, obj.__qualname__, counter.code_of(obj))
        if kind is types.FunctionType:
            return ("function", code_digest(obj))
        if kind is types.ModuleType:
            return ("module", obj.__name__)
        return None
