"""Stored data by reference: what tasks pass on is an address, the bytes stay where they are.

Specification: *Files and directories*.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .directory import Dir as Dir
    from .file import File as File

__all__ = ["Dir", "File"]

_HOMES = {"Dir": "directory", "File": "file"}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(f".{_HOMES[name]}", __name__), name)
    globals()[name] = value
    return value
