"""The first look at a stored frame: columns, first rows, size. The rest of the data is not read."""

from __future__ import annotations

from typing import Any

from ...models.previews import MOST_COLUMNS as MOST_COLUMNS
from ...models.previews import FramePreview as FramePreview
from . import sources
from .formats import TABLE_FORMATS, format_of_name
from .registry import DEFAULT_FORMAT

MOST_CHARACTERS = 60
LONG_NUMBER = 12
DIGITS = 10


def preview_of(uri: str, form: str = "", rows: int = 5) -> FramePreview:
    """The preview of what is stored at an address.

    Raises
    ------
    StorageError
        If it cannot be read.
    ValueError
        If nobody knows the format.
    """
    form = form or format_of_name(uri) or DEFAULT_FORMAT
    if form not in TABLE_FORMATS:
        raise ValueError(f"There are no previews of the format {form!r}; of {', '.join(TABLE_FORMATS)} there are.")
    table, count = TABLE_FORMATS[form].first_rows(uri, rows)
    table = _with_index_first(table)
    columns = table.columns[:MOST_COLUMNS]
    cells = [[_cell(column[row].as_py()) for column in columns] for row in range(table.num_rows)]
    described = [(field.name, str(field.type)) for field in table.schema]
    return FramePreview(uri, form, described, cells, count, sources.size_bytes(uri))


def _with_index_first(table: Any) -> Any:
    """What pandas had as index stands last in a file, where it may be cut off."""
    kept = (table.schema.pandas_metadata or {}).get("index_columns", [])
    index = [name for name in kept if isinstance(name, str) and table.column_names.count(name) == 1]
    return table.select([*index, *(name for name in table.column_names if name not in index)]) if index else table


def _cell(value: object) -> str:
    text = "" if value is None else str(value)
    if isinstance(value, float) and len(text) > LONG_NUMBER:
        return f"{value:.{DIGITS}g}"
    return text if len(text) <= MOST_CHARACTERS else text[: MOST_CHARACTERS - 3] + "..."
