"""Values as text that is the same in every process."""

from __future__ import annotations

import datetime
import decimal
import enum
import pathlib
import re
import uuid
from collections.abc import Iterable
from hashlib import blake2b
from typing import Any

_BY_REPR = (bool, int, float, complex, str, type(None), type(Ellipsis), range, decimal.Decimal, uuid.UUID)
_TIMES = (datetime.datetime, datetime.date, datetime.time, datetime.timedelta, datetime.timezone)
_MAX_DEPTH = 50

MUTABLE = (list, dict, set, bytearray)


def value_text(value: Any, depth: int = 0) -> str | None:
    """Text of a constant; None for an object that is no constant."""
    kind = type(value)
    if kind in _BY_REPR:
        return f"{kind.__name__} {value!r}"
    if depth > _MAX_DEPTH:
        return "..."
    if kind in (bytes, bytearray):
        return f"{kind.__name__} {blake2b(value, digest_size=16).hexdigest()}"
    if kind in (tuple, list):
        return _joined(kind.__name__, [value_text(item, depth + 1) for item in value])
    if kind in (set, frozenset):
        texts = [value_text(item, depth + 1) for item in value]
        return _joined(kind.__name__, sorted(texts, key=str))
    if kind is dict:
        return _joined("dict", [value_text(part, depth + 1) for item in value.items() for part in item])
    if isinstance(value, enum.Enum):
        return f"{kind.__qualname__}.{value.name}"
    if kind in _TIMES or isinstance(value, pathlib.PurePath):
        return f"{kind.__name__} {value!s}"
    if isinstance(value, re.Pattern):
        return f"pattern {value.pattern!r} {value.flags}"
    return None


def _joined(name: str, parts: Iterable[str | None]) -> str | None:
    known = []
    for part in parts:
        if part is None:
            return None
        known.append(part)
    return f"{name} [{', '.join(known)}]"
