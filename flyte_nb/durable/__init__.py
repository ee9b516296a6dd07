"""Time that a resumed run lives through only once: the same answers when replayed.

Specification: *Other features*.
"""

from __future__ import annotations

import asyncio
import datetime as _datetime
import time as _time
from typing import Any, SupportsIndex

from .._aio import AwaitedAsItself, BlockingCall, Waited
from .._engine.blocking import wait_blocking, wait_unless_stopped
from .._engine.scope import current_scope
from .._engine.trace import trace

__all__ = ["now", "sleep", "time"]


class _Seconds(float, AwaitedAsItself):
    """A time that may be awaited."""

    __slots__ = ()

    def __reduce__(self) -> tuple[type[float], tuple[float]]:
        return float, (float(self),)


class _Moment(_datetime.datetime, AwaitedAsItself):
    """A date and time that may be awaited."""

    def __reduce_ex__(self, protocol: SupportsIndex) -> tuple[Any, ...]:
        return _datetime.datetime.combine, (self.date(), self.timetz())


@trace
async def durable_time() -> float:
    """The clock, read once per call and remembered."""
    return _time.time()


async def _time_async() -> float:
    return await durable_time()


def _time_blocking() -> float:
    """Seconds since the epoch; in a task, a resumed run gets the answer the first try got.

    Specification: *Other features*.
    """
    scope = current_scope()
    if scope is None:
        return _Seconds(_time.time())
    return _Seconds(wait_blocking(durable_time(), scope.action.run.loop))


async def _now_async() -> _datetime.datetime:
    return _datetime.datetime.fromtimestamp(await durable_time(), _datetime.UTC)


def _now_blocking() -> _datetime.datetime:
    """The time in UTC; in a task, a resumed run gets the answer the first try got.

    Specification: *Other features*.
    """
    return _Moment.fromtimestamp(_time_blocking(), _datetime.UTC)


async def _sleep_async(seconds: float) -> Waited:
    until = await durable_time() + _checked(seconds)
    await asyncio.sleep(max(0.0, until - _time.time()))
    return Waited()


def _sleep_blocking(seconds: float) -> Waited:
    """Sleep; in a task, a resumed run sleeps only what is left.

    Parameters
    ----------
    seconds : float
        Not negative.

    Raises
    ------
    ValueError
        If it is.

    Specification: *Other features*.
    """
    until = _time_blocking() + _checked(seconds)
    left = max(0.0, until - _time.time())
    scope = current_scope()
    if scope is None:
        _time.sleep(left)
    else:
        wait_unless_stopped(asyncio.sleep(left), scope.action.run.loop)
    return Waited()


def _checked(seconds: float) -> float:
    if not isinstance(seconds, (int, float)) or seconds != seconds:
        raise TypeError(f"durable.sleep takes seconds, a number; got {seconds!r:.120}.")
    if seconds < 0:
        raise ValueError(f"durable.sleep takes seconds, not negative; got {seconds!r}.")
    return seconds


time: BlockingCall[[], float] = BlockingCall(_time_blocking, _time_async)
now: BlockingCall[[], _datetime.datetime] = BlockingCall(_now_blocking, _now_async)
sleep: BlockingCall[[float], Waited] = BlockingCall(_sleep_blocking, _sleep_async)
