"""A store at any address that fsspec knows."""

from __future__ import annotations

import asyncio

from ..errors import StorageError, StorageUnreachableError
from .addresses import filesystem
from .faults import retried
from .remote_copy import upload_bytes, upload_file
from .store import StoredBlob, blob_name, checksum_of, checksum_of_file, verified


class FsspecStore:
    """Keeps bytes below an fsspec address such as ``s3://bucket/prefix``.

    What may help is tried again.

    Parameters
    ----------
    root : str
        Address with its protocol.

    Raises
    ------
    StorageError
        If fsspec does not know the protocol, or its package is missing.
    """

    def __init__(self, root: str) -> None:
        self.root: str = root.rstrip("/")
        self._filesystem, self._path = filesystem(self.root)

    def put_nowait(self, data: bytes, *, suffix: str = "") -> StoredBlob:
        """See `Store`."""
        checksum = checksum_of(data)
        uri = self.path_for(blob_name(checksum, suffix))
        try:
            upload_bytes(data, self._filesystem, self._inner(uri))
        except Exception as error:
            raise StorageError(f"Cannot write {uri}: {type(error).__name__}: {error}") from error
        return StoredBlob(uri, len(data), checksum)

    def put_file_nowait(self, path: str, *, suffix: str = "") -> StoredBlob:
        """See `Store`."""
        checksum, size = checksum_of_file(path)
        uri = self.path_for(blob_name(checksum, suffix))
        try:
            upload_file(path, self._filesystem, self._inner(uri))
        except Exception as error:
            raise StorageError(f"Cannot write {uri}: {type(error).__name__}: {error}") from error
        return StoredBlob(uri, size, checksum)

    def get_nowait(self, uri: str, *, checksum: str = "") -> bytes:
        """See `Store`."""
        try:
            data: bytes = retried(lambda: self._filesystem.cat_file(self._inner(uri)))
        except FileNotFoundError:
            raise StorageError(f"{uri} is missing: a result that the journal knows is gone from its store.") from None
        except Exception as error:
            raise StorageUnreachableError(f"Cannot read {uri}: {type(error).__name__}: {error}") from error
        return verified(data, uri, checksum)

    async def put(self, data: bytes, *, suffix: str = "") -> StoredBlob:
        """See `Store`."""
        return await asyncio.to_thread(self.put_nowait, data, suffix=suffix)

    async def get(self, uri: str, *, checksum: str = "") -> bytes:
        """See `Store`."""
        return await asyncio.to_thread(self.get_nowait, uri, checksum=checksum)

    def has(self, uri: str) -> bool:
        """See `Store`."""
        try:
            return bool(retried(lambda: self._filesystem.exists(self._inner(uri))))
        except Exception as error:
            raise StorageUnreachableError(f"Cannot look for {uri}: {type(error).__name__}: {error}") from error

    def owns(self, uri: str) -> bool:
        """See `Store`."""
        return uri.startswith(self.root + "/")

    def path_for(self, name: str) -> str:
        """See `Store`."""
        return f"{self.root}/{name}"

    def _inner(self, uri: str) -> str:
        return self._path + uri.removeprefix(self.root) if self.owns(uri) else filesystem(uri)[1]
