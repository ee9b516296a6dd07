"""What can go wrong far away: what is worth another try, and how the rest is said."""

from __future__ import annotations

import contextlib
import errno
import time
from collections.abc import Callable, Iterator
from typing import TypeVar

from ..errors import StorageError

T = TypeVar("T")

TRIES = 4
FIRST_PAUSE_S = 0.2

_NOT_WORTH_ANOTHER_TRY = (
    FileNotFoundError,
    IsADirectoryError,
    NotADirectoryError,
    PermissionError,
    FileExistsError,
    InterruptedError,
    ValueError,
    TypeError,
    NotImplementedError,
    ImportError,
    MemoryError,
    StorageError,
)

_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def retried(operation: Callable[[], T]) -> T:
    """What `operation` gives, asked again after a pause where that may help."""
    pause = FIRST_PAUSE_S
    for _ in range(TRIES - 1):
        try:
            return _reached(operation)
        except _NOT_WORTH_ANOTHER_TRY:
            raise
        except Exception:
            time.sleep(pause)
            pause *= 3
    return _reached(operation)


def _reached(operation: Callable[[], T]) -> T:
    """What `operation` gives. Of a web server that does not answer fsspec says that there is no such file."""
    try:
        return operation()
    except FileNotFoundError as error:
        if isinstance(error.__cause__, OSError) and not isinstance(error.__cause__, FileNotFoundError):
            raise error.__cause__ from None
        raise


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


@contextlib.contextmanager
def explained_copy(source: str, target: str, unfinished: str) -> Iterator[None]:
    """As `explained`, for a copy to the local file `unfinished`, which becomes `target`: it says which end failed."""
    try:
        yield
    except OSError as error:
        of_target = error.filename == unfinished or error.errno in _NO_ROOM
        with explained(*(("write", target) if of_target else ("read", source))):
            raise
    except Exception:
        with explained("read", source):
            raise


def _explanation(doing: str, address: str, error: Exception) -> Exception | None:
    start = f"Cannot {doing} {address!r}:"
    if isinstance(error, FileNotFoundError):
        if doing == "write":
            return FileNotFoundError(f"{start} the bucket or folder for it does not exist, or it takes no such name.")
        return FileNotFoundError(f"{start} there is nothing at that address. Was it moved, or never written?")
    if isinstance(error, FileExistsError):
        return FileExistsError(f"{start} something is there already, and it is not to be replaced.")
    if isinstance(error, IsADirectoryError):
        if doing == "write":
            return IsADirectoryError(f"{start} a directory is there already. Choose another name, or remove it.")
        return IsADirectoryError(f"{start} it is a directory. Use Dir for directories.")
    if isinstance(error, NotADirectoryError):
        if doing == "write":
            return NotADirectoryError(f"{start} it lies below a file, not in a directory. Choose another place.")
        return NotADirectoryError(f"{start} it is no directory, or lies below a file. Use File for files.")
    if isinstance(error, PermissionError):
        return PermissionError(f"{start} permission denied. May you read and write there?")
    if isinstance(error, UnicodeError):
        return StorageError(f"{start} a name in it is not valid Unicode, which only this machine's own files may have.")
    if isinstance(error, NotImplementedError):
        return StorageError(f"{start} whatever is there cannot do that.")
    if isinstance(error, OSError):
        reason = error.strerror or (str(error) if type(error) is OSError else f"{type(error).__name__}: {error}")
        return StorageError(f"{start} {reason}".rstrip(".") + ".")
    if type(error).__module__.partition(".")[0] in ("builtins", "flyte_nb"):
        return None
    return StorageError(f"{start} {type(error).__name__}: {error}")
