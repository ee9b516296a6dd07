"""Drive a task's coroutine in a context of its own, so that it may also wait synchronously.

`drive` awaits a user's coroutine inside the asyncio task that awaits the action. Each step runs in a greenlet.
When code inside a step must wait without `await` (``list(flyte.map(...))`` in an async task, a sync task called
from one), `wait_here` leaves the greenlet with what it waits for and comes back when that is done; the loop goes on
with everybody else. Nothing is pumped, so waits may end in any order.

So is each coroutine that the task's code has run beside itself by `gather`, `create_task` or a task group, a `Branch`.

Greenlets are reused: a step that ends normally gives its greenlet back.
"""

from __future__ import annotations

import asyncio
import contextvars
import operator
import threading
import types
from collections.abc import Awaitable, Callable, Coroutine, Generator, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from greenlet import getcurrent, greenlet

from .._frames import is_own
from .environment import NO_VARIABLES, put_on, take_off

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
    """Runs steps given to it by `drive`, one after the other.

    Attributes
    ----------
    environment : mapping of str to str
        What of the environment variables is there for the code that runs on it now, and for nobody else.
    """

    environment: Mapping[str, str] = NO_VARIABLES

    def run_in(
        self, environment: Mapping[str, str], run_step: Callable[..., Any], function: Callable[[Any], Any], value: Any
    ) -> Any:
        """Make a step with those variables and without those of the code that awaits it."""
        outer = self.environment
        self._change_to(environment)
        try:
            return run_step(function, value)
        finally:
            self._change_to(outer)

    def leave_for(self, task: asyncio.Task[Any]) -> tuple[int, Any]:
        """Let the loop go on until `task` is done; how it ended, and with what."""
        environment = self.environment
        self._change_to(NO_VARIABLES)
        try:
            return self.parent.switch((_WAITING, task))  # type: ignore[no-any-return]
        finally:
            self._change_to(environment)

    def _change_to(self, environment: Mapping[str, str]) -> None:
        if self.environment is not environment:
            take_off(self.environment)
            self.environment = environment
            put_on(environment)

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
    task = own_task(coroutine, contextvars.copy_context())
    kind, value = getcurrent().leave_for(task)
    if kind == _RAISED:
        try:
            raise value
        finally:
            del value
    return value  # type: ignore[no-any-return]


def drive(coroutine: Coroutine[Any, Any, T], context: contextvars.Context, action: Caller) -> Awaitable[T]:
    """Await `coroutine`, a task's, with its steps running in `context`.

    When `action.stop_hard` is set and the awaiting task is cancelled again, the coroutine is closed instead of
    being told once more.
    """
    return _steps(coroutine, context.run, action, is_branch=False)


@types.coroutine
def _steps(
    coroutine: Coroutine[Any, Any, T], run_step: Callable[..., Any], action: Caller, *, is_branch: bool
) -> Generator[Any, Any, T]:
    environment = action.environment or NO_VARIABLES
    run = action.run
    advance: Callable[[Any], Any] = coroutine.send
    value: Any = None
    while True:
        outer, run.stepping = run.stepping, action
        try:
            here = getcurrent()
            if not is_branch and type(here) is _StepGreenlet:
                try:
                    if here.environment is environment:
                        yielded = run_step(advance, value)
                    else:
                        yielded = here.run_in(environment, run_step, advance, value)
                except StopIteration as stop:
                    return stop.value  # type: ignore[no-any-return]
            else:
                worker = _worker()
                if is_branch:
                    worker.gr_context = here.gr_context
                step = run_step if environment is NO_VARIABLES else partial(worker.run_in, environment, run_step)
                kind, yielded = worker.switch((step, advance, value))
                while kind == _WAITING:
                    run.stepping = outer
                    outcome = yield from _outcome(yielded)
                    run.stepping = action
                    worker.parent = getcurrent()
                    kind, yielded = worker.switch(outcome)
                if is_branch:
                    worker.gr_context = None
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
            if action.stop_hard and not is_branch:
                _abandon(coroutine)
                raise
            _begin_traceback_with_the_users(error)
            value = error
            advance = coroutine.throw


class Branch(Coroutine[Any, Any, T]):
    """A coroutine of a task's code that asyncio runs as a task of its own, its steps in the context of that one.

    Each has its own greenlet: one that is begun eagerly, in the midst of a step of another, may wait as well. It looks
    like the coroutine itself: to who inspects the task, and in tracebacks.
    """

    __slots__ = ("_begun", "_coroutine", "_steps")

    def __init__(self, coroutine: Coroutine[Any, Any, T], action: Caller) -> None:
        self._coroutine = coroutine
        self._steps: Any = _steps(coroutine, operator.call, action, is_branch=True)
        self._begun: Any = None

    def send(self, value: Any) -> Any:
        """Make a step."""
        self._begun = self._steps
        try:
            return self._steps.send(value)
        except BaseException as error:
            _begin_traceback_with_the_users(error)
            raise

    def throw(self, *error: Any) -> Any:
        """Make a step that begins with an error."""
        try:
            return (self._begun or self._coroutine).throw(*error)
        except BaseException as raised:
            _begin_traceback_with_the_users(raised)
            raise

    def close(self) -> None:
        """End it."""
        (self._begun or self._coroutine).close()

    def __await__(self) -> Generator[Any, Any, T]:
        return (yield from self._steps)  # type: ignore[no-any-return]

    def __getattr__(self, name: str) -> Any:
        return getattr(self._coroutine, name)


def own_task(
    coroutine: Coroutine[Any, Any, T], context: contextvars.Context | None = None, name: str | None = None
) -> asyncio.Task[T]:
    """An asyncio task on the running loop for a coroutine of the engine: no `Branch`, and not begun at once, whatever
    factory of tasks the user has set.
    """
    return asyncio.tasks.Task(coroutine, loop=asyncio.get_running_loop(), context=context, name=name)


def _begin_traceback_with_the_users(error: BaseException) -> None:
    if isinstance(error, StopIteration):
        return
    trace = error.__traceback__
    while trace is not None and is_own(trace.tb_frame):
        trace = trace.tb_next
    if trace is not None:
        error.__traceback__ = trace


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
