"""pandas.DataFrame: its index is stored with it."""

from __future__ import annotations

import pandas
import pyarrow

from .tables import register_library


class PandasLibrary:
    """Frames are made anew from the table, so that nothing done to one reaches another."""

    python_type = pandas.DataFrame

    def to_table(self, value: pandas.DataFrame) -> pyarrow.Table:
        """See `Library`."""
        return pyarrow.Table.from_pandas(value)

    def from_table(self, table: pyarrow.Table) -> pandas.DataFrame:
        """See `Library`."""
        frame: pandas.DataFrame = table.to_pandas()
        return frame

    def schema(self, value: pandas.DataFrame) -> pyarrow.Schema:
        """See `Library`."""
        return pyarrow.Schema.from_pandas(value)

    def size_bytes(self, value: pandas.DataFrame) -> int:
        """See `Library`."""
        return int(value.memory_usage().sum())


register_library(PandasLibrary())
