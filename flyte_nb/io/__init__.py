"""Stored data by reference: what tasks pass on is an address, the bytes stay where they are.

Specification: *Files and directories*, *DataFrames*.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..types.hashing import HashFunction as HashFunction
    from . import extend as extend
    from .dataframe import DataFrame as DataFrame
    from .directory import Dir as Dir
    from .file import File as File

__all__ = ["DataFrame", "Dir", "File", "HashFunction", "extend"]

_HOMES = {"DataFrame": ".dataframe", "Dir": ".directory", "File": ".file", "HashFunction": "..types.hashing"}


def __getattr__(name: str) -> Any:
    from importlib import import_module

    if name == "extend":
        return import_module(".extend", __name__)
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(_HOMES[name], __name__), name)
    globals()[name] = value
    return value
