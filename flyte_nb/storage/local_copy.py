"""Copies within this machine: shared blocks where the file system can, holes left out, the digest made on the way."""

from __future__ import annotations

import errno
import os
import re
import secrets
import stat
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from .._write_points import reached
from .digests import PIECE_BYTES, RunningDigest, content_digest, piece_digest, short_digest, zero_piece_digest

Told = Callable[[int], object]
"""Hears how many bytes were copied since it was told last; on any thread."""

THREADS = 2
KERNEL_BYTES = 64 * 2**20
AT_ONCE_BYTES = 64 * 1024
_READ = os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)
_WRITE_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)
_UNFINISHED = re.compile(r"\..*\.[0-9a-f]{8}\.unfinished", re.DOTALL)
_SHARE_BLOCKS = 0x40049409  # FICLONE of linux/fs.h
_KERNEL_CANNOT = frozenset(
    [errno.EXDEV, errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP, errno.EBADF, errno.EPERM, errno.ENOTSUP, errno.ENOTTY]
)


def unfinished_beside(path: str) -> str:
    """A new hidden name in the same folder, for what will be renamed to `path` when it is complete."""
    folder, name = os.path.split(path)
    return os.path.join(folder, f".{name[:50]}.{secrets.token_hex(4)}.unfinished")


def is_unfinished(name: str) -> bool:
    """Whether a name in a folder is one of `unfinished_beside`."""
    return name.startswith(".") and _UNFINISHED.fullmatch(name) is not None


def put_aside(path: str) -> None:
    """Rename what is damaged, if it is there, so that its place is free for what should be there."""
    try:
        os.replace(path, f"{path}.{secrets.token_hex(4)}.damaged")
    except OSError:
        pass


def publish(unfinished: str | os.PathLike[str], path: str | os.PathLike[str]) -> None:
    """Let what was written beside `path` appear there, whole."""
    reached("before_publish")
    os.replace(unfinished, path)
    reached("after_publish")


def make_private(folder: str) -> None:
    """Make a folder and its missing parents, each for its owner alone; `mkdir` does so for the last one only."""
    if not folder or os.path.isdir(folder):
        return
    make_private(os.path.dirname(folder))
    try:
        os.mkdir(folder, 0o700)
    except FileExistsError:
        if not os.path.isdir(folder):
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), folder) from None


def told_nobody(count: int) -> None:
    """For copies that nobody follows."""


def copy_file(
    source: str,
    target: str,
    *,
    mode: int = 0o600,
    digest: bool = True,
    threads: int = THREADS,
    told: Told = told_nobody,
) -> str:
    """Copy a file to a new one and give the digest of its content, an empty text if none is wanted.

    `target` must not exist, and is not published by this function: copy to `unfinished_beside`, then rename.
    """
    reading = os.open(source, _READ)
    try:
        found = os.fstat(reading)
        if stat.S_ISDIR(found.st_mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), source)
        writing = os.open(target, _WRITE_NEW, mode)
        try:
            if not stat.S_ISREG(found.st_mode):  # a pipe or a device has no size
                return _pour(reading, writing, told)
            copied = _copy(reading, writing, found.st_size, digest, threads, told)
            if os.fstat(reading).st_mtime_ns != found.st_mtime_ns:
                raise OSError(errno.EIO, "it was changed while it was read")
            return copied
        finally:
            os.close(writing)
    finally:
        os.close(reading)


def copy_at_once(source: str, target: str, *, mode: int = 0o600, digest: bool = True) -> tuple[int, str] | None:
    """As `copy_file`, of a file of `AT_ONCE_BYTES` at most: its size and digest. None, and no copy, of a larger one.

    It is called for each of ten thousand files, so it calls little: nobody asks for a size first.
    """
    reading = os.open(source, _READ)
    try:
        data = os.read(reading, AT_ONCE_BYTES + 1)
        size = len(data)
        if size > AT_ONCE_BYTES or (size and os.read(reading, 1)):
            return None
    finally:
        os.close(reading)
    writing = os.open(target, _WRITE_NEW, mode)
    try:
        count = os.write(writing, data)
        if count < size:
            write_at(writing, data[count:], count)
    finally:
        os.close(writing)
    return size, short_digest(data) if digest else ""


def file_digest(path: str, *, threads: int = THREADS) -> str:
    """The digest of a file's content."""
    reading = os.open(path, _READ)
    try:
        size = os.fstat(reading).st_size
        return _digest(reading, size, threads)
    finally:
        os.close(reading)


def _write_whole(writing: int, data: bytes | memoryview, digest: bool, told: Told) -> str:
    write_at(writing, data, 0)
    told(len(data))
    return short_digest(data) if digest else ""


