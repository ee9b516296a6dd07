"""Frames that this process has just stored, so that handing one on needs no second read.

What is kept is a copy of our own that nobody can write to, never the object a task returned: neither the memory behind
a NumPy array that an Arrow table was made of, nor a frame that is changed in place, can reach it. A frame is found by
its content, so one that was changed since is another frame, however it was changed.
"""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from dataclasses import dataclass

import pyarrow
import pyarrow.types as kinds

MOST_BYTES = 256 * 2**20
LARGEST_BYTES = 128 * 2**20


@dataclass(frozen=True)
class _Kept:
    key: bytes
    table: pyarrow.Table


class FramesAtHand:
    """Tables by the address of their Parquet file, the ones used last, up to `most_bytes` in all."""

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self._most_bytes = most_bytes
        self._kept: OrderedDict[str, _Kept] = OrderedDict()
        self._addresses: dict[bytes, str] = {}
        self._bytes = 0
        self._lock = threading.Lock()

    def table(self, uri: str) -> pyarrow.Table | None:
        """The table stored at an address, if it is at hand."""
        with self._lock:
            kept = self._kept.get(uri)
            if kept is None:
                return None
            self._kept.move_to_end(uri)
            return kept.table

    def address(self, key: bytes) -> str | None:
        """Where content with that key was stored, if it is at hand."""
        with self._lock:
            uri = self._addresses.get(key)
            if uri is not None:
                self._kept.move_to_end(uri)
            return uri

    def keep(self, uri: str, key: bytes, table: pyarrow.Table) -> None:
        """Have a table at hand."""
        with self._lock:
            self._forget(uri)
            self._kept[uri] = _Kept(key, table)
            self._addresses[key] = uri
            self._bytes += table.nbytes
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
            self._bytes -= kept.table.nbytes
            self._addresses.pop(kept.key, None)


frames_at_hand = FramesAtHand()


def may_be_at_hand(table: pyarrow.Table) -> bool:
    """Whether a table is of a size to be kept, and of types that Parquet gives back as they were."""
    return table.nbytes <= LARGEST_BYTES and all(_is_plain(field.type) for field in table.schema)


def own_copy(table: pyarrow.Table) -> tuple[pyarrow.Table, bytes]:
    """A copy that shares no memory with anything, and 32 bytes that tell its content from other content."""
    measured = pyarrow.MockOutputStream()
    _write(table, measured)
    data = bytearray(measured.size())
    _write(table, pyarrow.FixedSizeBufferWriter(pyarrow.py_buffer(data)))
    view = memoryview(data).toreadonly()
    copy = pyarrow.ipc.open_stream(pyarrow.py_buffer(view)).read_all()
    return copy, hashlib.sha256(view).digest()


def _write(table: pyarrow.Table, sink: pyarrow.NativeFile) -> None:
    with pyarrow.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)


def _is_plain(kind: pyarrow.DataType) -> bool:
    if kinds.is_struct(kind):
        return kind.num_fields > 0 and all(_is_plain(kind.field(index).type) for index in range(kind.num_fields))
    if kinds.is_list(kind) or kinds.is_large_list(kind):
        return _is_plain(kind.value_type)
    if kinds.is_timestamp(kind) or kinds.is_duration(kind):
        return bool(kind.unit != "s")
    return bool(
        kinds.is_integer(kind)
        or kinds.is_float32(kind)
        or kinds.is_float64(kind)
        or kinds.is_boolean(kind)
        or kinds.is_string(kind)
        or kinds.is_large_string(kind)
        or kinds.is_binary(kind)
        or kinds.is_large_binary(kind)
        or kinds.is_date32(kind)
        or kinds.is_decimal128(kind)
        or kinds.is_time64(kind)
    )
