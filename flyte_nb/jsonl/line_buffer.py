"""Records as lines, held until there are enough of them to be worth a write."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

from .._public import hand_over
from .extra import orjson

T = TypeVar("T")


class Portion(NamedTuple):
    """Lines that are written at once.

    Attributes
    ----------
    lines : bytes
        With their newlines.
    ends_shard : bool
        Whether what comes after them goes into another file.
    """

    lines: bytes
    ends_shard: bool


class LineBuffer:
    """Turns records into lines at once, so that what happens to them later changes nothing.

    Parameters
    ----------
    address : str
        Where they go, for messages.
    flush_bytes : int
        How many bytes make a portion.
    max_records, max_bytes : int, optional
        How many records, and bytes before compression, one file takes. A file has one record at least.
    """

    def __init__(
        self, address: str, flush_bytes: int, max_records: int | None = None, max_bytes: int | None = None
    ) -> None:
        self._address = address
        self._flush_bytes = flush_bytes
        self._max_records, self._max_bytes = max_records, max_bytes or sys.maxsize
        self._lines = bytearray()  # one array of bytes: half a million small objects would cost more than all the rest
        self._records = 0
        self._start_shard()

    def adding(self, full: Callable[[], T]) -> Callable[[Any], T | None]:
        """A function that takes a record; when there is a portion to be taken, it gives what `full` gives.

        It raises a TypeError if the record cannot be written as JSON; nothing of it is kept. It is called for every
        record, so it calls little, and what it needs is at hand.
        """
        library = orjson()
        dumps: Callable[[Any, None, int], bytes] = library.dumps
        options = library.OPT_APPEND_NEWLINE | library.OPT_SERIALIZE_NUMPY
        lines = self._lines

        def add(record: Any) -> T | None:
            nonlocal lines
            try:
                try:
                    lines += dumps(record, None, options)
                except TypeError as error:
                    raise self._problem(error) from error
            except TypeError as error:
                hand_over(error)
                raise
            return full() if len(lines) >= self._enough else None

        def add_counted(record: Any) -> T | None:
            self._record_room -= 1
            if not self._record_room:
                self._enough = 0  # this record is the last of its shard
            try:
                return add(record)
            except TypeError as error:
                self._record_room += 1
                hand_over(error)
                raise

        return add if self._max_records is None else add_counted

    def take(self) -> Portion:
        """What was added since the last portion."""
        lines = bytes(self._lines)
        self._lines.clear()
        self._byte_room -= len(lines)
        self._records += lines.count(b"\n")
        ends_shard = self._record_room <= 0 or self._byte_room <= 0
        if ends_shard:
            self._start_shard()
        else:
            self._start_portion()
        return Portion(lines, ends_shard)

    def _start_shard(self) -> None:
        self._record_room = self._max_records or sys.maxsize
        self._byte_room = self._max_bytes
        self._start_portion()

    def _start_portion(self) -> None:
        self._enough = min(self._flush_bytes, self._byte_room)

    def _problem(self, error: TypeError) -> TypeError:
        number = self._records + self._lines.count(b"\n") + 1
        return TypeError(
            f"Record {number:,} for {self._address!r} cannot be written as JSON: {error}."
            " Convert it to dicts, lists, texts, numbers, bools or None first."
        )
