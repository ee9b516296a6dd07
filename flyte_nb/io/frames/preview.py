"""The first look at a stored frame: columns, first rows, size. The rest of the data is not read."""

from __future__ import annotations

import html
from dataclasses import dataclass

from . import sources
from .formats import TABLE_FORMATS, format_of_name
from .registry import DEFAULT_FORMAT

MOST_COLUMNS = 50
MOST_CHARACTERS = 60


@dataclass(frozen=True)
class FramePreview:
    """What a frame is.

    Attributes
    ----------
    uri, format : str
    columns : list of (name, type)
    rows : list of list of str
        The first rows, cells as text; the columns may be fewer than all.
    row_count : int
        -1 where only reading all of it would tell.
    size_bytes : int
        As stored.
    """

    uri: str
    format: str
    columns: list[tuple[str, str]]
    rows: list[list[str]]
    row_count: int
    size_bytes: int

    @property
    def shape(self) -> str:
        """Rows, columns and size as text."""
        rows = f"{self.row_count:,} rows" if self.row_count >= 0 else "rows not counted"
        return f"{rows}, {len(self.columns):,} columns, {_size(self.size_bytes)} of {self.format}"

    def __repr__(self) -> str:
        shown = ", ".join(f"{name}: {kind}" for name, kind in self.columns[:MOST_COLUMNS])
        return f"<frame of {self.shape}: {shown}>"

    def _repr_html_(self) -> str:
        head = "".join(
            f"<th>{html.escape(name)}<br><small>{html.escape(kind)}</small></th>"
            for name, kind in self.columns[:MOST_COLUMNS]
        )
        rows = "".join("<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row) + "</tr>" for row in self.rows)
        return f"<table><caption>{self.shape}</caption><tr>{head}</tr>{rows}</table>"


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


def _size(size: int) -> str:
    for unit in ("bytes", "kB", "MB"):
        if size < 1000:
            return f"{size:,.0f} {unit}" if unit == "bytes" else f"{size:.1f} {unit}"
        size /= 1000  # type: ignore[assignment]
    return f"{size:.1f} GB"
