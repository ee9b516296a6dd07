"""The first look at a stored frame: columns, first rows, size. The rest of the data is not read."""

from __future__ import annotations

from ...models.previews import MOST_COLUMNS as MOST_COLUMNS
from ...models.previews import FramePreview as FramePreview
from . import sources
from .formats import TABLE_FORMATS, format_of_name
from .registry import DEFAULT_FORMAT

MOST_CHARACTERS = 60


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
    columns = table.columns[:MOST_COLUMNS]
    cells = [[_cell(column[row].as_py()) for column in columns] for row in range(table.num_rows)]
    described = [(field.name, str(field.type)) for field in table.schema]
    return FramePreview(uri, form, described, cells, count, sources.size_bytes(uri))


def _cell(value: object) -> str:
    text = "" if value is None else str(value)
    return text if len(text) <= MOST_CHARACTERS else text[: MOST_CHARACTERS - 3] + "..."
