"""Keep a home small: forget old runs, then the stored values nobody refers to."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

from .._journal import Home, JournalReader
from .._journal.retention import forget_runs
from ..models.events import StoredLiterals
from ..types.references import references_of

YOUNG_S = 24 * 3600.0


@dataclass(frozen=True)
class Swept:
    """What `sweep` removed."""

    runs: list[str]
    files: int
    size_bytes: int


def sweep(home: Home, keep_s: float, *, young_s: float = YOUNG_S) -> Swept:
    """Forget runs older than `keep_s` seconds and delete stored files that no kept run or cache entry refers to.

    Files younger than `young_s` seconds stay: a run that is going on may be about to refer to them. Only the
    home's own store is swept; buckets and other folders have rules of their own.
    """
    if not home.journal_path.exists():
        return Swept([], 0, 0)
    runs = forget_runs(home.journal_path, keep_s)
    used = _referred_to(home)
    files = size_bytes = 0
    limit = time.time() - young_s
    for path in (home.store_path / "blobs").glob("*/*"):
        found = path.stat()
        if str(path) not in used and found.st_mtime < limit:
            path.unlink()
            files, size_bytes = files + 1, size_bytes + found.st_size
    return Swept(runs, files, size_bytes)


def _referred_to(home: Home) -> set[str]:
    reader = JournalReader(home.journal_path)
    used: set[str] = set()
    try:
        for kept in reader.all_stored_literals():
            _add_references(kept, used)
    finally:
        reader.close()
    return used


def _add_references(kept: StoredLiterals, used: set[str]) -> None:
    serialized = kept.inline
    if serialized is None:
        used.add(kept.uri)
        path = Path(kept.uri)
        if path.suffix != ".pb" or not path.exists():
            return
        serialized = path.read_bytes()
    used |= references_of(serialized)
