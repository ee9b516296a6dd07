"""How often a failed task is tried again, and after how long."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from datetime import timedelta

from .._public import public
from .duration import Duration, seconds
from .messages import got

LONGEST_DELAY_S = timedelta(days=365).total_seconds()


@public
@dataclass(frozen=True, slots=True)
class Backoff:
    """Growing pauses between attempts: `base`, ``base * factor``, ``base * factor**2``, … up to `cap`.

    Parameters
    ----------
    base : Duration
        Before the first retry.
    factor : float
        How much longer every further pause is.
    cap : Duration, optional
        The longest pause.

    Raises
    ------
    TypeError, ValueError
        If `base` or `cap` is no length of time, or `factor` no positive number.

    Examples
    --------
    >>> RetryStrategy(4, Backoff(base=1, factor=2, cap=5)).delay_s(3)
    4.0

    Specification: *Retries and timeouts*.
    """

    base: Duration
    factor: float = 1.0
    cap: Duration | None = None
    base_s: float = field(init=False, repr=False, compare=False)
    cap_s: float = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if isinstance(self.factor, bool) or not isinstance(self.factor, (int, float)):
            raise TypeError(f"backoff factor: expected a number, {got(self.factor)}.")
        if not math.isfinite(self.factor) or self.factor <= 0:
            raise ValueError(f"backoff factor: expected a number above zero, got {self.factor!r}.")
        cap_s = seconds(self.cap, "backoff cap") if self.cap is not None else LONGEST_DELAY_S
        object.__setattr__(self, "base_s", seconds(self.base, "backoff base"))
        object.__setattr__(self, "cap_s", cap_s)

    def delay_s(self, retry: int) -> float:
        """Seconds before retry number `retry`, counted from 1."""
        try:
            grown = self.base_s * float(self.factor) ** (retry - 1)
        except OverflowError:
            grown = self.cap_s if self.base_s else 0.0
        return min(grown, self.cap_s)


@public
@dataclass(frozen=True, slots=True)
class RetryStrategy:
    """Try a failed task again.

    Parameters
    ----------
    count : int
        Attempts after the first.
    backoff : Backoff, optional
        Pauses before them; without it a retry starts at once.

    Raises
    ------
    TypeError, ValueError
        If `count` is no whole number of zero or more, or `backoff` no `Backoff`.

    Specification: *Retries and timeouts*.
    """

    count: int
    backoff: Backoff | None = None

    def __post_init__(self) -> None:
        if isinstance(self.count, bool) or not isinstance(self.count, int):
            raise TypeError(f"retries: expected a whole number, {got(self.count)}.")
        if self.count < 0:
            raise ValueError(f"retries: expected zero or more, got {self.count}.")
        if self.backoff is not None and not isinstance(self.backoff, Backoff):
            raise TypeError(f"retries backoff: expected a Backoff, {got(self.backoff)}. Write Backoff(base=...).")

    def delay_s(self, retry: int) -> float:
        """Seconds before retry number `retry`, counted from 1."""
        return self.backoff.delay_s(retry) if self.backoff is not None else 0.0


NO_RETRIES = RetryStrategy(0)


def as_retries(value: int | RetryStrategy | None) -> RetryStrategy:
    """`value` as a strategy; a number is how many retries follow at once.

    Raises
    ------
    TypeError, ValueError
        If it is neither.
    """
    if isinstance(value, RetryStrategy):
        return value
    return RetryStrategy(value) if value is not None else NO_RETRIES
