"""One file into the store and out of it."""

from __future__ import annotations

import os

from ..errors import StorageError
from ..storage import current_store
from ..storage.addresses import filesystem, last_step, local_path, own_path
from ..storage.digests import digest_in
from ..storage.faults import explained, explained_copy, retried
from ..storage.local_copy import (
    AT_ONCE_BYTES,
    Told,
    copy_file,
    file_digest,
    make_private,
    publish,
    told_nobody,
    unfinished_beside,
)
from ..storage.remote_copy import download_file, size_of, upload_file
from .downloads import new_download_folder
from .places import content_place, unfinished_place
from .progress import followed
from .raw_streams import must_be


def store_file(source: str, name: str, destination: str | None) -> tuple[str, str]:
    """Copy a local file to `destination`, or where its content belongs in the store; its address and digest."""
    with explained("read", source):
        if os.path.isdir(source):
            raise IsADirectoryError(source)
        size = os.stat(source).st_size
        if destination is not None:
            goal = destination
            return goal, followed(f"Uploading {name}", size, lambda told: put_file(source, goal, told=told))
        if local_path(current_store().root) is not None:
            return followed(f"Storing {name}", size, lambda told: _into_local_store(source, name, told))
        return followed(f"Uploading {name}", size, lambda told: _into_remote_store(source, name, told))


def is_quick(source: str | os.PathLike[str], destination: str | None) -> bool:
    """Whether storing a local file takes less time than handing it to a thread."""
    if destination is not None or local_path(current_store().root) is None:
        return False
    try:
        return os.stat(os.path.expanduser(source)).st_size <= AT_ONCE_BYTES
    except (OSError, ValueError, TypeError):
        return True  # the error is found at once


def put_file(source: str, address: str, *, threads: int = 2, told: Told = told_nobody) -> str:
    """Copy a local file to an address, where it appears whole; its digest."""
    target = local_path(address)
    if target is None:
        before = _state(source)
        digest = file_digest(source, threads=threads)
        system, path = filesystem(address)
        with explained("write", address):
            upload_file(source, system, path, told=told)
        _must_be_unchanged(source, before)
        return digest
    target = os.path.abspath(target)
    with explained("write", address):
        if os.path.isdir(target):
            raise IsADirectoryError(target)
        make_private(os.path.dirname(target))
        return _copy_and_publish(source, target, told)


def fetch_file(address: str, name: str, known_hash: str | None, target: str | os.PathLike[str] | None) -> str:
    """Copy what is at `address` to a local file; its absolute path.

    Raises
    ------
    StorageError
        If the content is not that of the hash.
    """
    path = local_target(name, target)
    expected = digest_in(known_hash)
    source = local_path(address)
    with explained("read", address):
        if source is not None:
            if os.path.isdir(source):
                raise IsADirectoryError(source)
            if os.path.exists(path) and os.path.samefile(source, path):
                return path
        make_writable_folder(os.path.dirname(path))
        size = os.path.getsize(source) if source is not None else size_of(*filesystem(address))
        title = f"Downloading {last_step(name)}"
        followed(title, size, lambda told: get_file(address, path, expected, size=size, told=told))
    return path


def get_file(
    address: str,
    path: str,
    expected: str,
    *,
    size: int | None = None,
    threads: int = 2,
    told: Told = told_nobody,
) -> None:
    """Copy what is at `address` to a local path, where it appears whole and, if its digest is known, undamaged."""
    unfinished = unfinished_beside(path)
    try:
        with explained_copy(address, path, unfinished):
            get_new_file(address, unfinished, expected, size=size, threads=threads, told=told)
            publish(unfinished, path)
    except BaseException:
        remove(unfinished)
        raise


