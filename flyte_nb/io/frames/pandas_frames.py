"""pandas.DataFrame: its index is stored with it."""

from __future__ import annotations

import pandas
import pyarrow
import pyarrow.types as kinds

from ...types.transformer import TypeTransformerFailedError
from .categories import columns_of_frame, noting_categories, with_noted_categories, with_storable_categories
from .tables import register_library


class PandasLibrary:
    """Frames are made anew from the table, so that nothing done to one reaches another."""

    python_type = pandas.DataFrame

    def to_table(self, value: pandas.DataFrame) -> pyarrow.Table:
        """See `Library`."""
        try:
            table = pyarrow.Table.from_pandas(with_storable_categories(value))
        except Exception:
            _name_culprit(value)
            raise
        return _with_categories_of_text(noting_categories(table, value))

    def from_table(self, table: pyarrow.Table) -> pandas.DataFrame:
        """See `Library`."""
        return as_pandas(table)

    def schema(self, value: pandas.DataFrame) -> pyarrow.Schema:
        """See `Library`."""
        return pyarrow.Schema.from_pandas(value)

    def size_bytes(self, value: pandas.DataFrame) -> int:
        """See `Library`."""
        return int(value.memory_usage().sum())


def as_pandas(table: pyarrow.Table) -> pandas.DataFrame:
    """A table as a frame; whole numbers stay whole beside missing ones, wherever Arrow would make floats of them."""
    frame: pandas.DataFrame = table.to_pandas()
    places = {name: place for place, name in enumerate(columns_of_frame(table))}
    for name, place in places.items():
        column = table.column(name)
        of_objects = frame.dtypes.iloc[place].kind == "O"
        if of_objects and kinds.is_nested(column.type) and any(map(_has_holes_among_integers, column.chunks)):
            frame.isetitem(place, column.to_pandas(integer_object_nulls=True).to_numpy())
    return with_noted_categories(frame, table, places)


def _has_holes_among_integers(array: pyarrow.Array) -> bool:
    """Whether there are whole numbers in lists or structures of an array, and missing ones among them."""
    kind = array.type
    if kinds.is_integer(kind):
        return bool(array.null_count)
    if kinds.is_struct(kind):
        return any(map(_has_holes_among_integers, array.flatten()))
    if kinds.is_map(kind):
        return _has_holes_among_integers(array.keys) or _has_holes_among_integers(array.items)
    is_list = kinds.is_list(kind) or kinds.is_large_list(kind) or kinds.is_fixed_size_list(kind)
    return is_list and _has_holes_among_integers(array.flatten())


def _name_culprit(value: pandas.DataFrame) -> None:
    """Raise an error that names the first column that Arrow cannot hold, if it is one column's fault."""
    for place, name in enumerate(value.columns):
        try:
            pyarrow.Table.from_pandas(value.iloc[:, [place]], preserve_index=False)
        except Exception as error:
            kind, reason = value.dtypes.iloc[place], error.args[0] if error.args else error
            raise TypeTransformerFailedError(
                f"Column {name!r} of type {kind} cannot be stored: {type(error).__name__}: {reason}"
            ) from error


def _with_categories_of_text(table: pyarrow.Table) -> pyarrow.Table:
    """Parquet has no type for categories of which there is none; as texts they come back as categories."""
    for index, field in enumerate(table.schema):
        if kinds.is_dictionary(field.type) and kinds.is_null(field.type.value_type):
            nothing = pyarrow.nulls(len(table), pyarrow.dictionary(pyarrow.int8(), pyarrow.string()))
            table = table.set_column(index, field.name, nothing)
    return table


register_library(PandasLibrary())
