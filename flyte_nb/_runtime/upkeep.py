"""Keep a home small: forget old runs, then what is stored and nobody refers to."""

from __future__ import annotations

import contextlib
import secrets
import sqlite3
import tempfile
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from .._journal import Home, JournalReader
from .._journal.connection import open_database, translated
from .._journal.retention import forget_runs
from ..io.units import Unit, changed_at, extent, marks_in, remove, units_below
from ..models.events import Stored, StoredLiterals
from ..storage.addresses import filesystem, local_path
from ..storage.faults import explained, retried
from ..storage.local_copy import make_private
from ..types.references import references_of

YOUNG_S = 24 * 3600.0


@dataclass(frozen=True)
class Swept:
    """What `sweep` removed, or would remove."""

    runs: list[str]
    files: int
    size_bytes: int


def sweep(
    home: Home, keep_s: float, *, young_s: float = YOUNG_S, folder: Path | None = None, dry_run: bool = False
) -> Swept:
    """Forget runs older than `keep_s` seconds and remove what is stored and no kept run or cache entry refers to.

    What was written less than `young_s` seconds ago stays: a run that is going on may be about to refer to it. Files
    and directories that a cell stored outside a run stay for `keep_s` seconds, because a variable of the notebook may
    refer to them. Where it cannot be read what is referred to, nothing is forgotten or removed.

    Parameters
    ----------
    folder : Path, optional
        A folder of `init(storage=...)`, which is swept instead of the home's own store. Only this home may write
        there: what other homes refer to is not known here. All in it stays for `keep_s` seconds.
    dry_run : bool
        Whether to change nothing, and say what would be removed.
    """
    if not home.journal_path.exists():
        return Swept([], 0, 0)
    store = folder or home.store_path
    runs, used, kept_runs = _what_stays(home, keep_s)
    now = time.time()

    def is_young(unit: Unit, path: Path) -> bool:
        belongs_to_run = unit.belongs_to_run and folder is None
        return changed_at(path) >= now - (young_s if belongs_to_run else max(young_s, keep_s))

    found: list[Unit] = []
    for unit in list(units_below(store, kept_runs)):
        with contextlib.suppress(FileNotFoundError):  # somebody else sweeps, or has just finished it
            if unit.mark not in used and not is_young(unit, unit.path):
                found.append(unit)
    if dry_run:
        return Swept(runs, *_sum(extent(unit.path) for unit in found))
    aside: dict[Path, Unit] = {}
    unwanted: set[Path] = set()
    try:
        for unit in found:
            _put_aside(store, unit, aside)
        if aside:
            runs, used, kept_runs = _what_stays(home, keep_s)  # runs may have begun meanwhile
        forgotten = forget_runs(home.journal_path, keep_s)
        if set(runs) <= set(forgotten):  # else one of them was resumed just now, and what it mentions stays
            unwanted = {path for path, unit in aside.items() if unit.mark not in used and not is_young(unit, path)}
    finally:
        for path, unit in aside.items():
            if path not in unwanted:
                _put_back(path, unit.path)
    removed = []
    for path in unwanted:
        removed.append(extent(path))
        remove(path)
        path.parent.rmdir()
    for of_run in store.glob("runs/*"):
        if of_run.name not in kept_runs:
            with contextlib.suppress(OSError):  # it is not empty
                of_run.rmdir()
    return Swept(forgotten, *_sum(removed))


def _what_stays(home: Home, keep_s: float) -> tuple[list[str], set[str], set[str]]:
    """Runs to forget, found out on a copy; marks of the units that all else mentions; names of the runs that stay."""
    with tempfile.TemporaryDirectory(prefix="flyte_nb-") as folder:
        path = Path(folder, home.journal_path.name)
        with (
            contextlib.closing(open_database(home.journal_path, read_only=True)) as journal,
            contextlib.closing(sqlite3.connect(path)) as copy,
            translated(home.journal_path, "read"),
        ):
            journal.backup(copy)
        runs = forget_runs(path, keep_s)
        return runs, *_referred_to(path)


def _sum(extents: Iterable[tuple[int, int]]) -> tuple[int, int]:
    files = size_bytes = 0
    for count, size in extents:
        files, size_bytes = files + count, size_bytes + size
    return files, size_bytes


def _put_aside(store: Path, unit: Unit, aside: dict[Path, Unit]) -> None:
    """Rename what is to be removed, and note where it is: from now on whoever stores the same stores it anew."""
    folder = store / "unfinished" / secrets.token_hex(10)  # which is new, so nobody else sweeps it
    make_private(str(folder))
    path = folder / unit.path.name
    aside[path] = unit  # before it is there: an interrupt may strike in between
    try:
        unit.path.rename(path)
    except FileNotFoundError:
        del aside[path]


def _put_back(aside: Path, path: Path) -> None:
    if aside.exists():
        make_private(str(path.parent))
        try:
            aside.rename(path)
        except OSError:  # the same was stored there meanwhile
            remove(aside)
    aside.parent.rmdir()


def _referred_to(journal: Path) -> tuple[set[str], set[str]]:
    """Marks of the units that kept runs and cache entries mention, and the names of those runs."""
    reader = JournalReader(journal)
    used: set[str] = set()
    try:
        kept_runs = {run.name for run in reader.runs(limit=-1)}
        for kept in reader.all_stored():
            _add_references(kept, used)
    finally:
        reader.close()
    return used, kept_runs


def _add_references(kept: Stored, used: set[str]) -> None:
    if kept.inline is None:
        used |= marks_in(kept.uri.encode("utf-8", "surrogateescape"))
    serialized = kept.inline if kept.inline is not None else _content(kept.uri, ".pb", ".html")
    used |= marks_in(serialized)
    if not isinstance(kept, StoredLiterals):
        return
    for address in references_of(serialized):
        used |= marks_in(address.encode("utf-8", "surrogateescape")) | marks_in(_content(address, ".pickle"))


def _content(address: str, *suffixes: str) -> bytes:
    """What a store keeps under the digest of its content, if it ends in such a suffix; nothing if it is not there.

    Raises
    ------
    OSError, StorageError
        If it is there and cannot be read: what it refers to is then not known.
    """
    if not address.endswith(suffixes) or not any(mark.startswith("blobs/") for mark in marks_in(address.encode())):
        return b""
    path = local_path(address)
    try:
        with explained("read", address):
            if path is not None:
                return Path(path).read_bytes()
            system, inner = filesystem(address)
            return bytes(retried(lambda: system.cat_file(inner)))
    except (FileNotFoundError, NotADirectoryError):
        return b""
