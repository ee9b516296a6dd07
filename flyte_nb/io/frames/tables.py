"""Encoders and decoders of every library whose frames are a table in memory. They meet in Arrow, and nowhere else."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import pyarrow
from flyteidl2.core.literals_pb2 import StructuredDataset, StructuredDatasetMetadata
from flyteidl2.core.types_pb2 import StructuredDatasetType

from ...storage.addresses import local_path
from ...types.transformer import TypeTransformerFailedError
from . import sources
from .at_hand import frames_at_hand
from .formats import TABLE_FORMATS, TableFormat
from .handlers import DataFrameDecoder, DataFrameEncoder
from .hints import FrameHints
from .registry import DataFrameTransformerEngine, load_own
from .storing import store_table, writable_as

if TYPE_CHECKING:
    from ..dataframe import DataFrame

R = TypeVar("R")

THREAD_FROM_BYTES = 1_000_000


class Library(Protocol):
    """How frames of one type become an Arrow table and come from one."""

    python_type: Any

    def to_table(self, value: Any) -> pyarrow.Table:
        """The frame as a table."""

    def from_table(self, table: pyarrow.Table) -> Any:
        """A table as a frame that nobody else can change."""

    def schema(self, value: Any) -> pyarrow.Schema:
        """Names and types of the columns of a frame."""

    def size_bytes(self, value: Any) -> int:
        """Roughly what a frame takes in memory."""


class TableEncoder(DataFrameEncoder[Any]):
    """Stores frames of one library in one format."""

    def __init__(self, library: Library, form: TableFormat) -> None:
        super().__init__(library.python_type, supported_format=form.NAME)
        self._library, self._form = library, form

    async def encode(self, dataframe: DataFrame, structured_dataset_type: StructuredDatasetType) -> StructuredDataset:
        """See `DataFrameEncoder`."""
        value = dataframe.val
        is_large = self._library.size_bytes(value) > THREAD_FROM_BYTES
        names = [column.name for column in structured_dataset_type.columns]
        uri = await off_loop(is_large, lambda: self._store(value, names))
        return stored(uri, structured_dataset_type)

    def _store(self, value: Any, names: list[str]) -> str:
        with writable_as(self.supported_format):
            table = self._library.to_table(value)
        return store_table(table.select(names) if names else table, self._form)


class TableDecoder(DataFrameDecoder[Any]):
    """Reads what is stored in one format as frames of one library."""

    def __init__(self, library: Library, form: TableFormat) -> None:
        super().__init__(library.python_type, supported_format=form.NAME)
        self._library, self._form = library, form

    async def decode(self, flyte_value: StructuredDataset, current_task_metadata: StructuredDatasetMetadata) -> Any:
        """See `DataFrameDecoder`."""
        uri, columns = flyte_value.uri, current_task_metadata.structured_dataset_type.columns
        return await off_loop(is_large(uri), lambda: self._library.from_table(read_table(uri, self._form, columns)))

    async def batches(
        self, flyte_value: StructuredDataset, current_task_metadata: StructuredDatasetMetadata, batch_rows: int
    ) -> AsyncIterator[Any]:
        """See `DataFrameDecoder`."""
        columns = current_task_metadata.structured_dataset_type.columns
        pieces = self._form.batches(flyte_value.uri, columns, batch_rows)
        while (piece := await asyncio.to_thread(next, pieces, None)) is not None:
            yield self._library.from_table(piece)


def read_table(uri: str, form: TableFormat, columns: Any = ()) -> pyarrow.Table:
    """The table at an address, from hand if it was just stored here."""
    table = frames_at_hand.table(uri)
    if table is None:
        return form.read(uri, columns)
    return table.select([column.name for column in columns]) if columns else table


def is_large(uri: str) -> bool:
    """Whether reading what is at an address should not hold up the loop."""
    return local_path(uri) is None or sources.size_bytes(uri) > THREAD_FROM_BYTES


async def off_loop(is_large: bool, work: Callable[[], R]) -> R:
    """What `work` gives, made on a thread if it is much."""
    return await asyncio.to_thread(work) if is_large else work()


def stored(uri: str, described: StructuredDatasetType) -> StructuredDataset:
    """An address as the message that encoders give."""
    return StructuredDataset(uri=uri, metadata=StructuredDatasetMetadata(structured_dataset_type=described))


def register_library(library: Library) -> None:
    """Store and read frames of a library in all formats of tables."""
    for form in TABLE_FORMATS.values():
        DataFrameTransformerEngine._add(TableEncoder(library, form))
        DataFrameTransformerEngine._add(TableDecoder(library, form))
    LIBRARIES[library.python_type] = library


LIBRARIES: dict[type, Library] = {}


def library_for(python_type: type) -> Library | None:
    """The library of a type of frames, None if it is none that meets in Arrow."""
    load_own(python_type)
    return next((LIBRARIES[kind] for kind in python_type.__mro__ if kind in LIBRARIES), None)


def converted(value: Any, python_type: type, hints: FrameHints) -> Any:
    """A frame in memory as one of another type, through Arrow, with the declared columns alone.

    Raises
    ------
    TypeTransformerFailedError
        If one of both does not meet in Arrow, or it has not those columns.
    """
    given, wanted = library_for(type(value)), library_for(python_type)
    if given is None or wanted is None:
        raise TypeTransformerFailedError(
            f"A {type(value).__qualname__} in memory cannot become a {python_type.__qualname__}: return it from a task,"
            " then open what the task gave."
        )
    with writable_as("an Arrow table"):
        table = given.to_table(value)
        hints.check(table.schema, "The frame")
        return wanted.from_table(table.select(list(hints.columns)) if hints.columns else table)
