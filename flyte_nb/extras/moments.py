"""Moments and durations as tools outside Python write and read them."""

from __future__ import annotations

import datetime
import re

_NUMBER = re.compile(r"[+-]?\d+(\.\d+)?\Z")


def seconds_text(value: datetime.timedelta) -> str:
    """Seconds, as ``sleep`` takes them: "90", "0.5", "-3.25"."""
    microseconds = value // datetime.timedelta(microseconds=1)
    whole, part = divmod(abs(microseconds), 1_000_000)
    text = f"{whole}.{part:06d}".rstrip("0").rstrip(".")
    return f"-{text}" if microseconds < 0 else text


def duration_from(text: str) -> datetime.timedelta:
    """A duration given as seconds, as ISO 8601 ("PT1H30M"), or as "[D days, ]H:MM:SS".

    Raises
    ------
    ValueError
        For anything else.
    """
    number = _NUMBER.match(text)
    if number is None:
        from pydantic import TypeAdapter

        return TypeAdapter(datetime.timedelta).validate_python(text)
    whole, _, part = text.partition(".")
    microseconds = int(part[:6].ljust(6, "0")) if part else 0
    sign = -1 if text.startswith("-") else 1
    return datetime.timedelta(seconds=int(whole), microseconds=sign * microseconds)
