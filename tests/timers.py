"""Time limits that are over when a test says so."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from flyte_nb._engine.service import ServiceThread, Timer


class Timers:
    """Time limits of an hour or more: they are over when a test says so, however slow or fast the machine is."""

    HOUR_S = 3600

    def __init__(self) -> None:
        self.made: list[Timer] = []

    @property
    def running(self) -> int:
        """How many were set and not lifted."""
        return sum(not timer.cancelled for timer in self.made)

    def strike(self) -> None:
        """The time of all that run is over."""
        made, self.made = self.made, []
        for timer in made:
            if not timer.cancelled:
                timer.callback()


@pytest.fixture
def timers(monkeypatch: pytest.MonkeyPatch) -> Timers:
    """The time limits of an hour or more that a test sets."""
    found = Timers()
    call_after = ServiceThread.call_after

    def noting(service: ServiceThread, delay_s: float, callback: Callable[[], None]) -> Timer:
        timer = call_after(service, delay_s, callback)
        if delay_s >= Timers.HOUR_S:
            found.made.append(timer)
        return timer

    monkeypatch.setattr(ServiceThread, "call_after", noting)
    return found
