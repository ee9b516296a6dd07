"""A thread that keeps time, the mailbox and the journal going while user code holds the loop.

It lives while a run does and sleeps otherwise: nothing running, nothing polling.
"""

from __future__ import annotations

import heapq
import itertools
import logging
import threading
import time
from collections.abc import Callable

logger = logging.getLogger("flyte_nb")

POLL_EVERY_S = 0.05


class Timer:
    """A call that will be made, unless cancelled before."""

    __slots__ = ("callback", "cancelled")

    def __init__(self, callback: Callable[[], None]) -> None:
        self.callback: Callable[[], None] = callback
        self.cancelled: bool = False

    def cancel(self) -> None:
        """Do not make the call."""
        self.cancelled = True


class ServiceThread:
    """Timers, and a duty that is done at least every 50 ms while somebody holds the service.

    Parameters
    ----------
    duty : callable
        Done on the service thread; must not block and may not raise.
    """

    def __init__(self, duty: Callable[[], None]) -> None:
        self._duty = duty
        self._condition = threading.Condition()
        self._timers: list[tuple[float, int, Timer]] = []
        self._order = itertools.count()
        self._holders = 0
        self._announced = False
        self._thread: threading.Thread | None = None
        self._closed = False

    def hold(self) -> None:
        """Keep the service going until `release`."""
        with self._condition:
            self._holders += 1
            if self._thread is None:
                self._thread = threading.Thread(target=self._serve, name="flyte_nb-service", daemon=True)
                self._thread.start()

    def release(self) -> None:
        """Undo one `hold`."""
        with self._condition:
            self._holders -= 1
            self._condition.notify()

    def announce(self) -> None:
        """Do the duty now."""
        with self._condition:
            self._announced = not self._closed
            self._condition.notify()

    def close(self) -> None:
        """Stop for good, with the duty that is being done ended."""
        with self._condition:
            self._holders, self._announced, self._closed = 0, False, True
            thread = self._thread
            self._condition.notify()
        if thread is not None and thread is not threading.current_thread():
            thread.join()

    def call_after(self, delay_s: float, callback: Callable[[], None]) -> Timer:
        """Call `callback` on the service thread after `delay_s` seconds."""
        timer = Timer(callback)
        with self._condition:
            entry = (time.monotonic() + delay_s, next(self._order), timer)
            heapq.heappush(self._timers, entry)
            if self._timers[0] is entry:
                self._condition.notify()
        return timer

    def _serve(self) -> None:
        while True:
            with self._condition:
                if self._holders <= 0 and not self._announced:
                    self._thread = None
                    self._timers.clear()
                    return
                if not self._announced:
                    self._condition.wait(self._seconds_to_sleep())
                self._announced = False
                due = self._take_due()
            for timer in due:
                if not timer.cancelled:  # by one that was due with it
                    self._guarded(timer.callback)
            self._guarded(self._duty)

    def _seconds_to_sleep(self) -> float:
        while self._timers and self._timers[0][2].cancelled:
            heapq.heappop(self._timers)
        if not self._timers:
            return POLL_EVERY_S
        return max(0.0, min(POLL_EVERY_S, self._timers[0][0] - time.monotonic()))

    def _take_due(self) -> list[Timer]:
        now = time.monotonic()
        due: list[Timer] = []
        while self._timers and self._timers[0][0] <= now:
            timer = heapq.heappop(self._timers)[2]
            if not timer.cancelled:
                due.append(timer)
        return due

    def _guarded(self, function: Callable[[], None]) -> None:
        try:
            function()
        except Exception:
            logger.exception("The flyte_nb service thread met an error and goes on.")
