"""Calls of a map on their way: begun as results are asked for, given in the order of their inputs.

Inputs are taken where results are asked for: on the thread of a sync task, in the step of an async one. So the user's
iterable may wait, call tasks itself, and use what belongs to that thread.
"""

from __future__ import annotations

import asyncio
import contextvars
import math
from collections import deque
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

from .blocking import runs_here
from .stepping import own_task

Inputs = tuple[Any, ...]


class _Call:
    __slots__ = ("args", "task")

    def __init__(self, args: Inputs) -> None:
        self.args = args
        self.task: asyncio.Task[Any] | None = None

    @property
    def has_ended(self) -> bool:
        return self.task is not None and self.task.done()


class CallsAhead:
    """Calls with what an iterator gives.

    Parameters
    ----------
    call : callable
        Makes the coroutine of one call.
    inputs : iterator of tuples
    concurrency : int
        How many calls run at once, and how many have begun whose result was not taken; 0 is no limit.
    loop : AbstractEventLoop
        Where they run. Who takes results may stand on it or on another thread.
    """

    def __init__(
        self,
        call: Callable[[Inputs], Coroutine[Any, Any, Any]],
        inputs: Iterator[Inputs],
        concurrency: int,
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        self._call = call
        self._inputs = inputs
        self._most = concurrency or math.inf
        self._loop = loop
        self._context = contextvars.copy_context()
        self._ahead: deque[_Call] = deque()
        self._not_begun: deque[_Call] = deque()
        self._begins = False
        self._taken = self._ended = 0
        self._exhausted = False
        self._broken: Exception | None = None
        self._room: asyncio.Future[None] | None = None

    def any_ahead(self) -> bool:
        """Begin what may run now; whether a result is still to come.

        Raises
        ------
        Exception
            What the iterator raised, once all results before it were taken.
        """
        while self._may_begin():
            try:
                args = next(self._inputs)
            except StopIteration:
                self._exhausted = True
            except Exception as error:
                self._exhausted, self._broken = True, error
            else:
                self._begin(_Call(args))
        if self._broken is not None and not self._ahead:
            raise self._broken
        return bool(self._ahead)

    @property
    def has_next(self) -> bool:
        """Whether the next result is there."""
        return self._ahead[0].has_ended

    async def moved(self) -> None:
        """Wait on the loop until the next result is there, or another call may begin before."""
        first = self._ahead[0].task
        assert first is not None
        if self._exhausted or self._most is math.inf:
            await asyncio.wait([first])
            return
        self._room = self._loop.create_future()
        try:
            if not self._may_begin():
                await asyncio.wait([first, self._room], return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._room = None

    def take(self) -> tuple[Inputs, Any, BaseException | None]:
        """Inputs of the next call, what it gave, and what it raised.

        Raises
        ------
        asyncio.CancelledError
            If it was cancelled.
        """
        call = self._ahead.popleft()
        assert call.task is not None
        if call.task.cancelled():
            raise asyncio.CancelledError
        error = call.task.exception()
        return call.args, call.task.result() if error is None else None, error

    def end(self) -> None:
        """Nobody takes results any more: stop what runs."""
        self._exhausted = True
        if runs_here(self._loop):
            self._stop_all()
        elif self._ahead and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._stop_all)

    def _may_begin(self) -> bool:
        if self._exhausted or self._taken - self._ended >= self._most:
            return False
        return len(self._ahead) < self._most or not self._ahead[0].has_ended

    def _begin(self, call: _Call) -> None:
        self._taken += 1
        self._ahead.append(call)
        self._not_begun.append(call)
        if runs_here(self._loop):
            self._begin_all()
        elif not self._begins:
            self._begins = True
            self._loop.call_soon_threadsafe(self._begin_all)

    def _begin_all(self) -> None:
        self._begins = False
        while self._not_begun:
            call = self._not_begun.popleft()
            call.task = own_task(self._call(call.args), self._context.copy())
            if self._most is not math.inf:
                call.task.add_done_callback(self._one_ended)

    def _one_ended(self, _: object) -> None:
        self._ended += 1
        if self._room is not None and not self._room.done() and self._may_begin():
            self._room.set_result(None)

    def _stop_all(self) -> None:
        for call in self._ahead:
            if call.task is not None:
                call.task.cancel()
