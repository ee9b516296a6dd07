"""How much of a remote file is fetched at a time: little where somebody looks about, much where it is read on.

By itself fsspec fetches a block behind whatever is asked for, which is 50 MiB for S3: ten bytes of each of ten columns
would be half a gigabyte.
"""

from __future__ import annotations

import os
import tempfile
from typing import Any

from fsspec.caching import BaseCache, register_cache

from .addresses import is_http

FIRST_BYTES = 256 * 1024
MOST_BYTES = 16 * 2**20


class GrowingReadAhead(BaseCache):  # type: ignore[misc]
    """One stretch of a file. Whoever goes on where it ends gets one of twice the length; a jump begins anew."""

    name = "flyte_nb"

    def __init__(self, blocksize: int, fetcher: Any, size: int) -> None:
        super().__init__(blocksize, fetcher, size)
        self._start, self._held = 0, b""
        self._ahead = FIRST_BYTES // 2

    def _fetch(self, start: int | None, stop: int | None) -> bytes:
        start, stop = start or 0, self.size if stop is None else min(stop, self.size)
        if start >= stop:
            return b""
        goes_on = self._start <= start <= self._start + len(self._held)
        found = self._held[start - self._start : stop - self._start] if goes_on else b""
        missing = stop - start - len(found)
        if missing:
            begin = stop - missing
            ahead = min(2 * self._ahead, MOST_BYTES) if goes_on else FIRST_BYTES
            self._held = self.fetcher(begin, min(self.size, max(stop, begin + ahead)))
            self._start, self._ahead = begin, ahead
            found += self._held[:missing]
        return found


def opened_for_reading(system: Any, path: str, **options: Any) -> Any:
    """A file of an fsspec file system, to be read anywhere."""
    opened = system.open(path, "rb", **{"cache_type": GrowingReadAhead.name, **options})
    if is_http(system) and not _gives_ranges(opened):
        opened.close()
        return _fetched_whole(system, path)
    return opened


def _gives_ranges(opened: Any) -> bool:
    """Whether a web server sends parts of a file; many begin at the beginning whatever they are asked."""
    if not getattr(opened, "size", None):
        return False
    try:
        opened.seek(-1, os.SEEK_END)
        opened.read(1)
        opened.seek(0)
    except ValueError:
        return False
    return True


def _fetched_whole(system: Any, path: str) -> Any:
    copy = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115, its reader closes it
    try:
        system.get_file(path, copy)
        copy.seek(0)
    except BaseException:
        copy.close()
        raise
    return copy


register_cache(GrowingReadAhead, clobber=True)
