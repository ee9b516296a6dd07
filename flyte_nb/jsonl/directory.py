"""A stored directory of records in several files, by reference."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterator
from typing import TYPE_CHECKING, Any

from .._public import public
from ..io.directory import Dir
from ..io.places import is_content_place
from ..io.trees import files_below
from ..storage.addresses import joined
from ..storage.digests import directory_digest
from .broken_lines import OnError
from .file import JsonlFile
from .line_buffer import LineBuffer
from .lines import Block
from .output import FileOutput, ShardOutput, Written
from .read_ahead import QUEUE_RECORDS
from .reading import ARROW_ROWS, BATCH_RECORDS, Reading, checked_count
from .source import blocks_at_each
from .writing import COMPRESSION_LEVEL, FLUSH_BYTES, AsyncRecordWriter, RecordWriter

if TYPE_CHECKING:
    import pyarrow

SHARD_BYTES = 256 * 2**20

_EXTENSIONS = (".jsonl", ".jsonl.zst", ".jsonl.zstd")
_SHARD = re.compile(r"part-(\d+)\.jsonl(?:\.zstd?)?")
_OF_JSONL = "jsonl:"


@public
class JsonlDir(Dir[Any]):
    """A stored directory of JSONL files, written and read as if it were one.

    Its files are called ``part-00000.jsonl``, ``part-00001.jsonl`` and so on; plain and compressed ones may lie side
    by side. Parameters are those of `Dir`.

    Examples
    --------
    >>> out = JsonlDir.new_remote("dataset/")
    >>> async with out.writer(max_records_per_shard=100_000) as writer:
    ...     await writer.write({"id": 1})
    >>> async for record in out.iter_records():
    ...     print(record["id"])

    Specification: *Files and directories*, JSONL files.
    """

    def writer(
        self,
        shard_extension: str = ".jsonl",
        max_records_per_shard: int | None = None,
        max_bytes_per_shard: int = SHARD_BYTES,
        flush_bytes: int = FLUSH_BYTES,
        compression_level: int = COMPRESSION_LEVEL,
    ) -> AsyncRecordWriter:
        """Write records, in an ``async with`` block, after those that are there.

        A shard appears when it is full, the last one at the end of the block. If the block ends with an error, the
        shards that were full stay.

        Parameters
        ----------
        shard_extension : {".jsonl", ".jsonl.zst", ".jsonl.zstd"}
            How the names of the shards end; with zstd they are compressed.
        max_records_per_shard : int, optional
            How many records a shard takes; by default the size alone decides.
        max_bytes_per_shard : int
            A shard is full when it has so many bytes, before compression.
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
        FileExistsError
            If somebody else writes the same shard at the same time.
        NotADirectoryError, PermissionError, StorageError
            If it cannot be written.
        ValueError
            If a parameter has no meaning.

        Examples
        --------
        >>> async with JsonlDir.new_remote("dataset/").writer(shard_extension=".jsonl.zst") as writer:
        ...     await writer.write_many({"id": i} for i in range(1000))

        Specification: *Files and directories*, JSONL files.
        """
        limits = self._buffer(flush_bytes, max_records_per_shard, max_bytes_per_shard)
        return AsyncRecordWriter(limits, self._output(shard_extension, compression_level), self._note_written)

    def writer_sync(
        self,
        shard_extension: str = ".jsonl",
        max_records_per_shard: int | None = None,
        max_bytes_per_shard: int = SHARD_BYTES,
        flush_bytes: int = FLUSH_BYTES,
        compression_level: int = COMPRESSION_LEVEL,
    ) -> RecordWriter:
        """As `writer`, for a ``with`` block."""
        limits = self._buffer(flush_bytes, max_records_per_shard, max_bytes_per_shard)
        return RecordWriter(limits, self._output(shard_extension, compression_level), self._note_written)

    def iter_records(
        self, on_error: OnError = "raise", prefetch: bool = True, queue_size: int = QUEUE_RECORDS
    ) -> AsyncIterator[Any]:
        """Record by record through all shards in the order of their numbers, for ``async for``.

        Parameters
        ----------
        on_error : {"raise", "skip"} or function
            What to do about a line that is no JSON: raise, leave it out with a warning in the log, or call
            ``on_error(line_number, raw_line, exception)`` and go on. Lines are counted in each shard.
        prefetch : bool
            Whether to read ahead, into the next shard too.
        queue_size : int
            How many records may be read ahead, in whole blocks of lines.

        Returns
        -------
        async iterator of dict

        Raises
        ------
        BrokenRecordError
            For a line that is no JSON; names it and its shard.
        StorageError
            If compressed data is damaged or incomplete.
        FileNotFoundError, NotADirectoryError, PermissionError
            If it cannot be read.

        Examples
        --------
        >>> total = 0
        >>> async for record in directory.iter_records():
        ...     total += record["value"]

        Specification: *Files and directories*, JSONL files.
        """
        return self._reading(on_error, prefetch, queue_size).records_async()

    def iter_records_sync(
        self, on_error: OnError = "raise", prefetch: bool = True, queue_size: int = QUEUE_RECORDS
    ) -> Iterator[Any]:
        """As `iter_records`, for ``for``."""
        return self._reading(on_error, prefetch, queue_size).records()

    def iter_batches(
        self,
        batch_size: int = BATCH_RECORDS,
        on_error: OnError = "raise",
        prefetch: bool = True,
        queue_size: int = QUEUE_RECORDS,
    ) -> AsyncIterator[list[Any]]:
        """Lists of records, for ``async for``; they may begin in one shard and end in the next.

        Parameters
        ----------
        batch_size : int
            How many records; the last list may be shorter.
        on_error, prefetch, queue_size
            See `iter_records`, which also says what is raised.

        Returns
        -------
        async iterator of list of dict

        Examples
        --------
        >>> async for batch in directory.iter_batches(batch_size=1000):
        ...     insert(batch)

        Specification: *Files and directories*, JSONL files.
        """
        reading = self._reading(on_error, prefetch, queue_size)
        return reading.batches_async(checked_count("batch_size", batch_size, 1))

    def iter_batches_sync(
        self,
        batch_size: int = BATCH_RECORDS,
        on_error: OnError = "raise",
        prefetch: bool = True,
        queue_size: int = QUEUE_RECORDS,
    ) -> Iterator[list[Any]]:
        """As `iter_batches`, for ``for``."""
        return self._reading(on_error, prefetch, queue_size).batches(checked_count("batch_size", batch_size, 1))

    def iter_arrow_batches(
        self,
        batch_size: int = ARROW_ROWS,
        on_error: OnError = "raise",
        prefetch: bool = True,
        queue_size: int = QUEUE_RECORDS,
    ) -> AsyncIterator[pyarrow.RecordBatch]:
        """Arrow batches, for ``async for``; see `JsonlFile.iter_arrow_batches`."""
        reading = self._reading(on_error, prefetch, queue_size)
        return reading.arrow_batches_async(checked_count("batch_size", batch_size, 1))

    def iter_arrow_batches_sync(
        self,
        batch_size: int = ARROW_ROWS,
        on_error: OnError = "raise",
        prefetch: bool = True,
        queue_size: int = QUEUE_RECORDS,
    ) -> Iterator[pyarrow.RecordBatch]:
        """As `iter_arrow_batches`, for ``for``."""
        return self._reading(on_error, prefetch, queue_size).arrow_batches(checked_count("batch_size", batch_size, 1))

    def _reading(self, on_error: OnError, prefetch: bool, queue_size: int) -> Reading:
        return Reading(self._blocks, on_error, queue_size=queue_size if prefetch else 0, is_ahead=prefetch)

    def _blocks(self) -> Iterator[Block]:
        names = sorted(self._names(), key=_in_order)
        yield from blocks_at_each(joined(self.path, name) for name in names)

    def _names(self) -> list[str]:
        return [entry.name for entry in files_below(self.path, 1) if entry.name.lower().endswith(_EXTENSIONS)]

    def _shards(self) -> list[int]:
        try:
            found = [_SHARD.fullmatch(name) for name in self._names()]
        except FileNotFoundError:
            return []
        return [int(match[1]) for match in found if match]

    def _buffer(self, flush_bytes: int, max_records: int | None, max_bytes: int) -> LineBuffer:
        if max_records is not None:
            checked_count("max_records_per_shard", max_records, 1)
        checked_count("max_bytes_per_shard", max_bytes, 1)
        return LineBuffer(self.path, checked_count("flush_bytes", flush_bytes, 1), max_records, max_bytes)

    def _output(self, extension: str, compression_level: int) -> ShardOutput:
        if extension not in _EXTENSIONS:
            raise ValueError(f"shard_extension must be one of {', '.join(map(repr, _EXTENSIONS))}, got {extension!r}.")
        if is_content_place(joined(self.path, "part")):
            raise PermissionError(
                f"Cannot write into {self.path!r}: it is stored under the digest of its content, and others may refer"
                f" to it. Write to a new directory: {type(self).__name__}.new_remote({self.name!r})."
            )

        def shard(number: int) -> FileOutput:
            name = f"part-{number:05}{extension}"
            # "x": whoever else writes here must not be overwritten
            return JsonlFile(path=joined(self.path, name))._output("xb", compression_level)

        shard(0)  # a wrong level is said now
        return ShardOutput(self._shards, shard)

    def _note_written(self, written: list[Written]) -> None:
        """What was written from the first shard on has a digest; a hash that the user chose stays."""
        if self.hash and not self.hash.startswith(_OF_JSONL):
            return
        entries = [(file.name, file.digest) for file in written]
        is_all = bool(entries) and _SHARD.fullmatch(entries[0][0])[1] == "00000"  # type: ignore[index]
        self.hash: str | None = _OF_JSONL + directory_digest(entries) if is_all else None


def _in_order(name: str) -> list[Any]:
    """Names with numbers in them sort by the numbers."""
    return [int(step) if step.isdecimal() else step for step in re.split(r"(\d+)", name)]
