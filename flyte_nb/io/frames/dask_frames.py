"""dask.dataframe.DataFrame: written partition by partition into one file, read row group by row group."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import dask.base
import dask.dataframe
import pandas
import pyarrow
from flyteidl2.core.literals_pb2 import StructuredDataset, StructuredDatasetMetadata
from flyteidl2.core.types_pb2 import StructuredDatasetType

from . import parquet, sources
from .formats import TABLE_FORMATS, TableFormat
from .handlers import DataFrameDecoder, DataFrameEncoder
from .pandas_frames import as_pandas
from .registry import DataFrameTransformerEngine
from .storing import store_file
from .tables import LIBRARIES, read_table, stored

if TYPE_CHECKING:
    from ..dataframe import DataFrame


class DaskLibrary:
    """Dask frames in memory: partitions are pandas frames."""

    python_type = dask.dataframe.DataFrame

    def to_table(self, value: Any) -> pyarrow.Table:
        """See `Library`."""
        return pyarrow.Table.from_pandas(value.compute())

    def from_table(self, table: pyarrow.Table) -> Any:
        """See `Library`."""
        return _from_pandas(as_pandas(table), npartitions=1)

    def schema(self, value: Any) -> pyarrow.Schema:
        """See `Library`."""
        return pyarrow.Schema.from_pandas(value._meta)

    def size_bytes(self, value: Any) -> int:
        """Not known before it is computed."""
        return 1 << 62


class DaskEncoder(DataFrameEncoder[Any]):
    """Computes as many partitions at once as there are processors, and writes each before the next."""

    def __init__(self, form: TableFormat) -> None:
        super().__init__(dask.dataframe.DataFrame, supported_format=form.NAME)
        self._form = form

    async def encode(self, dataframe: DataFrame, structured_dataset_type: StructuredDatasetType) -> StructuredDataset:
        """See `DataFrameEncoder`."""
        names = [column.name for column in structured_dataset_type.columns]
        value = dataframe.val[names] if names else dataframe.val
        write = _write_csv if self._form.NAME == "csv" else _write_parquet
        uri = await asyncio.to_thread(store_file, self._form, lambda path: write(value, path))
        return stored(uri, structured_dataset_type)


class DaskDecoder(DataFrameDecoder[Any]):
    """Reads a row group when Dask computes its partition."""

    def __init__(self, form: TableFormat) -> None:
        super().__init__(dask.dataframe.DataFrame, supported_format=form.NAME)
        self._form = form

    async def decode(self, flyte_value: StructuredDataset, current_task_metadata: StructuredDatasetMetadata) -> Any:
        """See `DataFrameDecoder`."""
        columns = current_task_metadata.structured_dataset_type.columns
        return await asyncio.to_thread(self._read, flyte_value.uri, columns)

    def _read(self, uri: str, columns: Any) -> Any:
        if self._form.NAME == "csv":
            return _in_memory.from_table(read_table(uri, self._form, columns))
        sources.verify_small(uri)
        self._form.schema(uri)  # a file that is none is noticed here, by its name
        names = [column.name for column in columns] or None
        return dask.dataframe.read_parquet(uri, columns=names, split_row_groups=True)


def _write_parquet(value: Any, path: str) -> None:
    schema: pyarrow.Schema | None = None
    writer = None
    try:
        for part in _computed(value):
            table = pyarrow.Table.from_pandas(part, schema=schema)
            if writer is None:
                schema = _schema_of(table.schema, value)
                writer = parquet.writer(path, schema)
            writer.write_table(table.cast(schema))
    finally:
        if writer is not None:
            writer.close()


def _write_csv(value: Any, path: str) -> None:
    with open(path, "w", encoding="utf-8", newline="") as file:
        for number, part in enumerate(_computed(value)):
            part.to_csv(file, header=number == 0, index=False)


def _computed(value: Any) -> Iterator[pandas.DataFrame]:
    parts = value.to_delayed()
    at_once = os.cpu_count() or 1
    for start in range(0, len(parts), at_once):
        yield from _compute(*parts[start : start + at_once])


def _schema_of(first: pyarrow.Schema, value: Any) -> pyarrow.Schema:
    """The schema of the first partition; a column that is all missing there has the type that Dask knows."""
    known = pyarrow.Schema.from_pandas(value._meta)
    for index, field in enumerate(first):
        if pyarrow.types.is_null(field.type) and field.name in known.names:
            first = first.set(index, field.with_type(known.field(field.name).type))
    return first


_compute: Any = dask.base.compute
_from_pandas: Any = dask.dataframe.from_pandas
_in_memory = DaskLibrary()
LIBRARIES[dask.dataframe.DataFrame] = _in_memory
for _form in TABLE_FORMATS.values():
    DataFrameTransformerEngine._add(DaskEncoder(_form))
    DataFrameTransformerEngine._add(DaskDecoder(_form))
