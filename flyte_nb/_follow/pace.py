"""How often pictures are looked after: whoever looks must not hold up what runs."""

from __future__ import annotations

import time
from typing import Protocol

PUMP_EVERY_S = 0.1
MAY_LAG_S = 1.0
SHARE_BESIDE_RUNS = 0.05
SHARE_WHEN_LATE = 0.1
_KEPT_OF_EARLIER_ROUNDS = 0.8


class Clock(Protocol):
    """The clocks of a thread and its process."""

    def monotonic(self) -> float:
        """Seconds that pass for everybody."""
        ...

    def thread_time(self) -> float:
        """Seconds of processor time of the calling thread."""
        ...

    def process_time(self) -> float:
        """Seconds of processor time of the process."""
        ...

    def sleep(self, seconds: float) -> None:
        """Let so many seconds pass."""
        ...


class SystemClock:
    """The clocks of the machine."""

    monotonic = staticmethod(time.monotonic)
    thread_time = staticmethod(time.thread_time)
    process_time = staticmethod(time.process_time)
    sleep = staticmethod(time.sleep)


class Pace:
    """Rounds of looking, and pauses between them.

    While runs live in this process, rounds take a twentieth of its time, and a tenth once a picture is a second late.
    Where other processes leave this one less than a core, the pauses are longer in the same measure.

    Parameters
    ----------
    clock : Clock
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._begun = self._now()
        self._passed_s = self._had_s = 0.0

    def begin(self) -> None:
        """A round begins."""
        self._begun = self._now()

    def pause_s(self, *, is_busy: bool, late_s: float) -> float:
        """How long to leave the time to others after the round.

        Parameters
        ----------
        is_busy : bool
            Whether runs live in this process.
        late_s : float
            For how long the latest picture has been behind.
        """
        (passed, spent, had) = (now - begun for now, begun in zip(self._now(), self._begun, strict=True))
        self._passed_s = self._passed_s * _KEPT_OF_EARLIER_ROUNDS + passed
        self._had_s = self._had_s * _KEPT_OF_EARLIER_ROUNDS + had
        if not is_busy:
            return min(spent, PUMP_EVERY_S) if late_s else PUMP_EVERY_S
        share = SHARE_WHEN_LATE if late_s > MAY_LAG_S else SHARE_BESIDE_RUNS
        return max(PUMP_EVERY_S, (spent / share - spent) * self._slowdown)

    @property
    def _slowdown(self) -> float:
        """How much longer a second of processor time takes: in a round there is always something to do."""
        return max(1.0, self._passed_s / self._had_s) if self._had_s else 1.0

    def _now(self) -> tuple[float, float, float]:
        return self._clock.monotonic(), self._clock.thread_time(), self._clock.process_time()
