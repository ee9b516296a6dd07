"""Drive a task's coroutine in a context of its own, so that it may also wait synchronously.

`drive` awaits a user's coroutine inside the asyncio task that awaits the action. Each step runs in a greenlet.
When code inside a step must wait without `await` (``list(flyte.map(...))`` in an async task, a sync task called
from one), `wait_here` leaves the greenlet with what it waits for and comes back when that is done; the loop goes on
with everybody else. Nothing is pumped, so waits may end in any order.

Greenlets are reused: a step that ends normally gives its greenlet back.
"""

from __future__ import annotations

import asyncio
import contextvars
import threading
import types
from collections.abc import Callable, Coroutine, Generator
from typing import TYPE_CHECKING, Any, TypeVar

from greenlet import getcurrent, greenlet

if TYPE_CHECKING:
    from .caller import Caller

T = TypeVar("T")

_MAX_IDLE = 64


class _Idle(threading.local):
    def __init__(self) -> None:
        self.greenlets: list[_StepGreenlet] = []


_idle = _Idle()

_RETURNED, _RAISED, _YIELDED, _WAITING = range(4)


class _StepGreenlet(greenlet):  # type: ignore[misc]
    """Runs steps given to it by `drive`, one after the other."""

    def run(self) -> None:
        answer: tuple[int, Any] = (_YIELDED, None)
        while True:
            step, function, value = self.parent.switch(answer)
            try:
                answer = (_YIELDED, step(function, value))
            except StopIteration as stop:
                answer = (_RETURNED, stop.value)
            except BaseException as error:
                answer = (_RAISED, error)
            step = function = value = None
            if len(_idle.greenlets) >= _MAX_IDLE:
                self.parent.switch(answer)
                return
            _idle.greenlets.append(self)


def can_wait_here() -> bool:
    """Whether the caller runs inside a step, so that `wait_here` works."""
    return type(getcurrent()) is _StepGreenlet


def wait_here(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run `coroutine` on the running loop and wait for it, letting the loop go on.

    Only inside a step (`can_wait_here`). Cancelling the asyncio task that drives the step cancels the
    coroutine and raises `CancelledError` here.
    """
    task = asyncio.get_running_loop().create_task(coroutine, context=contextvars.copy_context())
    current = getcurrent()
    kind, value = current.parent.switch((_WAITING, task))
    if kind == _RAISED:
        try:
            raise value
        finally:
            del value
    return value  # type: ignore[no-any-return]


@types.coroutine
def drive(coroutine: Coroutine[Any, Any, T], context: contextvars.Context, action: Caller) -> Generator[Any, Any, T]:
    """Await `coroutine`, a task's, with its steps running in `context`.

    When `action.stop_hard` is set and the awaiting task is cancelled again, the coroutine is closed instead of
    being told once more.
    """
    run_step = context.run if action.environment is None else _in_environment(context.run, action.environment)
    run = action.run
    advance: Callable[[Any], Any] = coroutine.send
    value: Any = None
    while True:
        outer, run.stepping = run.stepping, action
        try:
            if type(getcurrent()) is _StepGreenlet:
                try:
                    yielded = run_step(advance, value)
                except StopIteration as stop:
                    return stop.value  # type: ignore[no-any-return]
            else:
                worker = _worker()
                kind, yielded = worker.switch((run_step, advance, value))
                while kind == _WAITING:
                    run.stepping = outer
                    outcome = yield from _outcome(yielded)
                    run.stepping = action
                    worker.parent = getcurrent()
                    kind, yielded = worker.switch(outcome)
                if kind == _RETURNED:
                    return yielded  # type: ignore[no-any-return]
                if kind == _RAISED:
                    raise yielded
        finally:
            run.stepping = outer
        try:
            value = yield yielded
            advance = coroutine.send
        except GeneratorExit:
            coroutine.close()
            raise
        except BaseException as error:
            if action.stop_hard:
                _abandon(coroutine)
                raise
            value = error
            advance = coroutine.throw


def _worker() -> _StepGreenlet:
    if _idle.greenlets:
        worker = _idle.greenlets.pop()
        worker.parent = getcurrent()
        return worker
    worker = _StepGreenlet(parent=getcurrent())
    worker.switch()
    return worker


def _outcome(task: asyncio.Task[Any]) -> Generator[Any, Any, tuple[int, Any]]:
    try:
        return _RETURNED, (yield from task.__await__())
    except BaseException as error:
        return _RAISED, error


def _abandon(coroutine: Coroutine[Any, Any, Any]) -> None:
    try:
        coroutine.close()
    except RuntimeError:
        pass  # it ignored GeneratorExit too


def _in_environment(run_step: Any, environment: dict[str, str]) -> Any:
    from .environment import applied

    def run(function: Any, value: Any) -> Any:
        with applied(environment):
            return run_step(function, value)

    return run
