"""A store at any address that fsspec knows."""

from __future__ import annotations

import asyncio
from typing import Any

from ..errors import StorageError
from .store import StoredBlob, blob_name, checksum_of, checksum_of_file, verified

# making a folder there would look for its bucket, and make one that is missing
_OBJECT_STORES = frozenset(["s3", "s3a", "gs", "gcs", "abfs", "abfss", "az"])


class FsspecStore:
    """Keeps bytes below an fsspec address such as ``s3://bucket/prefix``.

    Object stores publish an object when its upload is complete, so nothing half-written is ever visible.

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
        self.root = root.rstrip("/")
        self._filesystem = _filesystem(root)
        protocols = self._filesystem.protocol
        self._has_no_folders = not _OBJECT_STORES.isdisjoint([protocols] if isinstance(protocols, str) else protocols)

    def put_nowait(self, data: bytes, *, suffix: str = "") -> StoredBlob:
        """See `Store`."""
        checksum = checksum_of(data)
        uri = self.path_for(blob_name(checksum, suffix))
        try:
            if not self._has_no_folders:
                self._filesystem.makedirs(uri.rpartition("/")[0], exist_ok=True)
            self._filesystem.pipe_file(uri, data)
        except Exception as error:
            raise StorageError(f"Cannot write {uri}: {type(error).__name__}: {error}") from error
        return StoredBlob(uri, len(data), checksum)

    def put_file_nowait(self, path: str, *, suffix: str = "") -> StoredBlob:
        """See `Store`."""
        checksum, size = checksum_of_file(path)
        uri = self.path_for(blob_name(checksum, suffix))
        try:
            if not self._has_no_folders:
                self._filesystem.makedirs(uri.rpartition("/")[0], exist_ok=True)
            self._filesystem.put_file(path, uri)
        except Exception as error:
            raise StorageError(f"Cannot write {uri}: {type(error).__name__}: {error}") from error
        return StoredBlob(uri, size, checksum)

    def get_nowait(self, uri: str, *, checksum: str = "") -> bytes:
        """See `Store`."""
        try:
            data: bytes = self._filesystem.cat_file(uri)
        except FileNotFoundError:
            raise StorageError(f"{uri} is missing: a result that the journal knows is gone from its store.") from None
        except Exception as error:
            raise StorageError(f"Cannot read {uri}: {type(error).__name__}: {error}") from error
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
            return bool(self._filesystem.exists(uri))
        except Exception as error:
            raise StorageError(f"Cannot look for {uri}: {type(error).__name__}: {error}") from error

    def owns(self, uri: str) -> bool:
        """See `Store`."""
        return uri.startswith(self.root + "/")

    def path_for(self, name: str) -> str:
        """See `Store`."""
        return f"{self.root}/{name}"


def _filesystem(root: str) -> Any:
    import fsspec

    try:
        return fsspec.core.url_to_fs(root)[0]
    except (ValueError, ImportError) as error:
        raise StorageError(
            f"Cannot use {root!r} as storage: {error}. Give a folder, or an address whose package is installed"
            " (extras: s3, gcs, azure)."
        ) from error
