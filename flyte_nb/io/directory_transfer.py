"""A folder into the store and out of it, many files at a time."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

from ..errors import StorageError
from ..storage import current_store
from ..storage.addresses import filesystem, joined, last_step, local_path
from ..storage.digests import directory_digest
from ..storage.faults import explained, explained_copy, retried
from ..storage.local_copy import AT_ONCE_BYTES, Told, file_digest, make_private, publish, unfinished_beside
from ..storage.remote_copy import upload_bytes, upload_file
from .file_transfer import get_file, get_new_file, make_private_folder, make_writable_folder, put_file, used_again
from .near_copies import NearCopies
from .places import content_place, unfinished_place
from .side_by_side import far, near
from .trees import Entry, files_below, sized

R = TypeVar("R")

_LIST_SUFFIX = ".files.json"


def store_directory(source: str, name: str, destination: str | None) -> tuple[str, str]:
    """Copy a local folder to `destination`, or where its content belongs in the store; its address and digest."""
    with explained("read", source):
        folders: list[str] = []
        entries = list(files_below(source, folders=folders))
        if destination is not None:
            digests = _put(entries, folders, name, destination)
            kept = [] if local_path(destination) is None else folders
            return destination, _digest_of(_named(entries, digests), kept)
        if local_path(current_store().root) is not None:
            return _into_local_store(name, entries, folders)
        return _into_remote_store(name, sized(entries))


def fetch_directory(address: str, target: str, digests: dict[str, str]) -> None:
    """Copy everything below `address` into a local folder, made if it is missing.

    Raises
    ------
    StorageError
        If the content of a file is not that of its digest, or one is missing.
    """
    folders: list[str] = []
    try:
        entries = list(files_below(address, folders=folders))
    except FileNotFoundError:
        if not is_directory(address):
            raise
        entries = []
    missing = sorted(set(digests) - {entry.name for entry in entries})
    if missing:
        raise StorageError(f"{address} is damaged: {len(missing)} of its files are missing, {missing[0]!r} among them.")
    if local_path(address) is None:
        entries = _named_inside(entries, address)
        folders = sorted({entry.name.rpartition("/")[0] for entry in entries})
    _into_folder(
        target,
        entries,
        folders,
        lambda root, is_seen: _fetch(address, entries, root, digests, is_seen=is_seen),
        make_writable_folder,
    )


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


def _put(entries: list[Entry], folders: list[str], name: str, destination: str) -> list[str]:
    title, target = f"Uploading {name}", local_path(destination)
    if target is None:
        return far(
            lambda entry, told: put_file(entry.address, joined(destination, entry.name), told=told),
            sized(entries),
            title,
        )
    return _into_folder(
        os.path.abspath(target),
        entries,
        folders,
        lambda root, is_seen: near(NearCopies(root, mode=0o600, is_seen=is_seen), entries, title),
        make_private_folder,
    )


def _into_local_store(name: str, entries: list[Entry], folders: list[str]) -> tuple[str, str]:
    unfinished = unfinished_place()
    make_private(unfinished)
    try:
        for folder in folders:
            os.mkdir(os.path.join(unfinished, folder), 0o700)
        named = _named(entries, near(NearCopies(unfinished, mode=0o600), entries, f"Storing {name}"))
        digest = _digest_of(named, folders)
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
            _publish_bytes(json.dumps(dict(named)).encode(), address + _LIST_SUFFIX)
    except BaseException:
        shutil.rmtree(unfinished, ignore_errors=True)
        raise
    return address, digest


def _into_remote_store(name: str, entries: list[Entry]) -> tuple[str, str]:
    def digested(entry: Entry, told: Told | None) -> tuple[int, str] | None:
        size = entry.size or 0
        if told is None and size > AT_ONCE_BYTES:
            return None
        with explained("read", entry.address):
            digest = file_digest(entry.address, threads=1)
        if told is not None:
            told(size)
            return 0, digest
        return size, digest

    named = _named(entries, near(digested, entries, f"Reading {name}"))
    digest = directory_digest(named)
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

        far(upload, entries, f"Uploading {name}")
        upload_bytes(json.dumps(dict(named)).encode(), system, listed)  # says that all is there
    return address, digest


def _fetch(address: str, entries: list[Entry], target: str, digests: dict[str, str], *, is_seen: bool) -> None:
    title = f"Downloading {last_step(address)}"
    if local_path(address) is not None:
        near(NearCopies(target, mode=0o666, is_seen=is_seen, expected=digests), entries, title)
        return
    get: Callable[..., None] = get_file if is_seen else get_new_file

    def fetch(entry: Entry, told: Told) -> None:
        path = os.path.join(target, entry.name)
        with explained_copy(entry.address, path, path):
            get(entry.address, path, digests.get(entry.name, ""), size=entry.size, threads=1, told=told)

    far(fetch, entries, title)


def _publish_bytes(data: bytes, path: str) -> None:
    unfinished = unfinished_place()
    with open(unfinished, "xb") as file:
        file.write(data)
    os.chmod(unfinished, 0o600)
    os.replace(unfinished, path)


def _digest_of(named: list[tuple[str, str]], folders: list[str]) -> str:
    """The digest of a directory: of its files and of its empty folders, where those are kept."""
    if not folders:
        return directory_digest(named)
    filled = {name.rpartition("/")[0] for name in (*folders, *(name for name, _ in named))}
    return directory_digest([*named, *((f"{folder}/", "") for folder in folders if folder not in filled)])


def _named(entries: list[Entry], digests: list[str]) -> list[tuple[str, str]]:
    return [(entry.name, digest) for entry, digest in zip(entries, digests, strict=True)]


def _named_inside(entries: Iterable[Entry], address: str) -> list[Entry]:
    """Files of an object store, which may hold names that lead out, under the names that they get in a folder."""
    inside = [entry._replace(name=os.path.normpath(entry.name)) for entry in entries]
    for entry in inside:
        if entry.name.partition(os.sep)[0] in (".", ".."):
            raise StorageError(f"{address} holds {entry.address!r}, which leads out of it; nothing was written there.")
    return inside


def _into_folder(
    target: str,
    entries: Sequence[Entry],
    folders: Sequence[str],
    copy: Callable[[str, bool], R],
    make: Callable[[str], None],
) -> R:
    """What `copy` gives: it copies to a folder, told which one and whether somebody may look there already.

    A new folder appears whole; in one that is there each file does. `make` makes folders.
    """
    if os.path.lexists(target):
        _make_all(target, folders, make)
        return copy(target, True)
    make(os.path.dirname(target))
    unfinished = unfinished_beside(target)
    try:
        _make_all(unfinished, folders, make)
        copied = copy(unfinished, False)
        with explained("write", target):
            try:
                publish(unfinished, target)
            except OSError:  # somebody else put something there meanwhile
                _make_all(target, folders, make)
                for entry in entries:
                    publish(os.path.join(unfinished, entry.name), os.path.join(target, entry.name))
        return copied
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def _make_all(target: str, folders: Iterable[str], make: Callable[[str], None]) -> None:
    make(target)
    for folder in folders:
        make(os.path.join(target, folder))
