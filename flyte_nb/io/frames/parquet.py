"""Parquet: what frames are stored as unless something else is declared."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pyarrow
import pyarrow.parquet
import pyarrow.types as kinds

from . import sources

NAME = "parquet"
SUFFIX = ".parquet"
PAGE_BYTES = 64 * 1024
DICTIONARY_BYTES = 64 * 1024
ROWS_OF_A_GROUP = 2**18
CODEC = "snappy"


def write(table: pyarrow.Table, sink: Any, *, is_far: bool = False) -> None:
    """Write a table to a file or a buffer."""
    with writer(sink, table.schema, is_far=is_far) as opened:
        opened.write_table(table, row_group_size=ROWS_OF_A_GROUP)


def writer(sink: Any, schema: pyarrow.Schema, *, is_far: bool = False) -> Any:
    """What takes tables of that schema one by one.

    Texts get shorter by dictionaries and compression, whole numbers by their differences; measurements take longer to
    compress and are hardly shorter. So what stays on this machine is compressed where that pays, and what travels to
    a store far away, or has lists and structures, as a whole. The least and the greatest text of a group take longer
    to find than a query saves here.
    """
    numbers = [field.name for field in schema if kinds.is_primitive(field.type)]
    texts = [field.name for field in schema if not kinds.is_primitive(field.type)]
    in_full = is_far or any(kinds.is_nested(field.type) for field in schema)
    return pyarrow.parquet.ParquetWriter(
        sink,
        schema,
        compression=CODEC if in_full else {name: CODEC for name in texts},
        use_dictionary=texts or False,
        dictionary_pagesize_limit=DICTIONARY_BYTES,
        write_statistics=in_full or numbers or False,
        column_encoding={field.name: "DELTA_BINARY_PACKED" for field in schema if _is_whole_number(field.type)},
    )


def read(uri: str, columns: Sequence[Any] = ()) -> pyarrow.Table:
    """The table at an address; `columns` are the declared ones to read, all if there are none.

    Raises
    ------
    StorageError
        If it is damaged; the message says where, and which column it is.
    """
    names = [column.name for column in columns] or None
    if sources.is_folder(uri):
        with sources.readable_as("Parquet", uri):
            found = sources.dataset_of(uri, NAME)
            return found.to_table(names)
    with sources.whole(uri) as file:
        try:
            return pyarrow.parquet.ParquetFile(file, page_checksum_verification=True).read(names)
        except (pyarrow.ArrowException, OSError) as error:
            with sources.readable_as(f"Parquet{_place_of_damage(file, names)}", uri):
                raise error


def schema(uri: str) -> pyarrow.Schema:
    """Names and types of the columns at an address, from the footer alone."""
    if sources.is_folder(uri):
        with sources.readable_as("Parquet", uri):
            return sources.dataset_of(uri, NAME).schema
    with sources.in_parts(uri) as file, sources.readable_as("Parquet", uri):
        return pyarrow.parquet.ParquetFile(file).schema_arrow


def batches(uri: str, columns: Sequence[Any], batch_rows: int) -> Iterator[pyarrow.Table]:
    """The table at an address in pieces of at most `batch_rows` rows; memory holds a piece and its surroundings."""
    names = [column.name for column in columns] or None
    if sources.is_folder(uri):
        with sources.readable_as("Parquet", uri):
            found = sources.dataset_of(uri, NAME)
            for batch in found.to_batches(
                columns=names, batch_size=batch_rows, batch_readahead=1, fragment_readahead=1
            ):
                yield pyarrow.Table.from_batches([batch])
        return
    sources.verify(uri)
    with sources.in_parts(uri) as file:
        with sources.readable_as("Parquet", uri):
            opened = pyarrow.parquet.ParquetFile(file, pre_buffer=False, buffer_size=PAGE_BYTES)
            pieces = opened.iter_batches(batch_rows, columns=names)
        while True:
            with sources.readable_as("Parquet", uri):
                batch = next(pieces, None)
            if batch is None:
                return
            yield pyarrow.Table.from_batches([batch])


def first_rows(uri: str, count: int) -> tuple[pyarrow.Table, int]:
    """The first rows, and how many there are: from the footer and the first pages of each column alone."""
    if sources.is_folder(uri):
        with sources.readable_as("Parquet", uri):
            found = sources.dataset_of(uri, NAME)
            return found.head(count), found.count_rows()
    with sources.in_parts(uri) as file, sources.readable_as("Parquet", uri):
        opened = pyarrow.parquet.ParquetFile(file, pre_buffer=False, buffer_size=PAGE_BYTES)
        first = next(opened.iter_batches(count), None)
        table = opened.schema_arrow.empty_table() if first is None else pyarrow.Table.from_batches([first])
        return table.slice(0, count), opened.metadata.num_rows


def _is_whole_number(kind: pyarrow.DataType) -> bool:
    """Whether its values are numbers of 32 or 64 bits, whatever they count."""
    return bool((kinds.is_integer(kind) and kind.bit_width >= 32) or kinds.is_timestamp(kind) or kinds.is_date32(kind))


def _place_of_damage(file: pyarrow.NativeFile, names: list[str] | None) -> str:
    """The first row group and column that cannot be read, for a message."""
    try:
        file.seek(0)
        opened = pyarrow.parquet.ParquetFile(file, page_checksum_verification=True)
    except Exception:
        return " (its footer)"
    for group in range(opened.num_row_groups):
        for name in names or opened.schema_arrow.names:
            try:
                opened.read_row_group(group, [name])
            except Exception:
                return f" (row group {group}, column {name!r})"
    return ""
