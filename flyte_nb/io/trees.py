"""What is below a folder, wherever it is, in an order that is the same tomorrow."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from ..storage.addresses import filesystem, joined, local_path
from ..storage.faults import explained, retried
from ..storage.local_copy import is_unfinished


class Entry(NamedTuple):
    """A file below a folder.

    Attributes
    ----------
    name : str
        Its path below the folder, with slashes.
    address : str
    size : int or None
        In bytes; None if nobody told, as for files of this machine, each of which would have to be asked.
    """

    name: str
    address: str
    size: int | None


def files_below(address: str, max_depth: int | None = None, folders: list[str] | None = None) -> Iterator[Entry]:
    """Files below a folder; depth 1 is the folder itself, None everything. What a copy has not finished is left out.

    Parameters
    ----------
    folders : list of str, optional
        Gets the names of all folders that are entered, each after the one it is in. Object stores have none.

    Raises
    ------
    FileNotFoundError, NotADirectoryError
        If there is no folder.
    OSError
        If a link leads back to a folder above it, or nowhere.
    """
    path = local_path(address)
    with explained("list", address):
        if path is None:
            yield from _remote(address, max_depth)
        else:
            root = os.path.abspath(path)
            yield from _local(root, "", max_depth, [_identity(os.stat(root))], [] if folders is None else folders)


def sized(entries: Iterable[Entry]) -> list[Entry]:
    """Local files with their sizes."""
    return [entry._replace(size=os.stat(entry.address).st_size) for entry in entries]


def _local(
    folder: str, prefix: str, depth: int | None, above: list[tuple[int, int]], folders: list[str]
) -> Iterator[Entry]:
    with explained("list", folder), os.scandir(folder) as found:
        entries = sorted(found, key=lambda entry: entry.name)
    for entry in entries:
        if is_unfinished(entry.name):
            continue
        name = prefix + entry.name
        if entry.is_file(follow_symlinks=False):  # the list itself says so: ten thousand are not asked one by one
            yield Entry(name, entry.path, None)
            continue
        try:
            state = entry.stat()
        except OSError as error:
            reason = "is a link that leads nowhere" if entry.is_symlink() else f"cannot be read ({error.strerror})"
            raise OSError(f"{entry.path!r} {reason}. Remove it, or leave it out of the folder.") from error
        if entry.is_dir():
            identity = _identity(state)
            if entry.is_symlink() and identity in above:
                raise OSError(f"{entry.path!r} is a link back to a folder that it is in: this never ends. Remove it.")
            if depth is None or depth > 1:
                folders.append(name)
                deeper = None if depth is None else depth - 1
                yield from _local(entry.path, name + "/", deeper, [*above, identity], folders)
        elif entry.is_file():
            yield Entry(name, entry.path, None)
        else:
            raise OSError(f"{entry.path!r} is neither a file nor a folder. Leave it out of the folder.")


def _remote(address: str, max_depth: int | None) -> Iterator[Entry]:
    system, root = filesystem(address)
    root = root.rstrip("/")
    system.invalidate_cache(root)
    found: dict[str, Any] = retried(lambda: system.find(root, maxdepth=max_depth, detail=True))
    if list(found) == [root]:
        raise NotADirectoryError(address)
    if not found and not retried(lambda: system.exists(root)):
        raise FileNotFoundError(address)
    for path in sorted(found):
        name = path[len(root) :].lstrip("/")
        details = found[path]
        if not name or path.endswith("/") or details.get("type") == "directory":
            continue  # what some tools leave to show an empty folder
        if not any(map(is_unfinished, name.split("/"))):
            yield Entry(name, joined(address, name), details.get("size"))


def _identity(state: os.stat_result) -> tuple[int, int]:
    return state.st_dev, state.st_ino
