"""Data frames by reference: what travels is the address of a Parquet file in the run's store.

A file is named by its content, so the same frame has the same address, and a key made from it, in every
replay. In the same process the frame that was just written is handed on without being read again.
"""

from __future__ import annotations

import asyncio
import io
import re
from typing import Any

from ..storage import Store, current_store
from ..storage.store import checksum_in
from .converter import Converter
from .messages import Literal, LiteralType, StructuredDatasetType
from .transformer import TypeTransformerFailedError
from .type_text import shown, type_text

FORMAT = "parquet"
THREAD_FROM_BYTES = 1_000_000

_UNNAMED_INDEX = re.compile(r"__index_level_\d+__")

_IMMUTABLE_CELLS = frozenset(
    ["string", "empty", "bytes", "integer", "floating", "boolean", "decimal", "date", "datetime", "time", "timedelta"]
)

_LIBRARIES = {
    ("pandas", "DataFrame"): "pandas",
    ("polars", "DataFrame"): "polars",
    ("polars", "LazyFrame"): "polars-lazy",
    ("pyarrow", "Table"): "arrow",
}


class FrameConverter(Converter):
    """A frame of pandas, polars or Arrow; a frame of another of them is taken too, and converted."""

    immediate = False
    hashes = True

    def __init__(self, python_type: Any, library: str) -> None:
        super().__init__(python_type)
        self._library = library

    def fill(self, literal: Literal, value: Any) -> None:
        """See `Converter`."""
        self._note(literal, current_store(), _to_parquet(value, self._library_of(value)))

    async def fill_async(self, literal: Literal, value: Any) -> None:
        """See `Converter`."""
        library = self._library_of(value)
        if _size_bytes(value, library) < THREAD_FROM_BYTES:
            data = _to_parquet(value, library)
        else:
            data = await asyncio.to_thread(_to_parquet, value, library)
        store = current_store()
        blob = await store.put(data, suffix=".parquet")
        literal.scalar.structured_dataset.uri = blob.uri
        literal.scalar.structured_dataset.metadata.structured_dataset_type.format = FORMAT
        literal.hash = blob.checksum

    def read(self, literal: Literal) -> Any:
        """See `Converter`."""
        uri = self._uri(literal)
        return _from_parquet(current_store().get_nowait(uri, checksum=checksum_in(uri)), self._library)

    async def read_async(self, literal: Literal) -> Any:
        """See `Converter`."""
        uri = self._uri(literal)
        data = await current_store().get(uri, checksum=checksum_in(uri))
        if len(data) < THREAD_FROM_BYTES:
            return _from_parquet(data, self._library)
        return await asyncio.to_thread(_from_parquet, data, self._library)

    async def isolated_async(self, value: Any, literal: Literal) -> Any:
        """See `Converter`."""
        if library_of(type(value)) != self._library or self._library == "polars-lazy":
            return await self.read_async(literal)
        if self._library == "pandas":
            return await self.read_async(literal) if _holds_objects(value) else value.copy()
        return value.clone() if self._library == "polars" else value

    def literal_type(self) -> LiteralType:
        """See `Converter`."""
        return LiteralType(structured_dataset_type=StructuredDatasetType(format=FORMAT))

    def _note(self, literal: Literal, store: Store, data: bytes) -> None:
        blob = store.put_nowait(data, suffix=".parquet")
        literal.scalar.structured_dataset.uri = blob.uri
        literal.scalar.structured_dataset.metadata.structured_dataset_type.format = FORMAT
        literal.hash = blob.checksum

    def _library_of(self, value: Any) -> str:
        library = library_of(type(value))
        if library is None:
            raise TypeTransformerFailedError(
                f"Expected {type_text(self.python_type)}, got {type(value).__qualname__}: {shown(value)}."
            )
        return library

    def _uri(self, literal: Literal) -> str:
        if not literal.scalar.HasField("structured_dataset"):
            raise TypeTransformerFailedError(f"Expected the literal of a {type_text(self.python_type)}.")
        return str(literal.scalar.structured_dataset.uri)


def frame_converter(python_type: Any) -> Converter | None:
    """The converter of a data frame type, None for others."""
    library = library_of(python_type)
    return FrameConverter(python_type, library) if library is not None else None


def library_of(python_type: Any) -> str | None:
    """Which library a frame type is of, None if it is no frame; imports nothing."""
    for kind in getattr(python_type, "__mro__", ()):
        library = _LIBRARIES.get((kind.__module__.partition(".")[0], kind.__qualname__))
        if library is not None:
            return library
    return None


def _size_bytes(value: Any, library: str) -> int:
    if library == "pandas":
        return int(value.memory_usage().sum())
    if library == "polars":
        return int(value.estimated_size())
    return THREAD_FROM_BYTES if library == "polars-lazy" else int(value.nbytes)


def _holds_objects(frame: Any) -> bool:
    """Whether cells may be lists and the like, which a copy of the frame would share."""
    import pandas

    return any(
        str(kind) == "object" and pandas.api.types.infer_dtype(frame.iloc[:, column]) not in _IMMUTABLE_CELLS
        for column, kind in enumerate(frame.dtypes)
    )


def _to_parquet(value: Any, library: str) -> bytes:
    buffer = io.BytesIO()
    try:
        if library == "pandas":
            value.to_parquet(buffer)
        elif library == "polars":
            value.write_parquet(buffer)
        elif library == "polars-lazy":
            value.collect().write_parquet(buffer)
        else:
            import pyarrow.parquet

            pyarrow.parquet.write_table(value, buffer)
    except Exception as error:
        raise TypeTransformerFailedError(
            f"The frame cannot be written as Parquet: {type(error).__name__}: {error}"
        ) from error
    return buffer.getvalue()


def _from_parquet(data: bytes, library: str) -> Any:
    buffer = io.BytesIO(data)
    if library == "pandas":
        import pandas

        return pandas.read_parquet(buffer)
    if library.startswith("polars"):
        import polars

        frame = polars.read_parquet(buffer)
        frame = frame.drop([name for name in frame.columns if _UNNAMED_INDEX.fullmatch(name)])
        return frame.lazy() if library == "polars-lazy" else frame
    import pyarrow.parquet

    return pyarrow.parquet.read_table(buffer)