def _copy(reading: int, writing: int, size: int, digest: bool, threads: int, told: Told) -> str:
    if size < PIECE_BYTES:
        return _write_whole(writing, _piece_at(reading, 0, size), digest, told)
    if _blocks_shared(reading, writing):
        told(size)
        return _digest(reading, size, threads) if digest else ""
    has_holes = _has_holes(reading, size)
    if not has_holes:
        with ThreadPoolExecutor(1, thread_name_prefix="flyte_nb-copy") as beside:
            digested = beside.submit(_digest, reading, size, threads - 1) if digest else None
            if _copied_by_kernel(reading, writing, size, told):
                return digested.result() if digested is not None else ""
    os.ftruncate(writing, size)

    def copied(start: int) -> bytes:
        length = min(PIECE_BYTES, size - start)
        told(length)
        if has_holes and _is_hole(reading, start, length):
            return zero_piece_digest(length)
        piece = _piece_at(reading, start, length)
        write_at(writing, piece, start)
        return piece_digest(piece) if digest else b""

    pieces = _mapped(copied, size, threads)
    return content_digest(pieces, size) if digest else ""


def _digest(reading: int, size: int, threads: int) -> str:
    has_holes = _has_holes(reading, size)

    def digested(start: int) -> bytes:
        length = min(PIECE_BYTES, size - start)
        if has_holes and _is_hole(reading, start, length):
            return zero_piece_digest(length)
        return piece_digest(_piece_at(reading, start, length))

    return content_digest(_mapped(digested, size, threads), size)


def _blocks_shared(reading: int, writing: int) -> bool:
    """Let the copy share the blocks of the original until one of them is changed; False where that is impossible."""
    if sys.platform != "linux":
        return False
    import fcntl

    try:
        fcntl.ioctl(writing, _SHARE_BLOCKS, reading)
    except OSError as error:
        if error.errno not in _KERNEL_CANNOT:
            raise
        return False
    return True


def _copied_by_kernel(reading: int, writing: int, size: int, told: Told) -> bool:
    """Copy without a way through this process; False where the kernel cannot."""
    if not hasattr(os, "copy_file_range"):
        return False
    done = 0
    while done < size:
        try:
            count = os.copy_file_range(reading, writing, min(size - done, KERNEL_BYTES), done, done)
        except OSError as error:
            if error.errno not in _KERNEL_CANNOT:
                raise
            return False
        if count == 0:
            raise _became_shorter(size, done)
        done += count
        told(count)
    return True


def _mapped(function: Callable[[int], bytes], size: int, threads: int) -> list[bytes]:
    starts = range(0, size, PIECE_BYTES)
    if len(starts) <= 2 or threads < 2:
        return [function(start) for start in starts]
    with ThreadPoolExecutor(threads, thread_name_prefix="flyte_nb-copy") as pool:
        return list(pool.map(function, starts))


_room = threading.local()


def _piece_at(descriptor: int, start: int, length: int) -> memoryview:
    """A stretch of a file, in memory that the thread uses again for the next: new memory costs more than the copy."""
    piece = memoryview(_memory(length))
    done = 0
    while done < length:
        count = os.preadv(descriptor, [piece[done:]], start + done)
        if count == 0:
            raise _became_shorter(start + length, start + done)
        done += count
    return piece


def _memory(length: int) -> bytearray:
    if length < PIECE_BYTES:
        return bytearray(length)
    if not hasattr(_room, "buffer"):
        _room.buffer = bytearray(PIECE_BYTES)
    found: bytearray = _room.buffer
    return found


def write_at(descriptor: int, data: bytes | memoryview, start: int) -> None:
    """Write all of `data` at a position of a file."""
    view = memoryview(data)
    while view:
        count = os.pwrite(descriptor, view, start)
        view, start = view[count:], start + count


def _has_holes(descriptor: int, size: int) -> bool:
    if size <= PIECE_BYTES or not hasattr(os, "SEEK_DATA"):
        return False
    blocks = getattr(os.fstat(descriptor), "st_blocks", None)
    return blocks is not None and blocks * 512 < size


def _is_hole(descriptor: int, start: int, length: int) -> bool:
    """Whether there is no data in a stretch. Only the position of the descriptor is moved, which nobody uses."""
    try:
        return os.lseek(descriptor, start, os.SEEK_DATA) >= start + length
    except OSError as error:
        return error.errno == errno.ENXIO


def _pour(reading: int, writing: int, told: Told) -> str:
    running = RunningDigest()
    while data := os.read(reading, PIECE_BYTES):
        running.update(data)
        view = memoryview(data)
        while view:
            view = view[os.write(writing, view) :]
        told(len(data))
    return running.digest()


def _became_shorter(expected: int, found: int) -> OSError:
    return OSError(errno.EIO, f"it became shorter while it was read: expected {expected:,} bytes, found {found:,}")
