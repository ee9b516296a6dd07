"""How much of a remote file is fetched at a time: little where somebody looks about, much where it is read on.

By itself fsspec fetches a block behind whatever is asked for, which is 50 MiB for S3: ten bytes of each of ten columns
would be half a gigabyte.
"""

from __future__ import annotations

from typing import Any

from fsspec.caching import BaseCache, register_cache

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
    return system.open(path, "rb", **{"cache_type": GrowingReadAhead.name, **options})


register_cache(GrowingReadAhead, clobber=True)
