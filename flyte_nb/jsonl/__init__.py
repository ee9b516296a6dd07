"""Records as lines of JSON: files and directories that are written and read record by record.

Specification: *Files and directories*, JSONL files.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .directory import JsonlDir as JsonlDir
    from .file import JsonlFile as JsonlFile

__all__ = ["JsonlDir", "JsonlFile"]

_HOMES = {"JsonlDir": "directory", "JsonlFile": "file"}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(f".{_HOMES[name]}", __name__), name)
    globals()[name] = value
    return value
