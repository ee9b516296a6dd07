"""Copies within this machine: by the kernel where it can, holes left out, the digest taken from what arrived."""

from __future__ import annotations

import errno
import os
import secrets
import stat
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from .digests import PIECE_BYTES, content_digest, piece_digest, zero_piece_digest

THREADS = 2
_SUFFIX = ".unfinished"
_KERNEL_CANNOT = frozenset(
    [errno.EXDEV, errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP, errno.EBADF, errno.EPERM, errno.ENOTSUP]
)


def unfinished_beside(path: str) -> str:
    """A new hidden name in the same folder, for what will be renamed to `path` when it is complete."""
    folder, name = os.path.split(path)
    return os.path.join(folder, f".{name[:200]}.{secrets.token_hex(4)}{_SUFFIX}")


def is_unfinished(name: str) -> bool:
    """Whether a name in a folder is one of `unfinished_beside`."""
    return name.startswith(".") and name.endswith(_SUFFIX)


def make_private(folder: str) -> None:
    """Make a folder and its missing parents, each for its owner alone."""
    if not folder or os.path.isdir(folder):
        return
    make_private(os.path.dirname(folder))
    try:
        os.mkdir(folder, 0o700)
    except FileExistsError:
        if not os.path.isdir(folder):
            raise


def copy_file(source: str, target: str, *, mode: int = 0o600, digest: bool = True, threads: int = THREADS) -> str:
    """Copy a file to a new one and give the digest of what was written, an empty text if none is wanted.

    `target` must not exist, and is not published by this function: copy to `unfinished_beside`, then rename.
    """
    reading = os.open(source, os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0))
    try:
        found = os.fstat(reading)
        if stat.S_ISDIR(found.st_mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), source)
        writing = os.open(target, os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), mode)
        try:
            if not stat.S_ISREG(found.st_mode):  # a pipe or a device has no size
                return _pour(reading, writing)
            return _Copy(reading, writing, found.st_size).run(digest, threads)
        finally:
            os.close(writing)
    finally:
        os.close(reading)


def file_digest(path: str, *, threads: int = THREADS) -> str:
    """The digest of a file's content."""
    reading = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0))
    try:
        size = os.fstat(reading).st_size
        return content_digest(_mapped(lambda at: _digest_at(reading, at, size), size, threads), size)
    finally:
        os.close(reading)


class _Copy:
    """One copy: pieces that threads take in any order."""

    def __init__(self, reading: int, writing: int, size: int) -> None:
        self._reading, self._writing, self._size = reading, writing, size
        self._by_kernel = hasattr(os, "copy_file_range")
        self._may_have_holes = size > PIECE_BYTES and hasattr(os, "SEEK_DATA") and _blocks_bytes(reading) < size

    def run(self, digest: bool, threads: int) -> str:
        os.ftruncate(self._writing, self._size)
        whole = self._by_kernel and not digest and not self._may_have_holes
        if whole and self._copied_by_kernel(0, self._size):
            return ""
        pieces = _mapped(self._one_with_digest if digest else self._one, self._size, threads)
        return content_digest(pieces, self._size) if digest else ""

    def _one(self, start: int) -> bytes:
        length = min(PIECE_BYTES, self._size - start)
        if self._may_have_holes and _is_hole(self._reading, start, length):
            return b""
        if not (self._by_kernel and self._copied_by_kernel(start, length)):
            self._copied_through_memory(start, length)
        return b"data"

    def _one_with_digest(self, start: int) -> bytes:
        length = min(PIECE_BYTES, self._size - start)
        return _digest_at(self._writing, start, self._size) if self._one(start) else zero_piece_digest(length)

    def _copied_by_kernel(self, start: int, length: int) -> bool:
        """False where the kernel cannot; such a file is then copied through memory, once for all its pieces."""
        done = 0
        while done < length:
            try:
                count = os.copy_file_range(self._reading, self._writing, length - done, start + done, start + done)
            except OSError as error:
                if error.errno not in _KERNEL_CANNOT:
                    raise
                self._by_kernel = False
                return False
            if count == 0:
                raise _changed(self._size, start + done)
            done += count
        return True

    def _copied_through_memory(self, start: int, length: int) -> None:
        data = _read_at(self._reading, start, length)
        view = memoryview(data)
        while view:
            count = os.pwrite(self._writing, view, start)
            view, start = view[count:], start + count


def _mapped(function: Any, size: int, threads: int) -> list[bytes]:
    starts = range(0, size, PIECE_BYTES)
    if len(starts) <= 2 or threads < 2:
        return [function(start) for start in starts]
    with ThreadPoolExecutor(threads, thread_name_prefix="flyte_nb-copy") as pool:
        return list(pool.map(function, starts))


def _digest_at(descriptor: int, start: int, size: int) -> bytes:
    return piece_digest(_read_at(descriptor, start, min(PIECE_BYTES, size - start)))


def _read_at(descriptor: int, start: int, length: int) -> bytes:
    data = os.pread(descriptor, length, start)
    while len(data) < length:
        more = os.pread(descriptor, length - len(data), start + len(data))
        if not more:
            raise _changed(start + length, start + len(data))
        data += more
    return data


def _is_hole(descriptor: int, start: int, length: int) -> bool:
    """Whether there is no data in a stretch. Only the position of the descriptor is moved, which nobody uses."""
    try:
        return os.lseek(descriptor, start, os.SEEK_DATA) >= start + length
    except OSError as error:
        return error.errno == errno.ENXIO


def _blocks_bytes(descriptor: int) -> int:
    return int(getattr(os.fstat(descriptor), "st_blocks", 1 << 62)) * 512


def _pour(reading: int, writing: int) -> str:
    from .digests import RunningDigest

    running = RunningDigest()
    while data := os.read(reading, PIECE_BYTES):
        running.update(data)
        view = memoryview(data)
        while view:
            view = view[os.write(writing, view) :]
    return running.digest()


def _changed(expected: int, found: int) -> OSError:
    return OSError(errno.EIO, f"it became shorter while it was read: expected {expected:,} bytes, found {found:,}")
