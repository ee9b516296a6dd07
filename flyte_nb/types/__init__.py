"""Python values to literals and back.

Specification: *Custom types*, *Data classes and structures*.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .engine import TypeEngine as TypeEngine
    from .hashing import HashFunction as HashFunction
    from .html import Renderable as Renderable
    from .pickled import FlytePickle as FlytePickle
    from .transformer import TypeTransformer as TypeTransformer
    from .transformer import TypeTransformerFailedError as TypeTransformerFailedError

__all__ = [
    "FlytePickle",
    "HashFunction",
    "Renderable",
    "TypeEngine",
    "TypeTransformer",
    "TypeTransformerFailedError",
]

_HOMES = {
    "FlytePickle": "pickled",
    "HashFunction": "hashing",
    "Renderable": "html",
    "TypeEngine": "engine",
    "TypeTransformer": "transformer",
    "TypeTransformerFailedError": "transformer",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(f".{_HOMES[name]}", __name__), name)
    globals()[name] = value
    return value
