"""What a frame is, at a first look."""

from __future__ import annotations

import html
from dataclasses import dataclass

MOST_COLUMNS = 50


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


def _size(size: int) -> str:
    for unit in ("bytes", "kB", "MB"):
        if size < 1000:
            return f"{size:,.0f} {unit}" if unit == "bytes" else f"{size:.1f} {unit}"
        size /= 1000  # type: ignore[assignment]
    return f"{size:.1f} GB"
