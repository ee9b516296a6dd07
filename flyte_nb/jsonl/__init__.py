"""Records as lines of JSON: files and directories that are written and read record by record.

Specification: *Files and directories*, JSONL files.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._lazy import Finder, names_of

if TYPE_CHECKING:
    from .directory import JsonlDir as JsonlDir
    from .file import JsonlFile as JsonlFile

__all__ = ["JsonlDir", "JsonlFile"]

_HOMES = {"JsonlDir": ".directory", "JsonlFile": ".file"}


__getattr__: Finder = names_of(__name__, _HOMES)
