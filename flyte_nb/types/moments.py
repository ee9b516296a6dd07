"""Moments as text and back: the zone by its name, and which of two equal hours of an autumn night is meant."""

from __future__ import annotations

import datetime
from typing import Any, TypeVar

_Moment = TypeVar("_Moment", datetime.datetime, datetime.time)


def moment_text(value: datetime.datetime | datetime.time) -> str:
    """ISO 8601, then the name of the zone and ``fold`` where they say more."""
    zone = getattr(value.tzinfo, "key", None) or ""
    if not zone and not value.fold:
        return value.isoformat()
    return f"{value.isoformat()} {zone} {value.fold}"


def datetime_from(text: str) -> datetime.datetime:
    """What `moment_text` was given."""
    return _moment_from(datetime.datetime, text)


def time_from(text: str) -> datetime.time:
    """What `moment_text` was given."""
    return _moment_from(datetime.time, text)


def timedelta_text(value: datetime.timedelta) -> str:
    """Days, seconds and microseconds."""
    return f"{value.days} {value.seconds} {value.microseconds}"


def timedelta_from(text: str) -> datetime.timedelta:
    """What `timedelta_text` was given."""
    return datetime.timedelta(*map(int, text.split()))


def _moment_from(kind: type[_Moment], text: str) -> _Moment:
    iso, _, rest = text.partition(" ")
    value = kind.fromisoformat(iso)
    if not rest:
        return value
    zone, _, fold = rest.rpartition(" ")
    changes: dict[str, Any] = {"fold": int(fold)}
    if zone:
        from zoneinfo import ZoneInfo

        changes["tzinfo"] = ZoneInfo(zone)
    return value.replace(**changes)
