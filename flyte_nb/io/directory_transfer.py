"""A folder into the store and out of it, many files at a time."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from typing import TypeVar

from ..errors import StorageError
from ..storage import current_store
from ..storage.addresses import filesystem, joined, last_step, local_path
from ..storage.digests import directory_digest
from ..storage.faults import explained, retried
from ..storage.local_copy import Told, copy_file, file_digest, make_private
from ..storage.remote_copy import upload_bytes, upload_file
from .file_transfer import get_file, make_writable_folder, put_file, used_again
from .places import content_place, unfinished_place
from .progress import MOVE_EVERY_S, Progress
from .trees import Entry, files_below, folders_below

R = TypeVar("R")

NEAR_THREADS = min(4, os.cpu_count() or 1)
FAR_THREADS = 16
BATCH_FILES = 64
BATCH_BYTES = 2**20
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
    make_writable_folder(target)
    missing = sorted(set(digests) - {entry.name for entry in entries})
    if missing:
        raise StorageError(f"{address} is damaged: {len(missing)} of its files are missing, {missing[0]!r} among them.")
    paths = {entry.name: _inside(target, entry.name, address) for entry in entries}
    for folder in sorted({os.path.dirname(path) for path in paths.values()}):
        os.makedirs(folder, exist_ok=True)

    def fetch(entry: Entry, told: Told) -> None:
        with explained("read", entry.address):
            digest = digests.get(entry.name, "")
            get_file(entry.address, paths[entry.name], digest, size=entry.size, threads=1, told=told)

    side_by_side(fetch, entries, address, f"Downloading {last_step(address)}")


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
    batches = list(_batches(entries, BATCH_FILES if is_near else 1))

    def work_off(batch: Sequence[Entry]) -> list[R]:
        return [work(entry, progress.add_bytes) for entry in batch]

    with ThreadPoolExecutor(NEAR_THREADS if is_near else FAR_THREADS, thread_name_prefix="flyte_nb-transfer") as pool:
        futures = {pool.submit(work_off, batch): batch for batch in batches}
        waiting = set(futures)
        try:
            while waiting:
                done, waiting = wait(waiting, MOVE_EVERY_S, FIRST_EXCEPTION)
                for future in done:
                    future.result()
                    progress.add_files(len(futures[future]))
                progress.show()
        except BaseException:
            progress.stop()
            pool.shutdown(wait=True, cancel_futures=True)
            raise
        finally:
            progress.end()
        return [result for future in futures for result in future.result()]


def _batches(entries: Sequence[Entry], most: int) -> Iterator[Sequence[Entry]]:
    """Small files together, because handing one to a thread takes longer than copying it."""
    start = size_bytes = 0
    for end, entry in enumerate(entries, 1):
        size_bytes += entry.size or 0
        if end - start == most or size_bytes >= BATCH_BYTES or end == len(entries):
            yield entries[start:end]
            start, size_bytes = end, 0


def _into_local_store(source: str, name: str, entries: list[Entry]) -> tuple[str, str]:
    unfinished = unfinished_place()
    make_private(unfinished)
    try:
        for folder in folders_below(source):
            os.mkdir(os.path.join(unfinished, folder), 0o700)

        def copy(entry: Entry, told: Told) -> str:
            with explained("read", entry.address):
                return copy_file(entry.address, os.path.join(unfinished, entry.name), threads=1, told=told)

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


def _inside(target: str, name: str, address: str) -> str:
    """The path of `name` below `target`; an object store may hold names that lead elsewhere."""
    path = os.path.normpath(os.path.join(target, name))
    if not path.startswith(os.path.join(os.path.normpath(target), "")):
        raise StorageError(
            f"{address} holds the name {name!r}, which leads out of {target!r}; nothing was written there."
        )
    return path
