"""What a worker remembers of what it was told: the last few runs and tasks.

Its kernel counts along: both ends see the same uses in the same order, so that the kernel knows without asking what
the worker has forgotten, and tells it again.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Generic, TypeVar

T = TypeVar("T")

MOST_KEPT = 64


class Kept(Generic[T]):
    """The things that were used last, by key."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, T] = OrderedDict()

    def keep(self, key: str, value: T) -> None:
        """Keep a new one; it counts as used."""
        self._kept[key] = value
        self._kept.move_to_end(key)
        while len(self._kept) > MOST_KEPT:
            self._kept.popitem(last=False)

    def use(self, key: str) -> bool:
        """Count a use; whether it is kept."""
        if key not in self._kept:
            return False
        self._kept.move_to_end(key)
        return True

    def __len__(self) -> int:
        return len(self._kept)

    def __getitem__(self, key: str) -> T:
        return self._kept[key]


class Known:
    """What a kernel knows that a worker keeps.

    Attributes
    ----------
    runs, tasks : Kept
        By the key that the worker has for them.
    """

    def __init__(self) -> None:
        self.runs: Kept[None] = Kept()
        self.tasks: Kept[None] = Kept()
