"""Formats in which tables are stored."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Protocol

import pyarrow

from . import csv, parquet


class TableFormat(Protocol):
    """What a format can do; a module each."""

    NAME: str
    SUFFIX: str

    def write(self, table: pyarrow.Table, sink: Any, *, is_far: bool = False) -> None:
        """Write a table to a file or a buffer, for a store that is far away or near."""

    def read(self, uri: str, columns: Sequence[Any] = ()) -> pyarrow.Table:
        """The table at an address, or some of its columns."""

    def schema(self, uri: str) -> pyarrow.Schema:
        """Names and types of the columns at an address, without the data."""

    def batches(self, uri: str, columns: Sequence[Any], batch_rows: int) -> Iterator[pyarrow.Table]:
        """The table at an address in pieces, never all in memory."""

    def first_rows(self, uri: str, count: int) -> tuple[pyarrow.Table, int]:
        """The first rows, and how many there are or -1, without the rest of the data."""


TABLE_FORMATS: dict[str, TableFormat] = {form.NAME: form for form in (parquet, csv)}

_SUFFIXES = {".parquet": "parquet", ".pq": "parquet", ".parq": "parquet", ".csv": "csv"}


def format_of_name(name: str) -> str:
    """The format that the name of a file tells, an empty text if it tells none."""
    return next((form for suffix, form in _SUFFIXES.items() if name.lower().endswith(suffix)), "")
