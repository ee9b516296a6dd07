"""Frames that this process has just stored, so that handing one on needs no second read.

What is kept is a copy of our own that nobody can write to, never the object a task returned: neither the memory behind
a NumPy array that an Arrow table was made of, nor a frame that is changed in place, can reach it. A frame is found by
its content, byte for byte, so one that was changed since is another frame, however it was changed. A column that a
task passes on as it came is in our memory already, and is not copied again. The memory of a frame that was let go, and
that nobody has a part of, holds the next copy.
"""

from __future__ import annotations

import hashlib
import itertools
import threading
from collections import OrderedDict
from typing import Any, NamedTuple

import pyarrow
import pyarrow.types as kinds

from .plain_columns import has_plain_columns
from .spare_memory import SpareMemory

MOST_BYTES = 256 * 2**20
LARGEST_BYTES = 128 * 2**20
SPARE_BYTES = LARGEST_BYTES
SAMPLE_BYTES = 4 * 1024


class OwnCopy(NamedTuple):
    """A table that shares no memory with anything that can be written to, and the block that each column is in."""

    table: pyarrow.Table
    blocks: tuple[pyarrow.Buffer, ...]

    def sample(self) -> bytes:
        """The same for the same content, and seldom for other content."""
        digest = hashlib.sha256(self.table.schema.serialize())
        for chunk in _chunks(self.table):
            for buffer in chunk.buffers():
                view = memoryview(buffer or b"")
                digest.update(b"%d %d " % (len(chunk), len(view)))
                digest.update(view[:SAMPLE_BYTES])
                digest.update(view[-SAMPLE_BYTES:])
        return digest.digest()

    def has_bytes_of(self, other: OwnCopy) -> bool:
        """Whether another one is the same, byte for byte."""
        mine, its = _chunks(self.table), _chunks(other.table)
        same_schema = self.table.schema.equals(other.table.schema, check_metadata=True)
        return same_schema and len(mine) == len(its) and all(map(_are_same, mine, its))


class _Kept(NamedTuple):
    copy: OwnCopy
    key: tuple[str, bytes]


class _Block(NamedTuple):
    data: pyarrow.Buffer
    uris: set[str]
    places: set[tuple[Any, ...]]


class FramesAtHand:
    """Tables by the address of their Parquet file, the ones used last, up to `most_bytes` in all."""

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self._most_bytes = most_bytes
        self._kept: OrderedDict[str, _Kept] = OrderedDict()
        self._alike: dict[tuple[str, bytes], list[str]] = {}
        self._blocks: dict[int, _Block] = {}
        self._owners: dict[tuple[Any, ...], pyarrow.Buffer] = {}
        self._bytes = 0
        self._spare = SpareMemory(SPARE_BYTES)
        self._lock = threading.Lock()

    def own_copy(self, table: pyarrow.Table) -> OwnCopy:
        """A copy of a table in memory that nobody can write to; what is in such memory already is not copied."""
        with self._lock:
            owners = [self._owners.get(_place(column)) for column in table.columns]
        new = [index for index, owner in enumerate(owners) if owner is None]
        columns = table.columns
        if new:
            copied, block = self._copied(table.select(new))
            for index, column in zip(new, copied.columns, strict=True):
                columns[index], owners[index] = column, block
        return OwnCopy(pyarrow.Table.from_arrays(columns, schema=table.schema), tuple(owners))

    def table(self, uri: str) -> pyarrow.Table | None:
        """The table stored at an address, if it is at hand."""
        with self._lock:
            kept = self._kept.get(uri)
            if kept is None:
                return None
            self._kept.move_to_end(uri)
            return kept.copy.table

    def address(self, root: str, copy: OwnCopy) -> str | None:
        """Where the same content was stored below `root`, if it is at hand."""
        with self._lock:
            for uri in self._alike.get((root, copy.sample()), ()):
                if self._kept[uri].copy.has_bytes_of(copy):
                    self._kept.move_to_end(uri)
                    return uri
            return None

    def keep(self, uri: str, root: str, copy: OwnCopy) -> None:
        """Have a table at hand."""
        with self._lock:
            self._forget(uri)
            key = (root, copy.sample())
            self._kept[uri] = _Kept(copy, key)
            self._alike.setdefault(key, []).append(uri)
            for column, block in zip(copy.table.columns, copy.blocks, strict=True):
                used = self._blocks.get(block.address)
                if used is None:
                    used = self._blocks[block.address] = _Block(block, set(), set())
                    self._bytes += block.size
                used.uris.add(uri)
                if place := _place(column):
                    used.places.add(place)
                    self._owners[place] = used.data
            while self._bytes > self._most_bytes:
                self._forget(next(iter(self._kept)))

    def clear(self) -> None:
        """Have nothing at hand."""
        with self._lock:
            for uri in list(self._kept):
                self._forget(uri)
            self._spare.clear()

    def _copied(self, table: pyarrow.Table) -> tuple[pyarrow.Table, pyarrow.Buffer]:
        measured = pyarrow.MockOutputStream()
        _write(table, measured)
        memory = self._spare.take(measured.size())
        _write(table, pyarrow.FixedSizeBufferWriter(pyarrow.py_buffer(memory)))
        block = self._spare.readable(memory)
        return pyarrow.ipc.open_stream(block).read_all(), block

    def _forget(self, uri: str) -> None:
        kept = self._kept.pop(uri, None)
        if kept is None:
            return
        self._alike[kept.key].remove(uri)
        if not self._alike[kept.key]:
            del self._alike[kept.key]
        for address in {block.address for block in kept.copy.blocks}:
            used = self._blocks[address]
            used.uris.discard(uri)
            if not used.uris:
                del self._blocks[address]
                self._bytes -= used.data.size
                for place in used.places:  # where nothing is, in an empty column, two blocks can be at one place
                    if self._owners.get(place) is used.data:
                        del self._owners[place]


frames_at_hand: FramesAtHand = FramesAtHand()


def may_be_at_hand(table: pyarrow.Table) -> bool:
    """Whether a table is of a size to be kept, and of types that Parquet gives back as they were."""
    return table.nbytes <= LARGEST_BYTES and has_plain_columns(table.schema)


def _place(column: pyarrow.ChunkedArray) -> tuple[Any, ...]:
    """What tells the memory of a column from all other memory while it is there; nothing for parts within parts."""
    if kinds.is_nested(column.type):
        return ()
    chunks = ((len(chunk), chunk.offset, *map(_address, chunk.buffers())) for chunk in column.chunks)
    return (column.type, *chunks)


def _address(buffer: pyarrow.Buffer | None) -> int | None:
    return None if buffer is None else int(buffer.address)


def _chunks(table: pyarrow.Table) -> list[pyarrow.Array]:
    return [chunk for column in table.columns for chunk in column.chunks]


def _are_same(mine: pyarrow.Array, other: pyarrow.Array) -> bool:
    pairs = itertools.zip_longest(mine.buffers(), other.buffers())
    return len(mine) == len(other) and all(
        a is b or (a is not None and b is not None and a.equals(b)) for a, b in pairs
    )


def _write(table: pyarrow.Table, sink: pyarrow.NativeFile) -> None:
    with pyarrow.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
