"""Words that many messages share."""

from __future__ import annotations

import inspect


def got(value: object) -> str:
    """What came instead of what was expected, cut short."""
    return f"got {type(value).__name__}: {value!r:.120}"


def not_a_task(value: object) -> str:
    """What came where a task was expected, and what to do about it."""
    if inspect.iscoroutine(value):
        value.close()
        return f"got a call of {value.__qualname__}. Give the task itself, and its inputs after it."
    return f"{got(value)}.{' Decorate it with @env.task.' if callable(value) else ''}"
