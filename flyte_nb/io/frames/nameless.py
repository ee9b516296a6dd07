"""The index that pandas stores as a column when it is neither named nor a plain count."""

from __future__ import annotations

import re
from typing import Any

_NAMELESS_INDEX = re.compile(r"__index_level_\d+__")


def is_nameless_index(column: str) -> bool:
    """Whether a column is one that only pandas knows what to do with."""
    return _NAMELESS_INDEX.fullmatch(column) is not None


def without_nameless_index(table: Any) -> Any:
    """An Arrow table, or a polars frame, without such columns."""
    names = table.column_names if hasattr(table, "column_names") else table.columns
    found = [name for name in names if is_nameless_index(name)]
    if not found:
        return table
    return table.drop_columns(found) if hasattr(table, "drop_columns") else table.drop(found)
