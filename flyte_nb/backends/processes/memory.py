"""Holds worker processes to their memory limits.

A thread looks at each of them every 20 ms: from outside, because a process that fills memory gives its own threads no
turn. It lives while a limit is to be held.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from .descendants import descendants_of, held_bytes, own_bytes, resident_bytes

LOOK_EVERY_S = 0.02
COUNT_EVERY_S = 0.2


class MemoryWatch:
    """Looks after processes while somebody is inside `limited`."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._limits: dict[int, tuple[int, Callable[[int], None]]] = {}
        self._thread: threading.Thread | None = None

    @contextmanager
    def limited(self, pid: int, limit_bytes: int, exceeded: Callable[[int], None]) -> Iterator[None]:
        """Call `exceeded`, once and on the watching thread, when a process with all below it holds more than that."""
        with self._lock:
            self._limits[pid] = (limit_bytes, exceeded)
            if self._thread is None:
                self._thread = threading.Thread(target=self._watch, name="flyte_nb-memory", daemon=True)
                self._thread.start()
        try:
            yield
        finally:
            with self._lock:
                self._limits.pop(pid, None)

    def _watch(self) -> None:
        below: dict[int, list[int]] = {}
        count_at = 0.0
        while True:
            with self._lock:
                limits = dict(self._limits)
                if not limits:
                    self._thread = None
                    return
            now = time.monotonic()
            if now >= count_at:
                below = descendants_of(limits)
                count_at = now + COUNT_EVERY_S
            for pid, (limit_bytes, exceeded) in limits.items():
                used = _used_bytes(pid, below.get(pid, ()), limit_bytes)
                if used > limit_bytes:
                    with self._lock:
                        mine = self._limits.pop(pid, None)
                    if mine is not None:
                        exceeded(used)
            time.sleep(LOOK_EVERY_S)


def _used_bytes(pid: int, below: list[int] | tuple[()], limit_bytes: int) -> int:
    used = resident_bytes(pid) + sum(map(resident_bytes, below))
    if used > limit_bytes:  # that counts mapped files, too
        used = held_bytes(pid) + sum(map(held_bytes, below))
    if used > limit_bytes and below:  # forked processes share pages, which counted once may be within the limit
        used = own_bytes(pid) + sum(map(own_bytes, below))
    return used
