"""Words that many messages share."""

from __future__ import annotations


def got(value: object) -> str:
    """What came instead of what was expected, cut short."""
    return f"got {type(value).__name__}: {value!r:.120}"
