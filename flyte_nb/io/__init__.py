"""Stored data by reference: what tasks pass on is an address, the bytes stay where they are.

Specification: *Files and directories*, *DataFrames*.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._lazy import Finder, names_of

if TYPE_CHECKING:
    from ..types.hashing import HashFunction as HashFunction
    from . import extend as extend
    from .dataframe import DataFrame as DataFrame
    from .directory import Dir as Dir
    from .file import File as File

__all__ = ["DataFrame", "Dir", "File", "HashFunction", "extend"]

_HOMES = {"DataFrame": ".dataframe", "Dir": ".directory", "File": ".file", "HashFunction": "..types.hashing"}


__getattr__: Finder = names_of(__name__, _HOMES, ("extend",))
