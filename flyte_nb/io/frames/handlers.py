"""What encodes frames of one type in one format, and what decodes them: the interface for extensions."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from ..._public import public

if TYPE_CHECKING:
    from flyteidl2.core.literals_pb2 import StructuredDataset, StructuredDatasetMetadata
    from flyteidl2.core.types_pb2 import StructuredDatasetType

    from ..dataframe import DataFrame

T = TypeVar("T")


class _Handler(Generic[T]):
    """Parameters
    ----------
    python_type : type
        The type of the frames; those of derived types are taken too.
    protocol : str, optional
        The kind of address it is for, such as "s3" or "file"; None is every kind.
    supported_format : str, optional
        The format it is for, such as "parquet"; None is every format.
    """

    def __init__(self, python_type: type[T], protocol: str | None = None, supported_format: str | None = None) -> None:
        self._python_type = python_type
        self._protocol = protocol.removesuffix("://") if protocol else None
        self._supported_format = supported_format or ""

    @property
    def python_type(self) -> type[T]:
        """The type of the frames."""
        return self._python_type

    @property
    def protocol(self) -> str | None:
        """The kind of address it is for, None for every kind."""
        return self._protocol

    @property
    def supported_format(self) -> str:
        """The format it is for, empty for every format."""
        return self._supported_format

    def __repr__(self) -> str:
        form, protocol = self._supported_format or "any format", self._protocol or "any address"
        return f"<{type(self).__qualname__} of {self._python_type.__qualname__}, {form}, {protocol}>"


@public
class DataFrameEncoder(_Handler[T], ABC):
    """Stores frames of one type.

    Parameters
    ----------
    python_type : type
        The type of the frames; those of derived types are taken too.
    protocol : str, optional
        The kind of address it is for, such as "s3" or "file"; None is every kind.
    supported_format : str, optional
        The format it is for, such as "parquet"; None is every format.

    Examples
    --------
    >>> class FeatherEncoder(DataFrameEncoder):
    ...     async def encode(self, dataframe, structured_dataset_type):
    ...         file = File.new_remote("frame.feather")
    ...         async with file.open("wb") as stream:
    ...             await stream.write(as_feather(dataframe.val))
    ...         return StructuredDataset(uri=file.path)

    Specification: *Custom types*.
    """

    @abstractmethod
    async def encode(self, dataframe: DataFrame, structured_dataset_type: StructuredDatasetType) -> StructuredDataset:
        """Store ``dataframe.val`` and say where it is.

        The same frame should get the same address each time, for instance one that its content gives: the address
        is what tells this frame from another in names and cache keys. `structured_dataset_type` has the declared
        columns.
        """


@public
class DataFrameDecoder(_Handler[T], ABC):
    """Reads stored frames as frames of one type; parameters as for `DataFrameEncoder`.

    Specification: *Custom types*.
    """

    @abstractmethod
    async def decode(
        self, flyte_value: StructuredDataset, current_task_metadata: StructuredDatasetMetadata
    ) -> T | AsyncIterator[T]:
        """The frame at ``flyte_value.uri``, new each time.

        ``current_task_metadata.structured_dataset_type.columns`` are the columns to read, all if there are none.
        """

    async def batches(
        self, flyte_value: StructuredDataset, current_task_metadata: StructuredDatasetMetadata, batch_rows: int
    ) -> AsyncIterator[T]:
        """The frame in pieces of at most `batch_rows` rows; here one piece. Overwrite it where that saves memory."""
        found: Any = await self.decode(flyte_value, current_task_metadata)
        if hasattr(found, "__aiter__"):
            async for piece in found:
                yield piece
        else:
            yield found
