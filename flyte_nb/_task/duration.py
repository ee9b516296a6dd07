"""Lengths of time as people write them: seconds, a `timedelta`, or text such as "1h30m"."""

from __future__ import annotations

import math
import re
from datetime import timedelta

from .messages import got

Duration = float | timedelta | str

_SECONDS_OF = {"d": 86_400.0, "h": 3_600.0, "m": 60.0, "s": 1.0, "ms": 0.001}
_PART = re.compile(r"\s*(\d+(?:\.\d+)?)\s*(ms|[dhms])")


def seconds(value: Duration, what: str) -> float:
    """`value` in seconds.

    Parameters
    ----------
    value : float, timedelta or str
    what : str
        Name of the setting, for the message.

    Raises
    ------
    TypeError
        If it is none of these.
    ValueError
        If it is negative, endless, or text that says no length of time.

    Examples
    --------
    >>> seconds("1h30m", "timeout")
    5400.0
    """
    if isinstance(value, timedelta):
        found = value.total_seconds()
    elif isinstance(value, str):
        found = _seconds_of_text(value, what)
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        found = float(value)
    else:
        raise TypeError(f"{what}: expected seconds, a timedelta, or text such as '2h', {got(value)}.")
    if not math.isfinite(found) or found < 0:
        raise ValueError(f"{what}: expected a length of time of zero or more, got {value!r}.")
    return found


def _seconds_of_text(text: str, what: str) -> float:
    total, position = 0.0, 0
    stripped = text.strip()
    while part := _PART.match(stripped, position):
        total += float(part[1]) * _SECONDS_OF[part[2]]
        position = part.end()
    if not stripped or position != len(stripped):
        raise ValueError(
            f"{what}: {text!r} is no length of time. Write numbers with the units d, h, m, s or ms,"
            " such as '2h', '1h30m' or '90s'."
        )
    return total
