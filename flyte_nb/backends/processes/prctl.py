"""Two wishes to the kernel of Linux; elsewhere nothing happens."""

from __future__ import annotations

import sys

_SET_DEATH_SIGNAL = 1
_SET_CHILD_SUBREAPER = 36


def be_told_of_parents_end(number: int) -> None:
    """Be sent a signal when the thread that made this process ends."""
    _prctl(_SET_DEATH_SIGNAL, number)


def adopt_orphans() -> None:
    """Become the parent of descendants whose parents have ended, so that they can be found."""
    _prctl(_SET_CHILD_SUBREAPER, 1)


def _prctl(option: int, value: int) -> None:
    if sys.platform != "linux":
        return
    import ctypes

    ctypes.CDLL(None, use_errno=True).prctl(option, value, 0, 0, 0)
