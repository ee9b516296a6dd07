"""Memory that was read and is not read any more, for what comes next.

From the system, memory that nobody has touched yet can cost several times what it takes to fill it.
"""

from __future__ import annotations

import weakref
from typing import Any

import numpy
import pyarrow

STEP_BYTES = 2**20

Memory = numpy.ndarray[Any, Any]


class SpareMemory:
    """Memory that is written once and then read until nobody has a part of it; up to `most_bytes` are spare then."""

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self._spare: dict[int, Memory] = {}

    def take(self, size: int) -> Memory:
        """Memory of at least so many bytes, to be written to: a spare one that fits, or a new one."""
        if size < STEP_BYTES:
            return numpy.empty(size, dtype="u1")
        fitting = [memory for memory in list(self._spare.values()) if size <= memory.size <= 2 * size]
        for memory in sorted(fitting, key=len):
            if self._spare.pop(_address(memory), None) is not None:
                return memory
        return numpy.empty(-(-size // STEP_BYTES) * STEP_BYTES, dtype="u1")

    def readable(self, memory: Memory) -> pyarrow.Buffer:
        """Memory from `take` as a buffer that nobody can write to; it is spare again when nobody has a part of that."""
        hold = _Hold()
        weakref.finalize(hold, self._give, memory).atexit = False
        return pyarrow.foreign_buffer(_address(memory), memory.size, base=hold)

    @property
    def spare_bytes(self) -> int:
        """How much is spare now."""
        return sum(memory.size for memory in list(self._spare.values()))

    def clear(self) -> None:
        """Leave what is spare to the system."""
        self._spare.clear()

    def _give(self, memory: Memory) -> None:
        """Called on any thread, whatever it does just then, also amid a collection of garbage.

        So no lock is taken, and each step is whole by itself: `list` of a dictionary's values is, `tuple` is not.
        """
        if memory.size >= STEP_BYTES and memory.size + self.spare_bytes <= self._most_bytes:
            self._spare[_address(memory)] = memory


class _Hold:
    """Lives as long as somebody has a part of a buffer."""

    __slots__ = ("__weakref__",)


def _address(memory: Memory) -> int:
    return int(memory.ctypes.data)
