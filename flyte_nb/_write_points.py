"""The moments before and after something becomes durable: whoever wants to die just there, a test, listens."""

from __future__ import annotations

from collections.abc import Callable

_listener: Callable[[str], None] | None = None


def reached(point: str) -> None:
    """Tell that this process is about to write something, or just has: ``"before_commit"``, ``"after_commit"``."""
    if _listener is not None:
        _listener(point)


def listen(listener: Callable[[str], None] | None) -> None:
    """Have `listener` called at every write point of this process; None ends that."""
    global _listener
    _listener = listener
