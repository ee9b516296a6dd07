"""What every store promises."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Protocol

from blake3 import blake3

from ..errors import StorageError

_PIECE_BYTES = 4 * 2**20


@dataclass(frozen=True, slots=True)
class StoredBlob:
    """Where bytes were put.

    Attributes
    ----------
    uri : str
        Address for `Store.get`.
    size_bytes : int
    checksum : str
        BLAKE3 of the content, 32 hexadecimal digits.
    """

    uri: str
    size_bytes: int
    checksum: str


class Store(Protocol):
    """Keeps bytes under the digest of their content.

    Putting the same bytes twice gives the same address. An object becomes visible whole or not at all, and what
    is read is compared with its checksum. `_nowait` methods do their I/O on the calling thread.
    """

    @property
    def root(self) -> str:
        """Address below which everything is kept."""

    def put_nowait(self, data: bytes, *, suffix: str = "") -> StoredBlob:
        """Keep `data`; the address ends in `suffix`.

        Raises
        ------
        StorageError
            If it cannot be written.
        """

    def put_file_nowait(self, path: str, *, suffix: str = "") -> StoredBlob:
        """Keep the content of a local file, never all in memory; the file is moved there where that is possible.

        Raises
        ------
        StorageError
            If it cannot be written.
        """

    def get_nowait(self, uri: str, *, checksum: str = "") -> bytes:
        """The bytes at `uri`.

        Raises
        ------
        StorageError
            If they are missing, or not those that were put there.
        """

    async def put(self, data: bytes, *, suffix: str = "") -> StoredBlob:
        """As `put_nowait`, letting the loop go on where the store is far away."""

    async def get(self, uri: str, *, checksum: str = "") -> bytes:
        """As `get_nowait`, letting the loop go on where the store is far away."""

    def has(self, uri: str) -> bool:
        """Whether something is kept at `uri`."""

    def owns(self, uri: str) -> bool:
        """Whether `uri` lies below this store's root."""

    def path_for(self, name: str) -> str:
        """Address of a new object called `name` below the root; nothing is written."""


def checksum_of(data: bytes) -> str:
    """BLAKE3 of `data`, as 32 hexadecimal digits."""
    return blake3(data).hexdigest(length=16)


def checksum_of_file(path: str) -> tuple[str, int]:
    """The checksum of a file's content, and its size in bytes."""
    size = os.path.getsize(path)
    return blake3(max_threads=blake3.AUTO).update_mmap(path).hexdigest(length=16), size


def checksum_in_pieces(path: str) -> str:
    """The checksum of a file's content, with little memory: what is mapped counts as memory of the process."""
    hasher = blake3(max_threads=blake3.AUTO)
    with open(path, "rb", buffering=0) as file:
        while piece := file.read(_PIECE_BYTES):
            hasher.update(piece)
    return hasher.hexdigest(length=16)


def verified(data: bytes, uri: str, checksum: str) -> bytes:
    """`data`, if it has that checksum; an empty checksum is taken on trust.

    Raises
    ------
    StorageError
        If it has another.
    """
    if checksum:
        checked(checksum_of(data), uri, checksum, len(data))
    return data


def checked(found: str, uri: str, checksum: str, size: int) -> None:
    """Compare the checksum that was found with the one that was expected.

    Raises
    ------
    StorageError
        If it is another.
    """
    if found != checksum:
        raise StorageError(
            f"{uri} is damaged: expected {checksum}, found {found} over {size:,} bytes. `flyte-nb rerun RUN`"
            " computes it anew; a call that would be answered with it runs again by itself."
        )


def checksum_in(uri: str) -> str:
    """The checksum that an address made by `blob_name` ends in, else an empty text."""
    name = uri.rpartition("/")[2].partition(".")[0]
    return name if len(name) == 32 and all(digit in "0123456789abcdef" for digit in name) else ""


def stored_checksum(uri: str) -> str:
    """The checksum in an address that a store gave, else an empty text."""
    checksum = checksum_in(uri)
    name = uri.replace("\\", "/").rpartition("/")[2]
    is_ours = checksum and uri.replace("\\", "/").endswith(blob_name(checksum, name[len(checksum) :]))
    return checksum if is_ours else ""


def blob_name(checksum: str, suffix: str) -> str:
    """Path below a root for content of that checksum; 256 folders keep listings short."""
    return f"blobs/{checksum[:2]}/{checksum}{suffix}"
