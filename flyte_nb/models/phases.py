"""The states an action passes through."""

from __future__ import annotations

from enum import Enum


class ActionPhase(str, Enum):
    """Phase of an action or of a run, which has the phase of its root action.

    Examples
    --------
    >>> ActionPhase.SUCCEEDED.is_terminal
    True
    >>> ActionPhase.PAUSED == "paused"
    True

    Specification: *Remote tasks* (comparing phases).
    """

    QUEUED = "queued"
    WAITING_FOR_RESOURCES = "waiting_for_resources"
    INITIALIZING = "initializing"
    RUNNING = "running"
    PAUSED = "paused"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    ABORTED = "aborted"
    TIMED_OUT = "timed_out"
    RECOVERED = "recovered"

    @classmethod
    def _missing_(cls, value: object) -> None:
        raise ValueError(f"{value!r:.120} is no phase: expected one of {', '.join(repr(one.value) for one in cls)}.")

    @property
    def is_terminal(self) -> bool:
        """Whether nothing more will happen."""
        return self in _TERMINAL

    def __str__(self) -> str:
        return self.value


_TERMINAL = frozenset(
    {
        ActionPhase.SUCCEEDED,
        ActionPhase.FAILED,
        ActionPhase.ABORTED,
        ActionPhase.TIMED_OUT,
        ActionPhase.RECOVERED,
    }
)
