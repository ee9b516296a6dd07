"""Decompression block by block, so that little data cannot become much at once, and an end that is missing is noticed.

The libraries read a stream that was cut off as if it had ended. The layout of frames and blocks is that of RFC 8878,
section 3.1.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from ..errors import StorageError

_READ_BYTES = 256 * 1024
_MAGIC = b"\x28\xb5\x2f\xfd"
_SKIPPABLE = b"\x2a\x4d\x18"
_LONGEST_HEADER = 18
_REPEATED_BYTE = 1
_CHECKSUM_BYTES = 4


def decompressed(read: Callable[[int], bytes], address: str, library: Any) -> Iterator[bytes]:
    """What a zstd stream holds, at most 128 KiB at a time.

    Parameters
    ----------
    read : function
        Gives up to so many bytes of the stream, none at its end.
    address : str
        Whose stream it is, for messages.
    library : module
        zstandard.

    Raises
    ------
    StorageError
        If the stream is damaged, or ends too early.
    """
    source = _Source(read, address)
    while start := source.ahead(_LONGEST_HEADER):
        if start[1:4] == _SKIPPABLE:
            source.take(4)
            source.take(int.from_bytes(source.take(4), "little"))
            continue
        if not _MAGIC.startswith(start[:4]):
            raise source.damaged("what is there is no zstd frame")
        try:
            yield from _frame(source, library, start)
        except library.ZstdError as error:
            raise source.damaged(str(error)) from error


def _frame(source: _Source, library: Any, start: bytes) -> Iterator[bytes]:
    decompressor = library.ZstdDecompressor().decompressobj()
    header = source.take(max(library.frame_header_size(start) if len(start) > len(_MAGIC) else 0, len(_MAGIC) + 1))
    decompressor.decompress(header)
    has_checksum = bool(header[len(_MAGIC)] & 0b100)
    is_last = False
    while not is_last:
        head = source.take(3)
        bits = int.from_bytes(head, "little")
        is_last, kind, size = bool(bits & 1), bits >> 1 & 0b11, bits >> 3
        body = source.take(1 if kind == _REPEATED_BYTE else size)
        if is_last and has_checksum:
            body += source.take(_CHECKSUM_BYTES)
        if data := decompressor.decompress(head + body):
            yield data


class _Source:
    """Compressed bytes, taken in pieces of the sizes that the format says."""

    def __init__(self, read: Callable[[int], bytes], address: str) -> None:
        self._read, self._address = read, address
        self._buffer = b""
        self._at = 0
        self._taken = 0

    def ahead(self, size: int) -> bytes:
        """The next `size` bytes, fewer if there are no more; they stay to be taken."""
        while len(self._buffer) - self._at < size and (more := self._read(max(_READ_BYTES, size))):
            self._buffer = self._buffer[self._at :] + more
            self._at = 0
        return self._buffer[self._at : self._at + size]

    def take(self, size: int) -> bytes:
        """The next `size` bytes, all of them."""
        taken = self.ahead(size)
        if len(taken) < size:
            raise StorageError(
                f"Cannot read {self._address!r}: it ends in the middle of its compressed data, after"
                f" {self._taken + len(taken):,} bytes. Was its copy cut off? Get or write it again."
            )
        self._at += size
        self._taken += size
        return taken

    def damaged(self, reason: str) -> StorageError:
        """The error of a stream that is not as it was written."""
        return StorageError(
            f"Cannot read {self._address!r}: its compressed data is damaged near byte {self._taken:,} ({reason})."
            " Get or write it again."
        )
