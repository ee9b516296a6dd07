"""Full garbage collections happen at most every few seconds of processor time while runs live.

A fan-out of tens of thousands of actions makes Python believe, ten times and more, that it must look through all
objects there are, and each look finds nothing. Time in which others have the processor makes no garbage here and does
not count, so that an action costs the same on a busy machine. Collections of young objects go on as always, and
whoever has switched collection off, or changed its thresholds meanwhile, is left alone.
"""

from __future__ import annotations

import gc
import threading
import time

EVERY_S = 5.0
_NEVER = 1_000_000


class RareFullCollections:
    """Holds full collections back while somebody uses it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._users = 0
        self._before = gc.get_threshold()
        self._due_at = 0.0

    def begin(self) -> None:
        """Hold back until `end`."""
        with self._lock:
            self._users += 1
            if self._users == 1:
                self._before = gc.get_threshold()
                self._hold_back()

    def end(self) -> None:
        """Undo one `begin`; the last one makes all as it was."""
        with self._lock:
            self._users -= 1
            if not self._users:
                self._let_go()

    def __enter__(self) -> None:
        self.begin()

    def __exit__(self, *_: object) -> None:
        self.end()

    def allow_when_due(self) -> None:
        """Let one full collection happen if the last one is long ago; called every now and then."""
        with self._lock:
            if not self._users or time.process_time() < self._due_at:
                return
            if gc.get_threshold()[2] == _NEVER:
                self._let_go()
            elif gc.get_count()[2] <= self._before[2]:
                self._hold_back()

    def _hold_back(self) -> None:
        if gc.get_threshold() == self._before:
            gc.set_threshold(self._before[0], self._before[1], _NEVER)
        self._due_at = time.process_time() + EVERY_S

    def _let_go(self) -> None:
        if gc.get_threshold() == (self._before[0], self._before[1], _NEVER):
            gc.set_threshold(*self._before)
