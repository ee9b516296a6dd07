"""How long a task may run, and may wait."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta

from .._public import public
from .duration import Duration, seconds


@public
@dataclass(frozen=True, slots=True)
class Timeout:
    """Limits on the time an action takes; each is seconds, a `timedelta`, or text such as "1h30m".

    Parameters
    ----------
    max_runtime : Duration, optional
        For one attempt, from when its code starts.
    max_queued_time : Duration, optional
        From being called until its code starts.
    deadline : Duration, optional
        For the whole action: waiting, all attempts, and the pauses between them.

    Attributes
    ----------
    max_runtime_s, max_queued_time_s, deadline_s : float or None
        The same in seconds; None without a limit, which is also what zero means.

    Raises
    ------
    TypeError, ValueError
        For something that is no length of time.

    Examples
    --------
    >>> Timeout(max_runtime="2h", max_queued_time=30).max_runtime_s
    7200.0

    Specification: *Retries and timeouts*.
    """

    max_runtime: Duration | None = None
    max_queued_time: Duration | None = None
    deadline: Duration | None = None
    max_runtime_s: float | None = field(init=False, repr=False, compare=False)
    max_queued_time_s: float | None = field(init=False, repr=False, compare=False)
    deadline_s: float | None = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        for name in ("max_runtime", "max_queued_time", "deadline"):
            given = getattr(self, name)
            limit = seconds(given, f"timeout {name}") if given is not None else 0.0
            object.__setattr__(self, f"{name}_s", limit or None)


TimeoutType = Timeout | float | timedelta | str


def as_timeout(value: TimeoutType | None) -> Timeout | None:
    """`value` as limits; a bare length of time is `max_runtime`, and zero or None is no limit.

    Raises
    ------
    TypeError, ValueError
        For something that is no length of time.
    """
    if value is None:
        return None
    limits = value if isinstance(value, Timeout) else Timeout(seconds(value, "timeout"))
    limited = limits.max_runtime_s or limits.max_queued_time_s or limits.deadline_s
    return limits if limited else None
