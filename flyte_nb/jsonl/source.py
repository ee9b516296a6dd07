"""The blocks of one stored file, or of the shards of a directory one after another."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from ..io.streams import open_file
from ..io.zstd_frames import decompressed
from ..storage.faults import explained
from .extra import is_compressed, zstandard
from .lines import Block, blocks_of

_READ_BYTES = 256 * 1024


def blocks_at(address: str) -> Iterator[Block]:
    """The records of a file, block by block; it is opened when the first is asked for, and closed at the end.

    Raises
    ------
    FileNotFoundError, IsADirectoryError, PermissionError, StorageError
        If it cannot be read.
    """
    is_zstd = is_compressed(address)
    opened = open_file(address, "rb", compression=None if is_zstd else "infer")
    try:
        yield from blocks_of(_explained(_pieces(opened.stream, address, is_zstd), address), address)
    finally:
        opened.discard()


def blocks_at_each(addresses: Iterable[str]) -> Iterator[Block]:
    """The records of several files, one file after the other."""
    for address in addresses:
        yield from blocks_at(address)


def _pieces(stream: Any, address: str, is_zstd: bool) -> Iterator[bytes]:
    return decompressed(stream.read, address, zstandard()) if is_zstd else iter(lambda: stream.read(_READ_BYTES), b"")


def _explained(pieces: Iterator[bytes], address: str) -> Iterator[bytes]:
    while True:
        with explained("read", address):
            piece = next(pieces, None)
        if piece is None:
            return
        yield piece
