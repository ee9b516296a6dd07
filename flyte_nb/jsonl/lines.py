"""From bytes to records, many lines at a time.

One call that parses a block of lines is faster than a call per line. Between two lines goes a number that nobody else
knows, so that a broken line cannot run into its neighbour and pass for something whole; a block that does
not come out as it must is parsed line by line.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

from ..errors import BrokenRecordError
from .extra import orjson

BLOCK_BYTES = 256 * 1024

_SEAM = 10**17 + secrets.randbelow(9 * 10**17)
_BETWEEN_LINES = b",%d," % _SEAM


class Fault(NamedTuple):
    """A line that is no JSON.

    Attributes
    ----------
    position : int
        How many records of its block come before it.
    line : bytes
    error : BrokenRecordError
    """

    position: int
    line: bytes
    error: BrokenRecordError


class Block(NamedTuple):
    """The records of some lines that follow each other, and those lines that are none."""

    records: list[Any]
    faults: list[Fault]


def blocks_of(pieces: Iterable[bytes], address: str) -> Iterator[Block]:
    """Records of a stream of lines.

    Parameters
    ----------
    pieces : iterable of bytes
        The stream, cut anywhere. What is kept of it is a block, or a line where that is longer.
    address : str
        Whose lines they are, for messages.
    """
    loads = orjson().loads
    number = 1
    for lines in _whole_lines(pieces):
        count = lines.count(b"\n")
        yield _parsed_together(lines, count, loads) or _parsed_one_by_one(lines, number, address, loads)
        number += count + 1


def _whole_lines(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """The stream in blocks of whole lines, each without the newline at its end."""
    waiting: list[bytes] = []
    size = 0
    for piece in pieces:
        waiting.append(piece)
        size += len(piece)
        if size < BLOCK_BYTES:
            continue
        end = piece.rfind(b"\n")
        if end < 0:
            continue
        waiting[-1] = piece[:end]
        yield b"".join(waiting)
        rest = piece[end + 1 :]
        waiting, size = [rest], len(rest)
    last = b"".join(waiting)
    if last:
        yield last.removesuffix(b"\n")


def _parsed_together(lines: bytes, seams: int, loads: Callable[[bytes], Any]) -> Block | None:
    try:
        found = loads(b"[" + lines.replace(b"\n", _BETWEEN_LINES) + b"]")
    except ValueError:
        return None
    if len(found) != 2 * seams + 1 or found[1::2].count(_SEAM) != seams:
        return None
    return Block(found[::2], [])


def _parsed_one_by_one(lines: bytes, first: int, address: str, loads: Callable[[bytes], Any]) -> Block:
    records: list[Any] = []
    faults = []
    for number, line in enumerate(lines.split(b"\n"), first):
        if not line or line.isspace():
            continue
        try:
            records.append(loads(line))
        except ValueError as reason:
            error = BrokenRecordError(address, number, line, reason)
            error.__cause__ = reason
            faults.append(Fault(len(records), line, error))
    return Block(records, faults)
