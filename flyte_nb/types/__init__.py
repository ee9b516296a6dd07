"""Python values to literals and back.

Specification: *Custom types*, *Data classes and structures*.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._lazy import Finder, names_of

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
    "FlytePickle": ".pickled",
    "HashFunction": ".hashing",
    "Renderable": ".html",
    "TypeEngine": ".engine",
    "TypeTransformer": ".transformer",
    "TypeTransformerFailedError": ".transformer",
}


__getattr__: Finder = names_of(__name__, _HOMES)
