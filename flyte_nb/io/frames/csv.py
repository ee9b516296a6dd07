"""CSV: types are found in the values, or declared."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pyarrow
import pyarrow.csv
import pyarrow.types as kinds

from ...types.transformer import TypeTransformerFailedError
from . import sources
from .hints import arrow_type_of
from .nameless import without_nameless_index

NAME = "csv"
SUFFIX = ".csv"
BLOCK_BYTES = 2**20


def write(table: pyarrow.Table, sink: Any, *, is_far: bool = False) -> None:
    """Write a table to a file or a buffer, the same wherever that will lie.

    Raises
    ------
    TypeTransformerFailedError
        If a column holds lists or the like.
    """
    pyarrow.csv.write_csv(_flat(without_nameless_index(table)), sink)


def read(uri: str, columns: Sequence[Any] = ()) -> pyarrow.Table:
    """The table at an address; declared `columns` are read alone, as what they are declared.

    Raises
    ------
    StorageError
        If a row has too many or too few cells, or a cell is not what its column is; the message has the row.
    """
    with sources.whole(uri) as file:
        data = file.read_buffer()
    try:
        return _parse(pyarrow.BufferReader(data), columns, use_threads=True)
    except pyarrow.ArrowInvalid:
        with sources.readable_as("CSV", uri):  # one thread knows which row it is at
            return _parse(pyarrow.BufferReader(data), columns, use_threads=False)


def schema(uri: str) -> pyarrow.Schema:
    """Names of the columns at an address, with the types of the first values."""
    with _reader(uri, ()) as opened:
        return opened.schema


def batches(uri: str, columns: Sequence[Any], batch_rows: int) -> Iterator[pyarrow.Table]:
    """The table at an address in pieces of at most `batch_rows` rows. The first block decides about types."""
    sources.verify(uri)
    with _reader(uri, columns) as opened:
        while True:
            with sources.readable_as("CSV", uri):
                batch = next(iter(opened), None)
            if batch is None:
                return
            for start in range(0, len(batch), batch_rows):
                yield pyarrow.Table.from_batches([batch.slice(start, batch_rows)])


def first_rows(uri: str, count: int) -> tuple[pyarrow.Table, int]:
    """The first rows, and -1: how many there are shows only at the end."""
    with _reader(uri, ()) as opened, sources.readable_as("CSV", uri):
        batch = next(iter(opened), None)
        table = opened.schema.empty_table() if batch is None else pyarrow.Table.from_batches([batch])
        return table.slice(0, count), -1


class _reader:
    def __init__(self, uri: str, columns: Sequence[Any]) -> None:
        self._uri, self._columns = uri, columns
        self._file = sources.in_parts(uri)

    def __enter__(self) -> Any:
        file = self._file.__enter__()
        with sources.readable_as("CSV", self._uri):
            return pyarrow.csv.open_csv(
                file,
                read_options=pyarrow.csv.ReadOptions(use_threads=False),
                convert_options=_conversion(self._columns),
            )

    def __exit__(self, *raised: Any) -> None:
        self._file.__exit__(*raised)


def _parse(file: pyarrow.NativeFile, columns: Sequence[Any], *, use_threads: bool) -> pyarrow.Table:
    return pyarrow.csv.read_csv(
        file,
        read_options=pyarrow.csv.ReadOptions(use_threads=use_threads),
        parse_options=pyarrow.csv.ParseOptions(newlines_in_values=True),
        convert_options=_conversion(columns),
    )


def _conversion(columns: Sequence[Any]) -> pyarrow.csv.ConvertOptions:
    declared = {column.name: arrow_type_of(column.literal_type) for column in columns}
    return pyarrow.csv.ConvertOptions(
        column_types={name: kind for name, kind in declared.items() if kind is not None},
        include_columns=list(declared),
        strings_can_be_null=True,
        quoted_strings_can_be_null=False,
    )


def _flat(table: pyarrow.Table) -> pyarrow.Table:
    for index, field in enumerate(table.schema):
        if kinds.is_dictionary(field.type):
            table = table.set_column(index, field.name, table.column(index).cast(field.type.value_type))
        elif kinds.is_nested(field.type):
            raise TypeTransformerFailedError(
                f"Column {field.name!r} is {field.type}, which CSV cannot hold. Store the frame as Parquet:"
                ' Annotated[..., "parquet"].'
            )
    return table
