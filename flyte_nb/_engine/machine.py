"""What happens next to an action: pure decisions, no clock, no loop, no journal.

States: an action is *attempting* until it has *ended*. Events are the outcomes of attempts and the wishes of
others (`Stop`); each answer is a command for the runner.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from ..models.phases import ActionPhase

_one_at_a_time = threading.Lock()  # wishes and decisions: a wish is heard by the decision, or stands after it


class Outcome(Enum):
    """How an attempt ended."""

    RETURNED = "returned"
    RAISED = "raised"
    RAISED_FOR_GOOD = "raised for good"
    TIMED_OUT = "timed out"
    CANCELLED = "cancelled"


class StopReason(Enum):
    """Who wants an action stopped. Later members win over earlier ones."""

    TIMEOUT = 1
    DEADLINE = 2
    PARENT_ENDED = 3
    ABORT = 4


@dataclass(frozen=True, slots=True)
class Stop:
    """The wish that an action stops, and the sentence its parent will read."""

    reason: StopReason
    message: str


@dataclass(frozen=True, slots=True)
class Retry:
    """Command: start attempt number `attempt` after `delay_s` seconds.

    `answer` is what the last one came to, `stop` the wish that ended it if there was one.
    """

    attempt: int
    delay_s: float
    answer: Answer
    stop: Stop | None = None


class Answer(Enum):
    """What the awaiting parent gets, or would get if there were no other attempt."""

    VALUE = "value"
    ERROR = "error"
    TIMEOUT_ERROR = "timeout error"
    ABORTED_ERROR = "aborted error"
    CANCELLATION = "cancellation"


@dataclass(frozen=True, slots=True)
class End:
    """Command: record `phase` and give the parent `answer`."""

    phase: ActionPhase
    answer: Answer


SUCCEEDED = End(ActionPhase.SUCCEEDED, Answer.VALUE)
FAILED = End(ActionPhase.FAILED, Answer.ERROR)
_TIMED_OUT = End(ActionPhase.TIMED_OUT, Answer.TIMEOUT_ERROR)
_ABORTED = End(ActionPhase.ABORTED, Answer.ABORTED_ERROR)
_CANCELLED = End(ActionPhase.ABORTED, Answer.CANCELLATION)


class ActionMachine:
    """Attempts of one action.

    Parameters
    ----------
    max_attempts : int
        1 + the number of retries.
    delay_s : callable
        Seconds to wait before retry number n, counted from 1.
    """

    __slots__ = ("_delay_s", "_max_attempts", "attempt", "stop")

    def __init__(self, max_attempts: int, delay_s: Callable[[int], float] | None = None) -> None:
        self._max_attempts = max_attempts
        self._delay_s = delay_s
        self.attempt: int = 1
        self.stop: Stop | None = None

    def wish_stop(self, stop: Stop) -> bool:
        """Take note of a wish; False if a stronger or equal one was there already. Any thread may call it."""
        with _one_at_a_time:
            if self.stop is not None and self.stop.reason.value >= stop.reason.value:
                return False
            self.stop = stop
            return True

    def gave_up(self) -> End:
        """Decide after a cancellation that came between attempts, or before the first."""
        if self.stop is None or self.stop.reason is StopReason.PARENT_ENDED:
            return _CANCELLED
        return _ABORTED if self.stop.reason is StopReason.ABORT else _TIMED_OUT

    def attempt_ended(self, outcome: Outcome) -> End | Retry:
        """Decide after an attempt."""
        if outcome is Outcome.RETURNED and self.stop is None:
            return SUCCEEDED
        retries = self.attempt < self._max_attempts
        delay_s = self._delay_s(self.attempt) if retries and self._delay_s is not None else 0.0
        with _one_at_a_time:
            return self._decide(outcome, delay_s if retries else None)

    def _decide(self, outcome: Outcome, delay_s: float | None) -> End | Retry:
        stop = self.stop
        if stop is not None:
            if stop.reason is StopReason.ABORT:
                return _ABORTED
            if stop.reason is StopReason.PARENT_ENDED:
                return _CANCELLED
            if stop.reason is StopReason.DEADLINE:
                return _TIMED_OUT
            outcome = Outcome.TIMED_OUT
        if outcome is Outcome.RETURNED:
            return SUCCEEDED
        if outcome is Outcome.CANCELLED:
            return _CANCELLED
        end = _TIMED_OUT if outcome is Outcome.TIMED_OUT else FAILED
        if outcome is Outcome.RAISED_FOR_GOOD or delay_s is None:
            return end
        self.attempt += 1
        self.stop = None
        return Retry(self.attempt, delay_s, end.answer, stop)
