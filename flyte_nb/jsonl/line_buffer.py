"""Records as lines, held until there are enough of them to be worth a write."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, NamedTuple

from .extra import orjson


class Portion(NamedTuple):
    """Lines that are written at once.

    Attributes
    ----------
    lines : bytearray
        With their newlines.
    ends_shard : bool
        Whether what comes after them goes into another file.
    """

    lines: bytearray
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
        library = orjson()
        self._dumps: Callable[[Any, None, int], bytes] = library.dumps
        self._options = library.OPT_APPEND_NEWLINE | library.OPT_SERIALIZE_NUMPY
        self._address = address
        self._flush_bytes = flush_bytes
        self._max_records, self._max_bytes = max_records, max_bytes or sys.maxsize
        self._records = 0
        self._start_shard()

    add: Callable[[Any], bool]
    """Take a record; whether there is a portion to be taken now.

    Raises a TypeError if the record cannot be written as JSON; nothing of it is kept. A function of its own for each
    portion, because this is done for every record and local names are the fastest.
    """

    def take(self) -> Portion:
        """What was added since the last portion."""
        lines = self._lines
        self._byte_room -= len(lines)
        added = lines.count(b"\n")
        self._records += added
        if self._record_room is not None:
            self._record_room -= added
        ends_shard = self._record_room == 0 or self._byte_room <= 0
        if ends_shard:
            self._start_shard()
        else:
            self._start_portion()
        return Portion(lines, ends_shard)

    def _start_shard(self) -> None:
        self._record_room, self._byte_room = self._max_records, self._max_bytes
        self._start_portion()

    def _start_portion(self) -> None:
        # one array of bytes: to keep half a million small objects costs more than all the rest
        self._lines = lines = bytearray()
        dumps, options, problem = self._dumps, self._options, self._problem
        enough, record_room = min(self._flush_bytes, self._byte_room), self._record_room

        def add(record: Any) -> bool:
            nonlocal lines
            try:
                lines += dumps(record, None, options)
            except TypeError as error:
                raise problem(error) from error
            return len(lines) >= enough

        def add_counted(record: Any) -> bool:
            nonlocal record_room
            is_enough = add(record)
            record_room -= 1  # type: ignore[operator]
            return is_enough or not record_room

        self.add = add if record_room is None else add_counted

    def _problem(self, error: TypeError) -> TypeError:
        number = self._records + self._lines.count(b"\n") + 1
        return TypeError(
            f"Record {number:,} for {self._address!r} cannot be written as JSON: {error}."
            " Convert it to dicts, lists, texts, numbers, bools or None first."
        )
