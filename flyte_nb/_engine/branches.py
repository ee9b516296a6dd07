"""Asyncio tasks that a task's code makes may wait without `await`, as the task itself may.

While runs live, their loops make asyncio tasks by a factory of ours. It makes a `Branch` of a coroutine that belongs to
an action, and hands on all others as they are; what the user has set as a factory makes the asyncio tasks, as before.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import CodeType
from typing import Any, NoReturn, TypeVar

from .._public import public
from .._task.invocation import active_invoker
from .scope import Scope
from .stepping import Branch

F = TypeVar("F", bound=Callable[..., Any])
Factory = Callable[..., Any]

_engine_coroutines: set[CodeType] = set()


def waits_itself(function: F) -> F:
    """Decorator of an async function of the engine that runs no code of users but by `drive`: it needs no branch."""
    _engine_coroutines.add(function.__code__)
    return function


def let_branches_wait(loop: asyncio.AbstractEventLoop) -> None:
    """From now on, coroutines that actions have run beside themselves on `loop` may wait as they may."""
    before = loop.get_task_factory()
    if type(before) is not _BranchingFactory:
        loop.set_task_factory(_BranchingFactory(before))


def leave_branches(loop: asyncio.AbstractEventLoop) -> None:
    """Undo `let_branches_wait`, unless somebody has set another factory since."""
    factory = loop.get_task_factory()
    if type(factory) is _BranchingFactory:
        loop.set_task_factory(factory.before)


class _BranchingFactory:
    __slots__ = ("before",)

    def __init__(self, before: Factory | None) -> None:
        self.before = before

    def __call__(self, loop: asyncio.AbstractEventLoop, coroutine: Any, **options: Any) -> Any:
        before = self.before
        begins_eagerly = before is not None or options.get("eager_start")  # perhaps; in the midst of another's step
        if not begins_eagerly and getattr(coroutine, "cr_code", None) in _engine_coroutines:
            return asyncio.tasks.Task(coroutine, loop=loop, **options)
        context = options.get("context")
        scope = active_invoker.get() if context is None else context.get(active_invoker)
        if type(scope) is Scope and type(coroutine) is not Branch:
            if not asyncio.iscoroutine(coroutine):
                _refuse(coroutine)
            coroutine = Branch(coroutine, scope.action)
        if before is not None:
            return before(loop, coroutine, **options)
        return asyncio.tasks.Task(coroutine, loop=loop, **options)


@public
def _refuse(given: object) -> NoReturn:
    raise TypeError(f"a coroutine was expected, got {given!r:.120}")  # asyncio's words
