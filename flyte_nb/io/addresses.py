"""Addresses: folders of this machine, and everything fsspec knows."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Iterator
from typing import Any, TypeVar
from urllib.parse import unquote

from ..errors import StorageError

T = TypeVar("T")

TRIES = 3
FIRST_PAUSE_S = 0.2

_PUBLISHED_WHOLE = frozenset(["s3", "s3a", "gs", "gcs", "abfs", "abfss", "az"])
_NOT_WORTH_ANOTHER_TRY = (
    FileNotFoundError,
    IsADirectoryError,
    NotADirectoryError,
    PermissionError,
    FileExistsError,
    ValueError,
    TypeError,
    NotImplementedError,
    ImportError,
    MemoryError,
    StorageError,
)


def local_path(address: str) -> str | None:
    """The path of an address in this machine's own file system, None for other addresses."""
    if address.startswith("file://"):
        return unquote(address.removeprefix("file://").removeprefix("localhost"))
    if "://" in address:
        return None
    return os.path.expanduser(address)


def filesystem(address: str) -> tuple[Any, str]:
    """The fsspec file system of an address, and the path inside it.

    Raises
    ------
    StorageError
        If nobody knows that kind of address, or its package is missing.
    """
    import fsspec

    try:
        system, path = fsspec.core.url_to_fs(address)
    except (ValueError, ImportError) as error:
        raise StorageError(
            f"Cannot reach {address!r}: {error}. Give a path, or an address whose package is installed"
            " (extras: s3, gcs, azure)."
        ) from error
    return system, path


def publishes_whole(system: Any) -> bool:
    """Whether an object of that file system becomes visible when its upload is complete, and never before."""
    protocols = system.protocol
    return not _PUBLISHED_WHOLE.isdisjoint([protocols] if isinstance(protocols, str) else protocols)


def joined(address: str, name: str) -> str:
    """The address of `name` below a folder."""
    return f"{address.rstrip('/')}/{name}" if name else address


def last_step(address: str) -> str:
    """The name that an address ends in."""
    return address.rstrip("/").replace("\\", "/").rpartition("/")[2]


def retried(operation: Callable[[], T]) -> T:
    """What `operation` gives, asked again after a pause where that may help."""
    pause = FIRST_PAUSE_S
    for _ in range(TRIES - 1):
        try:
            return operation()
        except _NOT_WORTH_ANOTHER_TRY:
            raise
        except Exception:
            time.sleep(pause)
            pause *= 4
    return operation()


@contextlib.contextmanager
def explained(doing: str, address: str) -> Iterator[None]:
    """Turn what a file system raises into an error that names the address.

    What the user may expect and catch keeps its class; everything else becomes a `StorageError`.
    """
    try:
        yield
    except StorageError:
        raise
    except Exception as error:
        if getattr(error, "is_explained", False):
            raise
        better = _explanation(doing, address, error)
        if better is None:
            raise
        better.is_explained = True  # type: ignore[attr-defined]
        raise better from error


def _explanation(doing: str, address: str, error: Exception) -> Exception | None:
    start = f"Cannot {doing} {address!r}:"
    if isinstance(error, FileNotFoundError):
        if doing == "write":
            return FileNotFoundError(f"{start} the bucket or folder for it does not exist, or it takes no such name.")
        return FileNotFoundError(f"{start} there is nothing at that address. Was it moved, or never written?")
    if isinstance(error, FileExistsError):
        return FileExistsError(f"{start} something is there already, and it is not to be replaced.")
    if isinstance(error, IsADirectoryError):
        return IsADirectoryError(f"{start} it is a directory. Use Dir for directories.")
    if isinstance(error, NotADirectoryError):
        return NotADirectoryError(f"{start} it is no directory, or lies below a file. Use File for files.")
    if isinstance(error, PermissionError):
        return PermissionError(f"{start} permission denied. May you read and write there?")
    if isinstance(error, OSError):
        return StorageError(f"{start} {error.strerror or f'{type(error).__name__}: {error}'}".rstrip(".") + ".")
    if type(error).__module__.partition(".")[0] in ("builtins", "flyte_nb"):
        return None
    return StorageError(f"{start} {type(error).__name__}: {error}")