def get_new_file(
    address: str,
    path: str,
    expected: str,
    *,
    size: int | None = None,
    threads: int = 2,
    told: Told = told_nobody,
) -> None:
    """Copy what is at `address` to a local path where nothing is and nobody looks yet; what fails may leave a part."""
    source = local_path(address)
    if source is not None:
        found = copy_file(source, path, mode=0o666, digest=bool(expected), threads=threads, told=told)
    else:
        system, inner = filesystem(address)
        found = download_file(system, inner, path, size=size, threads=max(threads, 4), told=told)
    if expected:
        must_be(expected, found, address)


def make_writable_folder(folder: str) -> None:
    """Make a folder that a copy will go to, if it is missing.

    Raises
    ------
    PermissionError
        If nothing may be written there; the message names it, and not where the copy comes from.
    """
    with explained("write", folder):
        os.makedirs(folder, exist_ok=True)
        if not os.access(folder, os.W_OK, effective_ids=os.access in os.supports_effective_ids):
            raise PermissionError(folder)


def make_private_folder(folder: str) -> None:
    """Make a folder for its owner alone, if it is missing; errors name it."""
    with explained("write", folder):
        make_private(folder)


def is_file(address: str) -> bool:
    """Whether there is a file at an address."""
    path = local_path(address)
    with explained("look for", address):
        if path is not None:
            return os.path.isfile(path)
        system, inner = filesystem(address)
        system.invalidate_cache(inner)
        try:
            return bool(retried(lambda: system.info(inner))["type"] == "file")
        except FileNotFoundError:
            return False


def local_target(name: str, target: str | os.PathLike[str] | None) -> str:
    """The absolute path of a download: `target`, or `name` inside it, or in a folder that ends with this process."""
    name = last_step(name)
    if name in ("", ".", ".."):
        name = "data"
    if target is None:
        return os.path.join(new_download_folder(), name)
    path = own_path(target)
    inside = os.fspath(target).endswith(("/", os.sep)) or os.path.isdir(path)
    return os.path.join(path, name) if inside else path


def _into_remote_store(source: str, name: str, told: Told) -> tuple[str, str]:
    before = _state(source)
    digest = file_digest(source)
    address = content_place("files", digest, name)
    system, path = filesystem(address)
    with explained("write", address):
        if not _has(system, path, before[0]):
            upload_file(source, system, path, told=told)
            _must_be_unchanged(source, before)
    return address, digest


def _into_local_store(source: str, name: str, told: Told) -> tuple[str, str]:
    unfinished = unfinished_place()
    make_private(os.path.dirname(unfinished))
    try:
        with explained_copy(source, unfinished, unfinished):
            digest = copy_file(source, unfinished, told=told)
        address = content_place("files", digest, name)
        with explained("write", address):
            if used_again(address) and os.path.getsize(address) == os.path.getsize(unfinished):
                os.unlink(unfinished)
            else:
                make_private(os.path.dirname(address))
                publish(unfinished, address)
    except BaseException:
        remove(unfinished)
        raise
    return address, digest


def _copy_and_publish(source: str, target: str, told: Told) -> str:
    unfinished = unfinished_beside(target)
    try:
        with explained_copy(source, target, unfinished):
            found = copy_file(source, unfinished, told=told)
            publish(unfinished, target)
    except BaseException:
        remove(unfinished)
        raise
    return found


def used_again(address: str) -> bool:
    """Whether something is at a local address; if so it is young again, so that nobody removes it for its age."""
    try:
        os.utime(address)
    except FileNotFoundError:
        return False
    return True


def _has(system: object, path: str, size: int) -> bool:
    try:
        return size_of(system, path) == size
    except FileNotFoundError:
        return False


def _state(path: str) -> tuple[int, int]:
    found = os.stat(path)
    return found.st_size, found.st_mtime_ns


def _must_be_unchanged(path: str, before: tuple[int, int]) -> None:
    if _state(path) != before:
        raise StorageError(f"{path!r} was changed while it was uploaded. Finish writing it, then upload it again.")


def remove(path: str) -> None:
    """Remove a file that was not finished, if it is there."""
    try:
        os.unlink(path)
    except OSError:
        pass
