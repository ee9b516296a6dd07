"""Messages on a stream of bytes: four bytes say how long the next one is."""

from __future__ import annotations

import struct
from collections.abc import Iterator

LENGTH = struct.Struct("<I")


def framed(data: bytes) -> bytes:
    """`data` with its length before it."""
    return LENGTH.pack(len(data)) + data


class Frames:
    """Puts frames together from pieces as they arrive."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def add(self, piece: bytes) -> Iterator[bytes]:
        """The frames that `piece` completes."""
        buffer = self._buffer
        if not buffer and len(piece) >= LENGTH.size and LENGTH.unpack_from(piece)[0] == len(piece) - LENGTH.size:
            yield piece[LENGTH.size :]  # as nearly always
            return
        buffer += piece
        start = 0
        while len(buffer) - start >= LENGTH.size:
            (size,) = LENGTH.unpack_from(buffer, start)
            end = start + LENGTH.size + size
            if len(buffer) < end:
                break
            frame = bytes(buffer[start + LENGTH.size : end])
            start = end
            yield frame
        if start:
            del buffer[:start]
