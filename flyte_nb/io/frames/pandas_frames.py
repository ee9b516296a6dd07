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
        return _with_categories_of_text(pyarrow.Table.from_pandas(value))

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


def _with_categories_of_text(table: pyarrow.Table) -> pyarrow.Table:
    """Parquet has no type for categories of which there is none; as texts they come back as categories."""
    for index, field in enumerate(table.schema):
        if pyarrow.types.is_dictionary(field.type) and pyarrow.types.is_null(field.type.value_type):
            nothing = pyarrow.nulls(len(table), pyarrow.dictionary(pyarrow.int8(), pyarrow.string()))
            table = table.set_column(index, field.name, nothing)
    return table


register_library(PandasLibrary())
