"""A stored directory, by reference."""

from __future__ import annotations

import asyncio
import fnmatch
import os
import secrets
from collections.abc import AsyncIterator, Iterator
from itertools import islice
from numbers import Integral
from typing import Any, ClassVar, Self

from .._public import public
from ..storage.addresses import joined, last_step, own_path
from ..storage.digests import content_hash, digest_in
from .directory_transfer import fetch_directory, is_directory, known_digests, store_directory
from .downloads import new_download_folder
from .file import File, _address
from .file_transfer import is_file
from .parameters import T
from .places import checked_name, new_place
from .reference import Reference
from .trees import files_below

_BATCH = 256


@public
class Dir(Reference[T]):
    """A stored directory: an address that tasks pass on, while its files stay where they are.

    Parameters
    ----------
    path : str
        Address of the directory.
    name : str, optional
        What it is called; by default the last step of the address.
    format : str
        What its files are, for instance "parquet".
    hash : str, optional
        What stands for its content in cache keys.

    Examples
    --------
    >>> directory = await Dir.from_local("pictures")
    >>> async for file in directory.walk():
    ...     print(file.name)

    Specification: *Files and directories*.
    """

    _noun: ClassVar[str] = "directory"
    _how_opened: ClassVar[str] = (
        "A Dir is an address: `async for file in directory.walk():` goes through its files, and"
        " `await directory.download()` gives the path of a copy (`walk_sync()`, `download_sync()` without await)."
    )

    @classmethod
    def from_local_sync(
        cls,
        local_path: str | os.PathLike[str],
        remote_destination: str | None = None,
        dir_cache_key: str | None = None,
    ) -> Self:
        """Copy a local folder into the store, several files at a time; the same content is kept once.

        Links are followed: what they lead to is copied.

        Parameters
        ----------
        local_path : str or path
            The folder; it stays yours, and what you do to it later changes nothing.
        remote_destination : str, optional
            An address of your own instead.
        dir_cache_key : str, optional
            What stands for the content in cache keys instead of its digest.

        Returns
        -------
        Dir

        Raises
        ------
        FileNotFoundError, NotADirectoryError, PermissionError
            If it cannot be read.
        StorageError
            If it cannot be stored, or a link leads nowhere or round in a circle.

        Examples
        --------
        >>> directory = Dir.from_local_sync("pictures")

        Specification: *Files and directories*.
        """
        source = own_path(local_path)
        name = os.path.basename(source) or "data"
        if remote_destination is not None:
            remote_destination = _address(remote_destination, "from_local")
        address, digest = store_directory(source, name, remote_destination)
        if remote_destination is not None:
            name = last_step(remote_destination)
        return cls(path=address, name=name, hash=dir_cache_key or content_hash(digest))

    @classmethod
    async def from_local(
        cls,
        local_path: str | os.PathLike[str],
        remote_destination: str | None = None,
        dir_cache_key: str | None = None,
    ) -> Self:
        """As `from_local_sync`, while the loop goes on."""
        return await asyncio.to_thread(cls.from_local_sync, local_path, remote_destination, dir_cache_key)

    @classmethod
    def from_existing_remote(cls, path: str, dir_cache_key: str | None = None) -> Self:
        """Refer to a directory that is stored already; nothing is read.

        Parameters
        ----------
        path : str
            Its address, for instance "s3://bucket/pictures".
        dir_cache_key : str, optional
            What stands for its content in cache keys; without one the address does.

        Returns
        -------
        Dir

        Examples
        --------
        >>> Dir.from_existing_remote("s3://bucket/pictures")

        Specification: *Files and directories*.
        """
        return cls(path=_address(path, "from_existing_remote"), hash=dir_cache_key)

    @classmethod
    def new_remote(cls, dir_name: str | None = None) -> Self:
        """A directory that holds nothing yet, at a new address of the store; `new_file` puts files into it.

        Parameters
        ----------
        dir_name : str, optional
            What it is called; by default something nobody else uses.

        Returns
        -------
        Dir

        Raises
        ------
        ValueError
            If the name leads out of its folder.
        NotInTaskContextError
            If there is no store.

        Examples
        --------
        >>> out = Dir.new_remote("dataset/")

        Specification: *Files and directories*.
        """
        name = checked_name(dir_name, "directory") if dir_name is not None else secrets.token_hex(8)
        return cls(path=new_place(name), name=last_step(name))

    def walk_sync(
        self, recursive: bool = True, max_depth: int | None = None, file_pattern: str = "*"
    ) -> Iterator[File[Any]]:
        """Files of the directory, in the order of their names.

        Parameters
        ----------
        recursive : bool
            Whether folders in it are entered.
        max_depth : int, optional
            How deep; 1 is the directory itself.
        file_pattern : str
            Which names, for instance "*.csv".

        Yields
        ------
        File

        Raises
        ------
        FileNotFoundError, NotADirectoryError
            If there is no such directory.
        TypeError, ValueError
            If `max_depth` is no whole number, or less than 1.

        Examples
        --------
        >>> sizes = [file.name for file in directory.walk_sync(file_pattern="*.csv")]

        Specification: *Files and directories*.
        """
        for name, file in self._files(recursive, max_depth):
            if fnmatch.fnmatchcase(last_step(name), file_pattern):
                yield file

    async def walk(
        self, recursive: bool = True, max_depth: int | None = None, file_pattern: str = "*"
    ) -> AsyncIterator[File[Any]]:
        """As `walk_sync`, for ``async for``."""
        found = self.walk_sync(recursive, max_depth, file_pattern)
        while files := await asyncio.to_thread(lambda: list(islice(found, _BATCH))):
            for file in files:
                yield file

    def list_files_sync(self) -> list[File[Any]]:
        """Files of the directory itself, without those in its folders.

        Returns
        -------
        list of File

        Raises
        ------
        FileNotFoundError, NotADirectoryError
            If there is no such directory.

        Specification: *Files and directories*.
        """
        return list(self.walk_sync(recursive=False))

    async def list_files(self) -> list[File[Any]]:
        """As `list_files_sync`, while the loop goes on."""
        return await asyncio.to_thread(self.list_files_sync)

    def get_file_sync(self, name: str) -> File[Any] | None:
        """One file of the directory.

        Parameters
        ----------
        name : str
            Its path below the directory.

        Returns
        -------
        File or None
            None if there is no such file.

        Raises
        ------
        ValueError
            If the name leads out of the directory.

        Examples
        --------
        >>> readme = directory.get_file_sync("docs/readme.md")

        Specification: *Files and directories*.
        """
        file = self.new_file(name)
        if not is_file(file.path):
            return None
        digest = self._digests().get(name)
        return file.model_copy(update={"hash": content_hash(digest)}) if digest else file

    async def get_file(self, name: str) -> File[Any] | None:
        """As `get_file_sync`, while the loop goes on."""
        return await asyncio.to_thread(self.get_file_sync, name)

    def new_file(self, name: str) -> File[Any]:
        """A file at an address in this directory, to be written; whether there is one already is not looked up.

        Parameters
        ----------
        name : str
            Its path below the directory.

        Returns
        -------
        File

        Raises
        ------
        ValueError
            If the name leads out of the directory.

        Examples
        --------
        >>> with out.new_file("part-0.csv").open_sync("w") as stream:
        ...     stream.write("a,b")
        """
        name = checked_name(name, "file")
        return File(path=joined(self.path, name), name=last_step(name), format=self.format)

    def download_sync(self, local_path: str | os.PathLike[str] | None = None) -> str:
        """Copy all files to a local folder of yours, several at a time.

        Parameters
        ----------
        local_path : str or path, optional
            The folder; made if it is missing, added to if it is there. By default one that goes when this process ends.

        Returns
        -------
        str
            Absolute path of the folder.

        Raises
        ------
        FileNotFoundError, NotADirectoryError, PermissionError
            If it cannot be read.
        StorageError
            If it is out of reach, or a file is missing or damaged.

        Examples
        --------
        >>> folder = directory.download_sync("copies")

        Specification: *Files and directories*.
        """
        if local_path is None:
            target = os.path.join(new_download_folder(), last_step(self.name or "") or "data")
        else:
            target = own_path(local_path)
        fetch_directory(self.path, target, self._digests())
        return target

    async def download(self, local_path: str | os.PathLike[str] | None = None) -> str:
        """As `download_sync`, while the loop goes on."""
        return await asyncio.to_thread(self.download_sync, local_path)

    def exists_sync(self) -> bool:
        """Whether there is a directory at the address.

        Raises
        ------
        StorageError
            If nobody can tell.

        Specification: *Files and directories*.
        """
        return is_directory(self.path)

    async def exists(self) -> bool:
        """As `exists_sync`, while the loop goes on."""
        return await asyncio.to_thread(self.exists_sync)

    def empty_sync(self) -> bool:
        """Whether there is no file in the directory, nor in its folders; so it is for one that does not exist."""
        return not is_directory(self.path) or next(self._files(True, None), None) is None

    async def empty(self) -> bool:
        """As `empty_sync`, while the loop goes on."""
        return await asyncio.to_thread(self.empty_sync)

    def _files(self, recursive: bool, max_depth: int | None) -> Iterator[tuple[str, File[Any]]]:
        if max_depth is not None and (isinstance(max_depth, bool) or not isinstance(max_depth, Integral)):
            raise TypeError(f"max_depth is a whole number, or None for all folders; got {max_depth!r:.80}.")
        if max_depth is not None and max_depth < 1:
            raise ValueError(f"max_depth must be at least 1, the directory itself, got {max_depth}.")
        digests = self._digests()
        try:
            for entry in files_below(self.path, max_depth if recursive else 1):
                digest = digests.get(entry.name)
                known = content_hash(digest) if digest else None
                yield entry.name, File(path=entry.address, name=last_step(entry.name), format=self.format, hash=known)
        except FileNotFoundError:
            if not is_directory(self.path):
                raise

    def _digests(self) -> dict[str, str]:
        return known_digests(self.path) if digest_in(self.hash) else {}
