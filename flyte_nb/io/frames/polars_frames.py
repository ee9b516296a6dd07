"""polars.DataFrame, and polars.LazyFrame, which scans the stored file."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import TYPE_CHECKING, Any

import polars
import pyarrow
from flyteidl2.core.literals_pb2 import StructuredDataset, StructuredDatasetMetadata
from flyteidl2.core.types_pb2 import StructuredDatasetType

from ...storage.addresses import local_path
from ...types.transformer import TypeTransformerFailedError
from . import sources
from .formats import TABLE_FORMATS, TableFormat
from .handlers import DataFrameDecoder, DataFrameEncoder
from .nameless import is_nameless_index, without_nameless_index
from .registry import DataFrameTransformerEngine
from .storing import store_file
from .tables import LIBRARIES, read_table, register_library, stored

if TYPE_CHECKING:
    from ..dataframe import DataFrame


class PolarsLibrary:
    """Data that polars and Arrow share is never written to; a nameless index of pandas is left out."""

    python_type = polars.DataFrame

    def to_table(self, value: polars.DataFrame) -> pyarrow.Table:
        """See `Library`."""
        _check_storable(value.schema)
        return value.to_arrow(compat_level=polars.CompatLevel.oldest())

    def from_table(self, table: pyarrow.Table) -> polars.DataFrame:
        """See `Library`."""
        table = without_nameless_index(table)
        try:
            found = polars.from_arrow(table)
        except polars.exceptions.PanicException as error:  # no Exception, which nobody would expect of bad data
            columns = ", ".join(f"{field.name} ({field.type})" for field in table.schema)
            raise TypeTransformerFailedError(
                f"polars cannot hold a frame with the columns {columns}: {error}."
            ) from None
        assert isinstance(found, polars.DataFrame)
        found.columns = table.column_names  # it renames what has no name
        return found

    def schema(self, value: polars.DataFrame) -> pyarrow.Schema:
        """See `Library`."""
        return self.to_table(value.head(0)).schema

    def size_bytes(self, value: polars.DataFrame) -> int:
        """See `Library`."""
        return int(value.estimated_size())


class LazyPolarsLibrary:
    """Lazy frames in memory."""

    python_type = polars.LazyFrame

    def to_table(self, value: polars.LazyFrame) -> pyarrow.Table:
        """See `Library`."""
        return _eager.to_table(value.collect())

    def from_table(self, table: pyarrow.Table) -> polars.LazyFrame:
        """See `Library`."""
        return _eager.from_table(table).lazy()

    def schema(self, value: polars.LazyFrame) -> pyarrow.Schema:
        """See `Library`."""
        return _eager.schema(polars.DataFrame(schema=value.collect_schema()))

    def size_bytes(self, value: polars.LazyFrame) -> int:
        """Not known before it is computed."""
        return 1 << 62


class LazyEncoder(DataFrameEncoder[polars.LazyFrame]):
    """Computes a lazy frame into a file, piece by piece."""

    def __init__(self, form: TableFormat) -> None:
        super().__init__(polars.LazyFrame, supported_format=form.NAME)
        self._form = form

    async def encode(self, dataframe: DataFrame, structured_dataset_type: StructuredDatasetType) -> StructuredDataset:
        """See `DataFrameEncoder`."""
        names = [column.name for column in structured_dataset_type.columns]
        value = dataframe.val.select(names) if names else dataframe.val
        sink = value.sink_csv if self._form.NAME == "csv" else value.sink_parquet

        def write(path: str) -> None:
            _check_storable(value.collect_schema())
            sink(path, mkdir=False)

        return stored(await asyncio.to_thread(store_file, self._form, write), structured_dataset_type)


class LazyDecoder(DataFrameDecoder[polars.LazyFrame]):
    """Scans the stored file: what a query does not need is not read."""

    def __init__(self, form: TableFormat) -> None:
        super().__init__(polars.LazyFrame, supported_format=form.NAME)
        self._form = form

    async def decode(
        self, flyte_value: StructuredDataset, current_task_metadata: StructuredDatasetMetadata
    ) -> polars.LazyFrame:
        """See `DataFrameDecoder`."""
        columns = current_task_metadata.structured_dataset_type.columns
        return await asyncio.to_thread(self._scan, flyte_value.uri, columns)

    async def batches(
        self, flyte_value: StructuredDataset, current_task_metadata: StructuredDatasetMetadata, batch_rows: int
    ) -> AsyncIterator[polars.LazyFrame]:
        """See `DataFrameDecoder`."""
        columns = current_task_metadata.structured_dataset_type.columns
        pieces = self._form.batches(flyte_value.uri, columns, batch_rows)
        while (piece := await asyncio.to_thread(next, pieces, None)) is not None:
            yield _eager.from_table(piece).lazy()

    def _scan(self, uri: str, columns: Any) -> polars.LazyFrame:
        path = local_path(uri)
        if self._form.NAME == "csv" and (path is None or columns):
            return _eager.from_table(read_table(uri, self._form, columns)).lazy()
        sources.verify_small(uri)
        schema = self._form.schema(uri)  # a file that is none is noticed here, by its name
        found: polars.LazyFrame
        if path is None:
            found = polars.scan_pyarrow_dataset(sources.dataset_of(uri, self._form.NAME))
        elif self._form.NAME == "csv":
            found = polars.scan_csv(path, try_parse_dates=True, glob=False)
        else:
            is_folder = sources.is_folder(uri)
            found = polars.scan_parquet(path, glob=is_folder)
        names = [column.name for column in columns]
        if names:
            return found.select(names)
        nameless = [name for name in schema.names if is_nameless_index(name)]
        return found.drop(nameless) if nameless else found


_STORABLE_BY_NOBODY = ("Object", "Int128", "UInt128")
"""What Arrow has no type for. Objects would be stored as their addresses in memory."""


def _check_storable(schema: polars.Schema) -> None:
    for name, kind in schema.items():
        odd = next((part for part in _parts(kind) if part in _STORABLE_BY_NOBODY), None)
        if odd is not None:
            raise TypeTransformerFailedError(
                f"Column {name!r} is {kind}, and {odd} cannot be stored. Cast it, for instance to text or a Decimal."
            )


def _parts(kind: Any) -> Iterator[str]:
    yield kind.base_type().__name__
    inner = (
        [field.dtype for field in kind.fields] if isinstance(kind, polars.Struct) else [getattr(kind, "inner", None)]
    )
    for part in inner:
        if part is not None:
            yield from _parts(part)


_eager = PolarsLibrary()
register_library(_eager)
LIBRARIES[polars.LazyFrame] = LazyPolarsLibrary()
for _form in TABLE_FORMATS.values():
    DataFrameTransformerEngine._add(LazyEncoder(_form))
    DataFrameTransformerEngine._add(LazyDecoder(_form))
