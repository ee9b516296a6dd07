"""Stored frames as something to read from: bytes compared with their checksum, or a file that is read in parts."""

from __future__ import annotations

import contextlib
import glob
import os
from collections.abc import Iterator
from typing import Any

import pyarrow
import pyarrow.fs

from ...errors import StorageError
from ...storage import open_store
from ...storage.addresses import filesystem, local_path
from ...storage.faults import explained
from ...storage.reading_ahead import opened_for_reading
from ...storage.store import checked, checksum_in_pieces, stored_checksum

VERIFIED_WHOLE_UP_TO = 64 * 2**20


def size_bytes(uri: str) -> int:
    """The size of what is stored at an address; of a folder, of all that is in it."""
    path = local_path(uri)
    with explained("read", uri):
        if path is None:
            system, inner = filesystem(uri)
            return int(system.du(inner) if system.isdir(inner) else system.info(inner)["size"])
        if os.path.isdir(path):
            found = glob.iglob("**/*", root_dir=path, recursive=True)
            return sum(os.path.getsize(os.path.join(path, name)) for name in found)
        return os.path.getsize(path)


def is_folder(uri: str) -> bool:
    """Whether frames are in several files below an address."""
    path = local_path(uri)
    if path is not None:
        return os.path.isdir(path)
    if stored_checksum(uri):
        return False
    system, inner = filesystem(uri)
    with explained("read", uri):
        return bool(system.isdir(inner))


@contextlib.contextmanager
def whole(uri: str) -> Iterator[pyarrow.NativeFile]:
    """All of a stored object, compared with its checksum where the store gave it one."""
    checksum = stored_checksum(uri)
    if checksum:
        yield pyarrow.BufferReader(open_store(uri).get_nowait(uri, checksum=checksum))
    else:
        with in_parts(uri) as file:
            yield file


@contextlib.contextmanager
def in_parts(uri: str) -> Iterator[pyarrow.NativeFile]:
    """A stored object to read from here and there, without the rest of it."""
    path = local_path(uri)
    if path is not None:
        with explained("read", uri):
            if os.path.isdir(path):
                raise IsADirectoryError(path)
            file = pyarrow.OSFile(path)
        with file:
            yield file
        return
    system, inner = filesystem(uri)
    with explained("read", uri):
        opened = opened_for_reading(system, inner)
    with opened:
        yield pyarrow.PythonFile(opened, mode="r")


def verify_small(uri: str) -> None:
    """Compare a stored file with its checksum, unless it is large: a scan is there to leave most of that out."""
    checksum = stored_checksum(uri)
    if checksum and size_bytes(uri) <= VERIFIED_WHOLE_UP_TO:
        open_store(uri).get_nowait(uri, checksum=checksum)


def verify(uri: str) -> None:
    """Compare a stored file with its checksum before all of it is read in parts; a large one if it is on this machine.

    A large object far away would come twice.

    Raises
    ------
    StorageError
        If it is damaged.
    """
    checksum, path = stored_checksum(uri), local_path(uri)
    if path is None or not checksum:
        verify_small(uri)
        return
    with explained("read", uri):
        checked(checksum_in_pieces(path), uri, checksum, os.path.getsize(path))


def dataset_of(uri: str, form: Any) -> Any:
    """What is at an address as an Arrow dataset: a file, or a folder of files."""
    import pyarrow.dataset

    path = local_path(uri)
    with explained("read", uri):
        if path is not None:
            os.stat(path)
            return pyarrow.dataset.dataset(os.path.abspath(path), format=form)
        system, inner = filesystem(uri)
        return pyarrow.dataset.dataset(inner, format=form, filesystem=pyarrow.fs.PyFileSystem(_InParts(system)))


class _InParts(pyarrow.fs.FSSpecHandler):  # type: ignore[misc]
    """An fsspec file system for Arrow, which by itself would fetch far more of a file than it asks for."""

    def open_input_file(self, path: str) -> pyarrow.NativeFile:
        if not self.fs.isfile(path):
            raise FileNotFoundError(path)
        return pyarrow.PythonFile(opened_for_reading(self.fs, path), mode="r")


@contextlib.contextmanager
def readable_as(form: str, uri: str) -> Iterator[None]:
    """Turn what a reader raises into an error that names the object and the place in it."""
    try:
        yield
    except StorageError:
        raise
    except (pyarrow.ArrowException, ValueError, OSError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        raise StorageError(
            f"{uri} cannot be read as {form}: {' '.join(str(error).split())}. Is it whole, and is that its format?"
        ) from error
