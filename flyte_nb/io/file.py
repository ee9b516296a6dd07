"""One stored file, by reference."""

from __future__ import annotations

import asyncio
import os
import secrets
from typing import Any, ClassVar, Self

from .._public import public
from ..storage.addresses import checked_path, last_step, local_path, own_path, without_secrets
from ..storage.digests import content_hash, digest_in
from .async_streams import OpeningAsync
from .file_transfer import fetch_file, is_file, is_quick, store_file
from .parameters import T
from .places import checked_name, is_content_place, named_place, new_place
from .reference import Reference
from .streams import WRITING, OpenedFile, Opening, open_file


@public
class File(Reference[T]):
    """A stored file: an address that tasks pass on, while the bytes stay where they are until somebody opens them.

    ``File["csv"]`` says what is in it, and a file of another format is refused where that is declared.

    Parameters
    ----------
    path : str
        Address of the data.
    name : str, optional
        What it is called; by default the last step of the address.
    format : str
        What it is, for instance "csv".
    hash : str, optional
        What stands for its content in cache keys.

    Examples
    --------
    >>> file = await File.from_local("data.csv")
    >>> async with file.open("rb") as stream:
    ...     head = await stream.read(100)

    Specification: *Files and directories*.
    """

    _noun: ClassVar[str] = "file"
    _how_opened: ClassVar[str] = (
        'A File is an address: open it, `async with file.open("r") as stream:` and `await stream.read()`, or'
        ' `with file.open_sync("r") as stream:` without await.'
    )

    @classmethod
    def from_local_sync(
        cls,
        local_path: str | os.PathLike[str],
        remote_destination: str | None = None,
        file_cache_key: str | None = None,
    ) -> Self:
        """Copy a local file into the store, where its content names it: the same content is kept once.

        Parameters
        ----------
        local_path : str or path
            The file; it stays yours, and what you do to it later changes nothing.
        remote_destination : str, optional
            An address of your own instead.
        file_cache_key : str, optional
            What stands for the content in cache keys instead of its digest.

        Returns
        -------
        File

        Raises
        ------
        FileNotFoundError, IsADirectoryError, PermissionError
            If it cannot be read.
        StorageError
            If it cannot be stored.

        Examples
        --------
        >>> file = File.from_local_sync("data.csv")

        Specification: *Files and directories*.
        """
        source = own_path(local_path)
        name = os.path.basename(source)
        if remote_destination is not None:
            remote_destination = _address(remote_destination, "from_local")
            remote_destination += name if remote_destination.endswith("/") else ""
        address, digest = store_file(source, name, remote_destination)
        if remote_destination is not None:
            name = last_step(remote_destination)
        return cls(path=address, name=name, hash=file_cache_key or content_hash(digest))

    @classmethod
    async def from_local(
        cls,
        local_path: str | os.PathLike[str],
        remote_destination: str | None = None,
        file_cache_key: str | None = None,
    ) -> Self:
        """As `from_local_sync`, while the loop goes on. A small file is copied before the loop goes on."""
        if is_quick(local_path, remote_destination):
            return cls.from_local_sync(local_path, remote_destination, file_cache_key)
        return await asyncio.to_thread(cls.from_local_sync, local_path, remote_destination, file_cache_key)

    @classmethod
    def from_existing_remote(cls, path: str, file_cache_key: str | None = None) -> Self:
        """Refer to a file that is stored already; nothing is read.

        Parameters
        ----------
        path : str
            Its address, for instance "s3://bucket/data.csv".
        file_cache_key : str, optional
            What stands for its content in cache keys; without one the address does.

        Returns
        -------
        File

        Examples
        --------
        >>> File.from_existing_remote("s3://bucket/data.csv")

        Specification: *Files and directories*.
        """
        return cls(path=_address(path, "from_existing_remote"), hash=file_cache_key)

    @classmethod
    def new_remote(cls, file_name: str | None = None) -> Self:
        """A file that does not exist yet, at a new address of the store: open it for writing.

        Parameters
        ----------
        file_name : str, optional
            What it is called; by default something nobody else uses.

        Returns
        -------
        File

        Raises
        ------
        ValueError
            If the name leads out of its folder.
        NotInTaskContextError
            If there is no store.

        Examples
        --------
        >>> out = File.new_remote("result.csv")
        >>> async with out.open("w") as stream:
        ...     await stream.write("a,b")

        Specification: *Files and directories*.
        """
        name = checked_name(file_name, "file") if file_name is not None else secrets.token_hex(8)
        return cls(path=new_place(name), name=last_step(name))

    @classmethod
    def named_remote(cls, name: str) -> Self:
        """As `new_remote`, at the address that the same action gets for that name in every attempt.

        Parameters
        ----------
        name : str

        Returns
        -------
        File

        Raises
        ------
        ValueError
            If the name leads out of its folder.

        Examples
        --------
        >>> checkpoint = File.named_remote("checkpoint.bin")

        Specification: *Files and directories*.
        """
        name = checked_name(name, "file")
        return cls(path=named_place(name), name=last_step(name))

    def open(
        self,
        mode: str = "rb",
        block_size: int | None = None,
        cache_type: str = "readahead",
        compression: str | None = None,
        **options: Any,
    ) -> OpeningAsync:
        """Open the file for an ``async with`` block.

        What is written appears when the block ends, whole; if it ends with an error, nothing appears. Reading may
        start anywhere: `seek` and `read` fetch that range alone. Content that is read from beginning to end is
        compared with its digest, where that is known.

        Parameters
        ----------
        mode : {"rb", "r", "wb", "w", "xb", "x"}
            Without "b" for text; "x" refuses to replace.
        block_size : int, optional
            How many bytes are fetched or sent at a time.
        cache_type : str
            How fsspec reads ahead in a remote file. By default by little, and by more and more while it is read on.
        compression : str, optional
            "gzip", "bz2", "xz", "zstd", …, or "infer" to go by the ending of the name.
        **options
            `encoding` ("utf-8"), `errors`, `newline` for text; others go to the file system.

        Returns
        -------
        async context manager

        Raises
        ------
        FileNotFoundError, IsADirectoryError, PermissionError, StorageError
            If it cannot be opened, or is not what was stored.
        ValueError
            If mode or compression is unknown.
        TypeError
            If an option is a misspelt word.

        Examples
        --------
        >>> async with file.open("r") as lines:
        ...     async for line in lines:
        ...         print(line)

        Specification: *Files and directories*.
        """

        def opener() -> OpenedFile:
            return self._opened(mode, block_size, cache_type, compression, options)

        return OpeningAsync(opener, self._note, is_near=local_path(self.path) is not None)

    def open_sync(
        self,
        mode: str = "rb",
        block_size: int | None = None,
        cache_type: str = "readahead",
        compression: str | None = None,
        **options: Any,
    ) -> Opening:
        """As `open`, for a ``with`` block."""

        def opener() -> OpenedFile:
            return self._opened(mode, block_size, cache_type, compression, options)

        return Opening(opener, self._note)

    def download_sync(self, local_path: str | os.PathLike[str] | None = None) -> str:
        """Copy the content to a local file of yours.

        Parameters
        ----------
        local_path : str or path, optional
            Where to; a folder gets the file inside. By default a folder that is gone when this process ends.

        Returns
        -------
        str
            Absolute path of the copy.

        Raises
        ------
        FileNotFoundError, IsADirectoryError, PermissionError
            If it cannot be read.
        StorageError
            If it is out of reach, or its content is not what was stored.

        Examples
        --------
        >>> path = file.download_sync("copies/")

        Specification: *Files and directories*.
        """
        return fetch_file(self.path, self.name or last_step(self.path), self.hash, local_path)

    async def download(self, local_path: str | os.PathLike[str] | None = None) -> str:
        """As `download_sync`, while the loop goes on."""
        return await asyncio.to_thread(self.download_sync, local_path)

    def exists_sync(self) -> bool:
        """Whether there is a file at the address.

        Raises
        ------
        StorageError
            If nobody can tell.

        Specification: *Files and directories*.
        """
        return is_file(self.path)

    async def exists(self) -> bool:
        """As `exists_sync`, while the loop goes on."""
        return self.exists_sync() if local_path(self.path) is not None else await asyncio.to_thread(self.exists_sync)

    def _opened(
        self, mode: str, block_size: int | None, cache_type: str, compression: str | None, options: dict[str, Any]
    ) -> OpenedFile:
        if mode in WRITING and is_content_place(self.path):
            raise PermissionError(
                f"Cannot write {self.path!r}: it is stored under the digest of its content, and others may refer to it."
                f" Write to a new file: {type(self).__name__}.new_remote({self.name!r})."
            )
        return open_file(
            self.path,
            mode,
            block_size=block_size,
            cache_type=cache_type,
            compression=compression,
            options=options,
            digest=digest_in(self.hash),
        )

    def _note(self, written: tuple[str, int]) -> None:
        """What was written has a digest; a hash that the user chose stays."""
        if not self.hash or digest_in(self.hash):
            self.hash: str | None = content_hash(written[0])


def _address(path: Any, method: str) -> str:
    if isinstance(path, os.PathLike):
        path = own_path(path)
    if not isinstance(path, str) or not path:
        raise TypeError(f"{method} takes an address such as 's3://bucket/data.csv', got {path!r}.")
    return without_secrets(checked_path(path))
