"""Small named objects below an address: written whole, once, and listed by name."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Protocol

from ..errors import StorageError
from ..storage.addresses import filesystem, local_path, without_secrets
from ..storage.faults import retried
from ..storage.local_copy import is_unfinished, unfinished_beside
from ..storage.remote_copy import upload_bytes


class Objects(Protocol):
    """What a registry needs of a place."""

    def create(self, path: str, data: bytes) -> bool:
        """Write an object whole; False, and nothing is changed, if there is one of that name.

        Raises
        ------
        StorageError
            If it cannot be written.
        """

    def put(self, path: str, data: bytes) -> None:
        """Write an object whole, in place of one of that name.

        Raises
        ------
        StorageError
            If it cannot be written.
        """

    def read(self, path: str) -> bytes | None:
        """The bytes of an object, None if there is none.

        Raises
        ------
        StorageError
            If it cannot be read.
        """

    def delete(self, path: str) -> None:
        """Remove an object; nothing if there is none of that name.

        Raises
        ------
        StorageError
            If it cannot be removed.
        """

    def has(self, path: str) -> bool:
        """Whether there is an object of that name.

        Raises
        ------
        StorageError
            If nobody can tell.
        """

    def names(self, folder: str) -> list[str]:
        """Names of what is in a folder, in order; none if there is no folder."""


def objects_at(address: str) -> Objects:
    """The objects below a folder or an address.

    Raises
    ------
    StorageError
        If nobody knows that kind of address, or it carries a password.
    """
    path = local_path(address)
    return LocalObjects(path) if path is not None else RemoteObjects(without_secrets(address))


class LocalObjects:
    """In a folder, with the permissions that its owner's umask gives: a team may share it."""

    def __init__(self, folder: str) -> None:
        self._root = Path(folder).absolute()

    def create(self, path: str, data: bytes) -> bool:
        """See `Objects`."""
        try:
            self._publish(path, data, os.link)
        except FileExistsError:
            return False
        return True

    def put(self, path: str, data: bytes) -> None:
        """See `Objects`."""
        self._publish(path, data, os.replace)

    def _publish(self, path: str, data: bytes, publish: Callable[[Path, Path], None]) -> None:
        target = self._root / path
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            unfinished = Path(unfinished_beside(str(target)))
            try:
                unfinished.write_bytes(data)
                publish(unfinished, target)
            finally:
                unfinished.unlink(missing_ok=True)
        except FileExistsError:
            raise
        except OSError as error:
            raise StorageError(f"Cannot write {target}: {error.strerror or error}.") from error

    def read(self, path: str) -> bytes | None:
        """See `Objects`."""
        try:
            return (self._root / path).read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise StorageError(f"Cannot read {self._root / path}: {error.strerror or error}.") from error

    def delete(self, path: str) -> None:
        """See `Objects`."""
        try:
            (self._root / path).unlink(missing_ok=True)
        except OSError as error:
            raise StorageError(f"Cannot remove {self._root / path}: {error.strerror or error}.") from error

    def has(self, path: str) -> bool:
        """See `Objects`."""
        return (self._root / path).is_file()

    def names(self, folder: str) -> list[str]:
        """See `Objects`."""
        try:
            return sorted(name for name in os.listdir(self._root / folder) if not is_unfinished(name))
        except (FileNotFoundError, NotADirectoryError):
            return []
        except OSError as error:
            raise StorageError(f"Cannot list {self._root / folder}: {error.strerror or error}.") from error


class RemoteObjects:
    """At an address that fsspec knows."""

    def __init__(self, root: str) -> None:
        self._system, self._path = filesystem(root.rstrip("/"))
        self._root = root.rstrip("/")

    def create(self, path: str, data: bytes) -> bool:
        """See `Objects`. Without conditional writes, two at the very same moment are told apart afterwards."""
        target = f"{self._path}/{path}"
        with self._translated("write", path):
            if retried(lambda: self._system.exists(target)):
                return False
            if not self._created(target, data):
                return False
            return bool(retried(lambda: self._system.cat_file(target)) == data)

    def put(self, path: str, data: bytes) -> None:
        """See `Objects`."""
        with self._translated("write", path):
            upload_bytes(data, self._system, f"{self._path}/{path}")

    def _created(self, target: str, data: bytes) -> bool:
        try:
            self._system.pipe_file(target, data, mode="create")
        except FileExistsError:
            return False
        except (TypeError, ValueError, NotImplementedError):
            upload_bytes(data, self._system, target)
        return True

    def read(self, path: str) -> bytes | None:
        """See `Objects`."""
        with self._translated("read", path):
            try:
                data: bytes = retried(lambda: self._system.cat_file(f"{self._path}/{path}"))
            except FileNotFoundError:
                return None
            return data

    def delete(self, path: str) -> None:
        """See `Objects`."""
        with self._translated("remove", path), suppress(FileNotFoundError):
            retried(lambda: self._system.rm_file(f"{self._path}/{path}"))

    def has(self, path: str) -> bool:
        """See `Objects`."""
        with self._translated("look for", path):
            return bool(retried(lambda: self._system.exists(f"{self._path}/{path}")))

    def names(self, folder: str) -> list[str]:
        """See `Objects`."""
        with self._translated("list", folder):
            try:
                self._system.invalidate_cache()
                found: list[Any] = retried(lambda: self._system.ls(f"{self._path}/{folder}", detail=False))
            except FileNotFoundError:
                return []
        names = (str(one).rstrip("/").rpartition("/")[2] for one in found)
        return sorted(name for name in names if name and not is_unfinished(name))

    @contextmanager
    def _translated(self, doing: str, path: str) -> Iterator[None]:
        try:
            yield
        except Exception as error:
            raise StorageError(f"Cannot {doing} {self._root}/{path}: {type(error).__name__}: {error}") from error
