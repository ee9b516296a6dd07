"""The log of a run in the order of time.

Actions write their pieces when lines are complete, from several threads and processes, so that the journal holds them a
little out of order.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from operator import itemgetter
from typing import NamedTuple

from ..models.events import LogLine

HELD_S = 0.25  # a piece is in the journal well within that


class _Waiting(NamedTuple):
    at: float
    number: int
    arrived: float
    piece: LogLine


class LogOrder:
    """Merges pieces by their time. Those of one action keep their order, also where a clock was moved back."""

    def __init__(self) -> None:
        self._latest: dict[str, float] = {}
        self._waiting: list[_Waiting] = []
        self._added = 0

    def add(self, piece: LogLine, arrived: float = 0.0) -> None:
        """Take the next piece of the journal, which was read at `arrived`."""
        at = self._latest[piece.action] = max(piece.at, self._latest.get(piece.action, 0.0))
        self._added += 1
        self._waiting.append(_Waiting(at, self._added, arrived, piece))

    def take(self, arrived_by: float = math.inf) -> list[LogLine]:
        """The pieces that came by a time, and others that are older than one of them; they are handed out once."""
        last = max((one[:2] for one in self._waiting if one.arrived <= arrived_by), default=(-math.inf, 0))
        taken = sorted((one for one in self._waiting if one[:2] <= last), key=itemgetter(0, 1))
        self._waiting = [one for one in self._waiting if one[:2] > last]
        return [one.piece for one in taken]


def in_time(pieces: Iterable[LogLine]) -> list[LogLine]:
    """All pieces of a log, as the journal has them, in the order of time."""
    order = LogOrder()
    for piece in pieces:
        order.add(piece)
    return order.take()


def whole_lines(pieces: Iterable[LogLine]) -> list[str]:
    """The lines of a log; one that an action wrote in several pieces stands where it began."""
    lines: list[list[str]] = []
    unfinished: dict[str, list[str]] = {}
    for piece in pieces:
        for text in piece.text.splitlines(keepends=True):
            line = unfinished.pop(piece.action, None)
            if line is None:
                line = []
                lines.append(line)
            [content] = text.splitlines()
            line.append(content)
            if content == text:
                unfinished[piece.action] = line
    return ["".join(line) for line in lines]
