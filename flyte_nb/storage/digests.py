"""Digests of content, made from pieces so that several threads can make one, in any order.

The digest of a file is taken over the BLAKE3 digests of its pieces and its length. Everything that is copied is also
digested, and BLAKE3 takes about as long as the copy itself, where SHA-256 takes three times that.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import Any

from blake3 import blake3

PIECE_BYTES = 4 * 2**20
PREFIX = "blake3-4m:"


def piece_digest(data: bytes | bytearray | memoryview) -> bytes:
    """Digest of one piece."""
    return blake3(data).digest()


@cache
def zero_piece_digest(size: int) -> bytes:
    """Digest of a piece that is a hole of a sparse file."""
    return blake3(bytes(size)).digest()


def content_digest(pieces: Iterable[bytes], size: int) -> str:
    """40 hexadecimal digits for content of `size` bytes with those pieces, in their order."""
    digest = blake3(size.to_bytes(8, "big"))
    for piece in pieces:
        digest.update(piece)
    return digest.hexdigest()[:40]


def short_digest(data: bytes | memoryview) -> str:
    """As `content_digest`, for content that is one piece at most; many small files are digested, so it calls little."""
    piece = blake3(data).digest() if data else b""
    return blake3(len(data).to_bytes(8, "big") + piece).hexdigest(20)


def content_hash(digest: str) -> str:
    """What `File.hash` says of content with that digest."""
    return PREFIX + digest


def digest_in(text: str | None) -> str:
    """The digest in a hash that was made from content, an empty text for a hash that a user chose."""
    return text.removeprefix(PREFIX) if text and text.startswith(PREFIX) else ""


def directory_digest(entries: Iterable[tuple[str, str]]) -> str:
    """40 hexadecimal digits for a directory of files, given as relative name and digest."""
    digest = blake3()
    for name, of_file in sorted(entries):
        encoded = name.encode("utf-8", "surrogateescape")
        digest.update(len(encoded).to_bytes(8, "big") + encoded + of_file.encode())
    return digest.hexdigest()[:40]


class RunningDigest:
    """The digest of a stream, piece by piece as it is written or read."""

    def __init__(self) -> None:
        self.size: int = 0
        self._pieces: list[bytes] = []
        self._piece: Any = blake3()
        self._room = PIECE_BYTES

    def update(self, data: bytes | bytearray | memoryview) -> None:
        """Go on with `data`."""
        view = memoryview(data).cast("B")
        self.size += len(view)
        while len(view) >= self._room:
            self._piece.update(view[: self._room])
            self._pieces.append(self._piece.digest())
            view = view[self._room :]
            self._piece, self._room = blake3(), PIECE_BYTES
        if view:
            self._piece.update(view)
            self._room -= len(view)

    def digest(self) -> str:
        """The digest of everything until now."""
        pieces = self._pieces if self._room == PIECE_BYTES else [*self._pieces, self._piece.digest()]
        return content_digest(pieces, self.size)
