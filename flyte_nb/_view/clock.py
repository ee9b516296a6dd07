"""How long a run has really run: from its start on, without the time in which nobody drove it."""

from __future__ import annotations

from typing import NamedTuple


class Pause(NamedTuple):
    """When a run stopped, and when somebody went on with it."""

    stopped_at: float
    resumed_at: float


class RunClock:
    """Time of a run.

    Attributes
    ----------
    begin : float
        When it was started, in seconds since the epoch.
    pauses : list of Pause
        In order.
    """

    __slots__ = ("begin", "pauses")

    def __init__(self) -> None:
        self.begin: float = 0.0
        self.pauses: list[Pause] = []

    def paused(self, stopped_at: float, resumed_at: float) -> None:
        """Nobody drove the run in between."""
        self.pauses.append(Pause(min(stopped_at, resumed_at), resumed_at))

    def ran_s(self, at: float) -> float:
        """For how many seconds the run had run at that moment; it stands still in a pause."""
        ran = at - self.begin
        for stopped_at, resumed_at in self.pauses:
            if at > stopped_at:
                ran -= min(at, resumed_at) - stopped_at
        return max(ran, 0.0)

    def gaps(self) -> list[tuple[float, float]]:
        """Where pauses lie in the time of the run, and how long each was; in seconds."""
        return [(self.ran_s(pause.stopped_at), pause.resumed_at - pause.stopped_at) for pause in self.pauses]
