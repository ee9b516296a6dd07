"""Copies between this machine and anything fsspec knows, large ones in pieces side by side."""

from __future__ import annotations

import os
import secrets
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from ..errors import StorageError
from .addresses import is_http, is_s3, publishes_whole
from .digests import PIECE_BYTES, content_digest, piece_digest
from .faults import retried
from .local_copy import Told, file_digest, told_nobody, write_at

THREADS = 4
PART_BYTES = 8 * PIECE_BYTES
MOST_PARTS = 10_000  # what S3 takes for one object


def upload_file(source: str, system: Any, path: str, *, told: Told = told_nobody) -> None:
    """Copy a local file to `path`, which shows nothing of it until it is complete."""
    if publishes_whole(system):
        parts = _parts(system, os.path.getsize(source))
        retried(lambda: system.put_file(source, path, callback=_telling(told), **parts))
        return
    with_folder(system, path)
    unfinished = unfinished_name(path)
    try:
        retried(lambda: system.put_file(source, unfinished, callback=_telling(told)))
        rename(system, unfinished, path)
    except BaseException:
        discard(system, unfinished)
        raise


def upload_bytes(data: bytes, system: Any, path: str) -> None:
    """Put bytes at `path`, whole or not at all."""
    if publishes_whole(system):
        retried(lambda: system.pipe_file(path, data))
        return
    with_folder(system, path)
    unfinished = unfinished_name(path)
    try:
        retried(lambda: system.pipe_file(unfinished, data))
        rename(system, unfinished, path)
    except BaseException:
        discard(system, unfinished)
        raise


def download_file(
    system: Any,
    path: str,
    target: str,
    *,
    size: int | None = None,
    threads: int = THREADS,
    told: Told = told_nobody,
) -> str:
    """Copy an object to a new local file and give the digest of what arrived.

    `target` must not exist, and is not published by this function: download beside, then rename.
    """
    if is_http(system):
        return _download_in_one(system, path, target, told)
    if size is None:
        size = size_of(system, path)
    descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o666)
    try:
        if size <= PIECE_BYTES:
            data: bytes = retried(lambda: system.cat_file(path))
            write_at(descriptor, data, 0)
            told(len(data))
            pieces = [piece_digest(data[at : at + PIECE_BYTES]) for at in range(0, len(data), PIECE_BYTES)]
            return content_digest(pieces, len(data))
        os.ftruncate(descriptor, size)
        with ThreadPoolExecutor(threads, thread_name_prefix="flyte_nb-download") as pool:
            parts = pool.map(
                lambda at: _fetch(system, path, descriptor, at, min(at + PART_BYTES, size), told),
                range(0, size, PART_BYTES),
            )
            return content_digest((piece for part in parts for piece in part), size)
    finally:
        os.close(descriptor)


def _download_in_one(system: Any, path: str, target: str, told: Told) -> str:
    """Download as a stream: web servers need not send parts."""

    def fetch() -> None:
        system.get_file(path, target, callback=_telling(told))

    retried(fetch)
    return file_digest(target)


def size_of(system: Any, path: str) -> int:
    """Size of an object in bytes.

    Raises
    ------
    FileNotFoundError, IsADirectoryError
        If there is no object at `path`.
    """
    found = retried(lambda: system.info(path))
    if found["type"] == "directory":
        raise IsADirectoryError(path)
    size = found.get("size")
    if size is None:
        raise StorageError(f"Cannot read {path!r}: its file system does not tell its size.")
    return int(size)


def unfinished_name(path: str) -> str:
    """A new hidden name in the same folder."""
    folder, _, name = path.rpartition("/")
    return f"{folder}/.{name[:200]}.{secrets.token_hex(4)}.unfinished"


def rename(system: Any, old: str, new: str) -> None:
    """Give an object another name. What fsspec itself calls moving takes some names for patterns."""
    from fsspec import AbstractFileSystem

    if getattr(type(system), "mv", None) is AbstractFileSystem.mv:
        system.cp_file(old, new)
        system.rm_file(old)
    else:
        system.mv(old, new)


def with_folder(system: Any, path: str) -> None:
    """Make the folder of `path`, where the file system has folders."""
    if not publishes_whole(system):
        system.makedirs(path.rpartition("/")[0], exist_ok=True)


def discard(system: Any, path: str) -> None:
    """Remove what was not finished; it may be gone, or was never there."""
    try:
        system.rm_file(path)
    except Exception:
        pass


def _telling(told: Told) -> Any:
    """What fsspec tells how far a copy is, for `told`."""
    from fsspec.callbacks import Callback

    class Telling(Callback):  # type: ignore[misc]
        def relative_update(self, inc: int = 1) -> None:
            told(inc)

    return Telling()


def _parts(system: Any, size: int) -> dict[str, int]:
    """How s3fs is to cut an object. By itself it holds ten parts of 50 MiB, and the server waits for the first."""
    if not is_s3(system):
        return {}
    return {"chunksize": max(PART_BYTES, -(-size // MOST_PARTS)), "max_concurrency": THREADS}


def _fetch(system: Any, path: str, descriptor: int, start: int, end: int, told: Told) -> list[bytes]:
    data: bytes = retried(lambda: system.cat_file(path, start=start, end=end))
    if len(data) != end - start:
        raise StorageError(
            f"Cannot read {path!r}: expected {end - start:,} bytes from {start:,} on, got {len(data):,}."
            " Was it replaced meanwhile?"
        )
    write_at(descriptor, data, start)
    told(len(data))
    view = memoryview(data)
    return [piece_digest(view[at : at + PIECE_BYTES]) for at in range(0, len(data), PIECE_BYTES)]
