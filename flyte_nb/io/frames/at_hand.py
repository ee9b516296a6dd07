"""Frames that this process has just stored, so that handing one on needs no second read.

What is kept is a copy of our own that nobody can write to, never the object a task returned: neither the memory behind
a NumPy array that an Arrow table was made of, nor a frame that is changed in place, can reach it. A frame is found by
its content, byte for byte, so one that was changed since is another frame, however it was changed.
"""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from typing import NamedTuple

import numpy
import pyarrow

from .plain_columns import has_plain_columns

MOST_BYTES = 256 * 2**20
LARGEST_BYTES = 128 * 2**20
SAMPLE_BYTES = 64 * 1024


class OwnCopy(NamedTuple):
    """A table that shares no memory with anything, and all its bytes."""

    table: pyarrow.Table
    data: pyarrow.Buffer

    def sample(self) -> bytes:
        """The same for the same content, and seldom for other content."""
        view = memoryview(self.data)
        digest = hashlib.sha256(view[:SAMPLE_BYTES])
        digest.update(view[-SAMPLE_BYTES:])
        return digest.digest() + len(view).to_bytes(8, "big")


class _Kept(NamedTuple):
    copy: OwnCopy
    key: tuple[str, bytes]


class FramesAtHand:
    """Tables by the address of their Parquet file, the ones used last, up to `most_bytes` in all."""

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self._most_bytes = most_bytes
        self._kept: OrderedDict[str, _Kept] = OrderedDict()
        self._alike: dict[tuple[str, bytes], list[str]] = {}
        self._bytes = 0
        self._lock = threading.Lock()

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
                if self._kept[uri].copy.data.equals(copy.data):
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
            self._bytes += copy.data.size
            while self._bytes > self._most_bytes:
                self._forget(next(iter(self._kept)))

    def clear(self) -> None:
        """Have nothing at hand."""
        with self._lock:
            for uri in list(self._kept):
                self._forget(uri)

    def _forget(self, uri: str) -> None:
        kept = self._kept.pop(uri, None)
        if kept is not None:
            self._bytes -= kept.copy.data.size
            self._alike[kept.key].remove(uri)
            if not self._alike[kept.key]:
                del self._alike[kept.key]


frames_at_hand: FramesAtHand = FramesAtHand()


def may_be_at_hand(table: pyarrow.Table) -> bool:
    """Whether a table is of a size to be kept, and of types that Parquet gives back as they were."""
    return table.nbytes <= LARGEST_BYTES and has_plain_columns(table.schema)


def own_copy(table: pyarrow.Table) -> OwnCopy:
    """A copy of a table in memory that nobody can write to."""
    measured = pyarrow.MockOutputStream()
    _write(table, measured)
    memory = numpy.empty(measured.size(), dtype="u1")
    _write(table, pyarrow.FixedSizeBufferWriter(pyarrow.py_buffer(memory)))
    memory.flags.writeable = False
    data = pyarrow.py_buffer(memory)
    return OwnCopy(pyarrow.ipc.open_stream(data).read_all(), data)


def _write(table: pyarrow.Table, sink: pyarrow.NativeFile) -> None:
    with pyarrow.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
