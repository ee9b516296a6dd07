"""What a store in a folder consists of, in pieces that can be removed each on its own."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import NamedTuple

_MARK = re.compile(
    rb"(?:blobs/[0-9a-f]{2}/[0-9a-f]{32}|(?:files|dirs)/[0-9a-f]{2}/[0-9a-f]{40}"
    rb"|outside/new/[0-9a-f]{20}|runs/[^/]{1,255}/[^/]{1,255}(?=/(?:new|named)/))"
)


class Unit(NamedTuple):
    """Something of a store that is kept or removed as a whole.

    Attributes
    ----------
    path : Path
        A file, or a folder with all in it.
    mark : str
        The part of an address that everything in it has; see `marks_in`.
    belongs_to_run : bool
        Whether a run wrote it, which is forgotten by now, and nobody else.
    """

    path: Path
    mark: str
    belongs_to_run: bool


def marks_in(data: bytes) -> set[str]:
    """Marks of the units that are mentioned somewhere in `data`, whatever that is; rather too many than too few."""
    return {found.decode("utf-8", "surrogateescape") for found in _MARK.findall(data.replace(b"\\", b"/"))}


def units_below(root: Path, kept_runs: Collection[str]) -> Iterator[Unit]:
    """Units of the store in a folder, without what the kept runs have for themselves."""
    for path in root.glob("blobs/*/*"):
        yield Unit(path, f"blobs/{path.parent.name}/{path.name[:32]}", belongs_to_run=True)
    for kind in ("files", "dirs"):
        for path in root.glob(f"{kind}/*/*"):
            yield Unit(path, f"{kind}/{path.parent.name}/{path.name}", belongs_to_run=False)
    for path in root.glob("runs/*/*"):
        if path.parent.name not in kept_runs:
            yield Unit(path, f"runs/{path.parent.name}/{path.name}", belongs_to_run=True)
    for path in root.glob("outside/new/*"):
        yield Unit(path, f"outside/new/{path.name}", belongs_to_run=False)
    for path in root.glob("unfinished/*"):
        yield Unit(path, "", belongs_to_run=True)


def changed_at(path: Path) -> float:
    """When a unit, or something in it, was last changed."""
    newest = path.lstat().st_mtime
    for folder, _, names in os.walk(path):
        newest = max([newest, *(os.lstat(os.path.join(folder, name)).st_mtime for name in [".", *names])])
    return newest


def extent(path: Path) -> tuple[int, int]:
    """How many files a unit has, and how many bytes."""
    if not path.is_dir():
        return 1, path.lstat().st_size
    sizes = [os.lstat(os.path.join(folder, name)).st_size for folder, _, names in os.walk(path) for name in names]
    return len(sizes), sum(sizes)


def remove(path: Path) -> None:
    """Remove a unit that was put aside."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
