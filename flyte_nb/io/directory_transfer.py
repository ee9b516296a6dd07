"""A folder into the store and out of it, many files at a time."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from typing import TypeVar

from ..errors import StorageError
from ..storage import current_store
from ..storage.addresses import filesystem, joined, last_step, local_path
from ..storage.digests import directory_digest
from ..storage.faults import explained, retried
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
from ..storage.remote_copy import upload_bytes, upload_file
from .file_transfer import get_file, get_new_file, make_writable_folder, put_file, used_again
from .places import content_place, unfinished_place
from .progress import MOVE_EVERY_S, Progress
from .trees import Entry, files_below, folders_below

R = TypeVar("R")

NEAR_THREADS = min(4, os.cpu_count() or 1)
FAR_THREADS = 16
_LIST_SUFFIX = ".files.json"


def store_directory(source: str, name: str, destination: str | None) -> tuple[str, str]:
    """Copy a local folder to `destination`, or where its content belongs in the store; its address and digest."""
    with explained("read", source):
        entries = list(files_below(source))
        if destination is not None:
            digests = side_by_side(
                lambda entry, told: put_file(entry.address, joined(destination, entry.name), told=told),
                entries,
                destination,
                f"Uploading {name}",
            )
            if (target := local_path(destination)) is not None:
                make_private(os.path.abspath(target))
            return destination, directory_digest(_named(entries, digests))
        if local_path(current_store().root) is not None:
            return _into_local_store(source, name, entries)
        return _into_remote_store(source, name, entries)


def fetch_directory(address: str, target: str, digests: dict[str, str]) -> None:
    """Copy everything below `address` into a local folder, made if it is missing.

    Raises
    ------
    StorageError
        If the content of a file is not that of its digest, or one is missing.
    """
    try:
        entries = list(files_below(address))
    except FileNotFoundError:
        if not is_directory(address):
            raise
        entries = []
    missing = sorted(set(digests) - {entry.name for entry in entries})
    if missing:
        raise StorageError(f"{address} is damaged: {len(missing)} of its files are missing, {missing[0]!r} among them.")
    title = f"Downloading {last_step(address)}"
    if os.path.lexists(target):
        make_writable_folder(target)
        paths = _paths(entries, target, address)
        side_by_side(_fetching(get_file, paths, digests), entries, address, title)
        return
    make_writable_folder(os.path.dirname(target))
    unfinished = unfinished_beside(target)
    try:
        paths = _paths(entries, unfinished, address)
        side_by_side(_fetching(get_new_file, paths, digests), entries, address, title)
        _appear(unfinished, target, entries)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def known_digests(address: str) -> dict[str, str]:
    """Digests of the files of a directory that is stored under its content, by name; nothing for others."""
    path = local_path(address)
    try:
        if path is not None:
            with open(path + _LIST_SUFFIX, "rb") as listed:
                return dict(json.load(listed))
        system, inner = filesystem(address + _LIST_SUFFIX)
        return dict(json.loads(retried(lambda: system.cat_file(inner))))
    except (FileNotFoundError, NotADirectoryError):
        return {}


def is_directory(address: str) -> bool:
    """Whether there is a folder at an address; an empty one that was stored is one, also in an object store."""
    path = local_path(address)
    with explained("look for", address):
        if path is not None:
            return os.path.isdir(path)
        system, inner = filesystem(address)
        system.invalidate_cache(inner)
        listed = inner.rstrip("/") + _LIST_SUFFIX
        return bool(retried(lambda: system.isdir(inner) or system.exists(listed)))


def side_by_side(work: Callable[[Entry, Told], R], entries: Sequence[Entry], address: str, title: str) -> list[R]:
    """What `work` gives for each of `entries`, a few at a time. The first error stops the others.

    `work` tells how many bytes it has copied; `address` is the slower end; `title` is shown while it takes long.
    """
    is_near = local_path(address) is not None
    progress = Progress(title, len(entries), sum(entry.size or 0 for entry in entries))
    results: dict[int, R] = {}

    def work_off(lane: Sequence[int]) -> None:
        for number in lane:
            entry = entries[number]
            if (size := entry.size or 0) <= AT_ONCE_BYTES:
                results[number] = work(entry, told_nobody)
                progress.add_file(size)
            else:
                results[number] = work(entry, progress.add_bytes)
                progress.add_file()

    with ThreadPoolExecutor(NEAR_THREADS if is_near else FAR_THREADS, thread_name_prefix="flyte_nb-transfer") as pool:
        lanes = _lanes(entries) if is_near else [[number] for number in range(len(entries))]
        waiting = {pool.submit(work_off, lane) for lane in lanes}
        try:
            while waiting:
                done, waiting = wait(waiting, MOVE_EVERY_S, FIRST_EXCEPTION)
                for future in done:
                    future.result()
                progress.show()
        except BaseException:
            progress.stop()
            pool.shutdown(wait=True, cancel_futures=True)
            raise
        finally:
            progress.end()
    return [results[number] for number in range(len(entries))]


def _lanes(entries: Sequence[Entry]) -> list[list[int]]:
    """Which files are copied one after the other: each large one is a lane of its own, all small ones share one.

    Threads that copy small files spend their time handing the interpreter to each other.
    """
    small = [number for number, entry in enumerate(entries) if (entry.size or 0) <= AT_ONCE_BYTES]
    large = [[number] for number, entry in enumerate(entries) if (entry.size or 0) > AT_ONCE_BYTES]
    return [small, *large] if small else large


def _into_local_store(source: str, name: str, entries: list[Entry]) -> tuple[str, str]:
    unfinished = unfinished_place()
    make_private(unfinished)
    try:
        for folder in folders_below(source):
            os.mkdir(os.path.join(unfinished, folder), 0o700)

        def copy(entry: Entry, told: Told) -> str:
            try:
                return copy_file(entry.address, f"{unfinished}/{entry.name}", size=entry.size, threads=1, told=told)
            except Exception:
                with explained("read", entry.address):
                    raise

        digests = side_by_side(copy, entries, unfinished, f"Storing {name}")
        digest = directory_digest(_named(entries, digests))
        address = content_place("dirs", digest, name)
        with explained("write", address):
            make_private(os.path.dirname(address))
            try:
                os.rename(unfinished, address)
            except OSError:
                if used_again(address):  # somebody stored the same
                    shutil.rmtree(unfinished, ignore_errors=True)
                else:
                    make_private(os.path.dirname(address))
                    os.rename(unfinished, address)
            listing = json.dumps(dict(_named(entries, digests))).encode()
            _publish_bytes(listing, address + _LIST_SUFFIX)
    except BaseException:
        shutil.rmtree(unfinished, ignore_errors=True)
        raise
    return address, digest


def _into_remote_store(source: str, name: str, entries: list[Entry]) -> tuple[str, str]:
    def digested(entry: Entry, told: Told) -> str:
        digest = file_digest(entry.address, threads=1)
        told(entry.size or 0)
        return digest

    digests = side_by_side(digested, entries, source, f"Reading {name}")
    digest = directory_digest(_named(entries, digests))
    address = content_place("dirs", digest, name)
    system, inner = filesystem(address)
    listed = inner + _LIST_SUFFIX
    with explained("write", address):
        if retried(lambda: system.exists(listed)):
            return address, digest

        def upload(entry: Entry, told: Told) -> None:
            with explained("write", joined(address, entry.name)):
                upload_file(entry.address, system, joined(inner, entry.name), told=told)
            if os.path.getsize(entry.address) != entry.size:
                raise StorageError(f"{entry.address!r} was changed while it was uploaded. Upload the folder again.")

        side_by_side(upload, entries, address, f"Uploading {name}")
        upload_bytes(json.dumps(dict(_named(entries, digests))).encode(), system, listed)  # says that all is there
    return address, digest


def _publish_bytes(data: bytes, path: str) -> None:
    unfinished = unfinished_place()
    with open(unfinished, "xb") as file:
        file.write(data)
    os.chmod(unfinished, 0o600)
    os.replace(unfinished, path)


def _named(entries: list[Entry], digests: list[str]) -> list[tuple[str, str]]:
    return [(entry.name, digest) for entry, digest in zip(entries, digests, strict=True)]


def _paths(entries: Sequence[Entry], target: str, address: str) -> dict[str, str]:
    """Where each file goes below `target`, whose folders are made. An object store may hold names that lead out."""
    root = os.path.join(os.path.normpath(target), "")
    paths = {entry.name: os.path.normpath(root + entry.name) for entry in entries}
    for name, path in paths.items():
        if not path.startswith(root):
            raise StorageError(f"{address} holds the name {name!r}, which leads out of it; nothing was written there.")
    for folder in {target, *(path.rpartition(os.sep)[0] for path in paths.values())}:
        os.makedirs(folder, exist_ok=True)
    return paths


def _fetching(
    get: Callable[..., None], paths: dict[str, str], digests: dict[str, str]
) -> Callable[[Entry, Told], None]:
    def fetch(entry: Entry, told: Told) -> None:
        try:
            digest = digests.get(entry.name, "")
            get(entry.address, paths[entry.name], digest, size=entry.size, threads=1, told=told)
        except Exception:
            with explained("read", entry.address):
                raise

    return fetch


def _appear(unfinished: str, target: str, entries: Sequence[Entry]) -> None:
    """Let a folder that is complete be found at `target`, or its files in what somebody else put there meanwhile."""
    with explained("write", target):
        try:
            publish(unfinished, target)
        except OSError:
            make_writable_folder(target)
            for name, path in _paths(entries, target, target).items():
                publish(os.path.join(unfinished, name), path)
