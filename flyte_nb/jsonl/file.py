"""A stored file of records, by reference."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import TYPE_CHECKING, Any

from .._public import public
from ..io.file import File
from ..io.streams import OpenedFile
from .broken_lines import OnError
from .extra import is_compressed
from .line_buffer import LineBuffer
from .output import FileOutput, Written
from .reading import ARROW_ROWS, BATCH_RECORDS, Reading, checked_count
from .source import blocks_at
from .writing import COMPRESSION_LEVEL, FLUSH_BYTES, AsyncRecordWriter, RecordWriter

if TYPE_CHECKING:
    import pyarrow


@public
class JsonlFile(File[Any]):
    """A stored file with a record as JSON in each line, written and read record by record.

    A name that ends in ``.zst`` or ``.zstd`` is compressed on the way. Parameters are those of `File`.

    Examples
    --------
    >>> out = JsonlFile.new_remote("results.jsonl.zst")
    >>> async with out.writer() as writer:
    ...     await writer.write({"id": 1})
    >>> async for record in out.iter_records():
    ...     print(record["id"])

    Specification: *Files and directories*, JSONL files.
    """

    def writer(self, flush_bytes: int = FLUSH_BYTES, compression_level: int = COMPRESSION_LEVEL) -> AsyncRecordWriter:
        """Write records, in an ``async with`` block.

        The file appears when the block ends, whole; if it ends with an error, nothing appears.

        Parameters
        ----------
        flush_bytes : int
            How many bytes are written at a time.
        compression_level : int
            How hard zstd tries, from 1 to 22; plain files ignore it.

        Returns
        -------
        AsyncRecordWriter
            With `write(record)` and `write_many(records)`.

        Raises
        ------
        FileNotFoundError, IsADirectoryError, PermissionError, StorageError
            If it cannot be written.

        Examples
        --------
        >>> async with JsonlFile.new_remote("results.jsonl").writer() as writer:
        ...     await writer.write({"id": 1})

        Specification: *Files and directories*, JSONL files.
        """
        return AsyncRecordWriter(*self._to_write(flush_bytes, compression_level), self._note_written)

    def writer_sync(self, flush_bytes: int = FLUSH_BYTES, compression_level: int = COMPRESSION_LEVEL) -> RecordWriter:
        """As `writer`, for a ``with`` block."""
        return RecordWriter(*self._to_write(flush_bytes, compression_level), self._note_written)

    def iter_records(self, on_error: OnError = "raise") -> AsyncIterator[Any]:
        """Record by record, for ``async for``. The file is read on a thread, a little ahead.

        Parameters
        ----------
        on_error : {"raise", "skip"} or function
            What to do about a line that is no JSON: raise, leave it out with a warning in the log, or call
            ``on_error(line_number, raw_line, exception)`` and go on. Empty lines are no error.

        Returns
        -------
        async iterator of dict

        Raises
        ------
        BrokenRecordError
            For a line that is no JSON; names it.
        StorageError
            If compressed data is damaged or incomplete.
        FileNotFoundError, IsADirectoryError, PermissionError
            If it cannot be read.

        Examples
        --------
        >>> async for record in file.iter_records(on_error="skip"):
        ...     print(record)

        Specification: *Files and directories*, JSONL files.
        """
        return self._reading(on_error).records_async()

    def iter_records_sync(self, on_error: OnError = "raise") -> Iterator[Any]:
        """As `iter_records`, for ``for``."""
        return self._reading(on_error).records()

    def iter_batches(self, batch_size: int = BATCH_RECORDS, on_error: OnError = "raise") -> AsyncIterator[list[Any]]:
        """Lists of records, for ``async for``.

        Parameters
        ----------
        batch_size : int
            How many records; the last list may be shorter.
        on_error : {"raise", "skip"} or function
            See `iter_records`, which also says what is raised.

        Returns
        -------
        async iterator of list of dict

        Examples
        --------
        >>> async for batch in file.iter_batches(batch_size=1000):
        ...     insert(batch)

        Specification: *Files and directories*, JSONL files.
        """
        return self._reading(on_error).batches_async(checked_count("batch_size", batch_size, 1))

    def iter_batches_sync(self, batch_size: int = BATCH_RECORDS, on_error: OnError = "raise") -> Iterator[list[Any]]:
        """As `iter_batches`, for ``for``."""
        return self._reading(on_error).batches(checked_count("batch_size", batch_size, 1))

    def iter_arrow_batches(
        self, batch_size: int = ARROW_ROWS, on_error: OnError = "raise"
    ) -> AsyncIterator[pyarrow.RecordBatch]:
        """Arrow batches, for ``async for``; no more than one is in memory.

        Parameters
        ----------
        batch_size : int
            How many rows; the last batch may be shorter.
        on_error : {"raise", "skip"} or function
            See `iter_records`, which also says what is raised.

        Returns
        -------
        async iterator of pyarrow.RecordBatch
            Columns are found in the records of each batch. A batch is brought to the columns of the one before it if
            nothing is lost by that.

        Raises
        ------
        ValueError
            If records have no fields, or a field has values that have no type in common.

        Examples
        --------
        >>> table = pyarrow.Table.from_batches([batch async for batch in file.iter_arrow_batches()])

        Specification: *Files and directories*, JSONL files.
        """
        return self._reading(on_error).arrow_batches_async(checked_count("batch_size", batch_size, 1))

    def iter_arrow_batches_sync(
        self, batch_size: int = ARROW_ROWS, on_error: OnError = "raise"
    ) -> Iterator[pyarrow.RecordBatch]:
        """As `iter_arrow_batches`, for ``for``."""
        return self._reading(on_error).arrow_batches(checked_count("batch_size", batch_size, 1))

    def _reading(self, on_error: OnError) -> Reading:
        return Reading(lambda: blocks_at(self.path), on_error)

    def _to_write(self, flush_bytes: int, compression_level: int) -> tuple[LineBuffer, FileOutput]:
        return LineBuffer(self.path, checked_count("flush_bytes", flush_bytes, 1)), self._output(
            "wb", compression_level
        )

    def _output(self, mode: str, compression_level: int) -> FileOutput:
        def opener() -> OpenedFile:
            return self._opened(mode, None, "readahead", None, {})

        level = checked_count("compression_level", compression_level, 1, 22)
        return FileOutput(self.name or "", opener, level if is_compressed(self.path) else None)

    def _note_written(self, written: list[Written]) -> None:
        [file] = written
        self._note((file.digest, file.size))
