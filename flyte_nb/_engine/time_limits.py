"""Limits on the time of an action: one that was lifted strikes nothing, also when its timer was due already."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from .machine import Stop, StopReason

if TYPE_CHECKING:
    from .action import Action
    from .service import Timer

_striking = threading.Lock()


class TimeLimit:
    """Has an action stopped when its time is over, unless it is lifted before.

    Parameters
    ----------
    action : Action
    which : str
        Its name, for the error.
    seconds : float
    """

    __slots__ = ("_action", "_lifted", "_stop", "_timer")

    def __init__(self, action: Action, which: str, seconds: float) -> None:
        reason = StopReason.DEADLINE if which == "deadline" else StopReason.TIMEOUT
        self._action = action
        self._stop = Stop(reason, f"{which} of {seconds:g} s")
        self._lifted = False
        self._timer: Timer = action.run.call_after(seconds, self._strike)

    def lift(self) -> None:
        """Strike no more."""
        with _striking:
            self._lifted = True
        self._timer.cancel()

    def _strike(self) -> None:
        with _striking:
            if not self._lifted:
                self._action.stop(self._stop)


def set_limit(action: Action, which: str, seconds: float | None) -> None:
    """Begin to count the time of `action` against the limit of that name; None is no limit."""
    if seconds is None:
        return
    if action.limits is None:
        action.limits = {}
    action.limits[which] = TimeLimit(action, which, seconds)


def lift_limits(action: Action, *which: str) -> None:
    """Lift the limits of those names, or all that were set."""
    limits = action.limits
    if not limits:
        return
    for name in which or tuple(limits):
        limit = limits.pop(name, None)
        if limit is not None:
            limit.lift()
