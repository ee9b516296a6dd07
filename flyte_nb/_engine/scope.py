"""What a caller carries, and how its calls become actions."""

from __future__ import annotations

import time
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any

from .._task.invocation import active_invoker
from ..io.places import scope_with
from ..models.events import ProgressTold
from .blocking import wait_blocking
from .naming import seeing

if TYPE_CHECKING:
    from .._task.task import Task
    from .caller import Caller


class Scope:
    """The attempt of an action that calls, the group it is in, its custom context; the active invoker of its code.

    Scopes are never changed, only replaced.

    Attributes
    ----------
    attempt : int
        Whose code carries this: what an attempt has left behind can start nothing in the next one.
    group : str
        Identity of the innermost open group, or empty.
    trace : str
        Name of the traced function that runs, or empty.
    """

    __slots__ = ("action", "attempt", "custom_context", "group", "trace")

    def __init__(
        self, action: Caller, attempt: int, custom_context: dict[str, str], group: str = "", trace: str = ""
    ) -> None:
        self.action: Caller = action
        self.attempt: int = attempt
        self.custom_context: dict[str, str] = custom_context
        self.group: str = group
        self.trace: str = trace

    def in_group(self, group: str) -> Scope:
        """The same inside a group."""
        return Scope(self.action, self.attempt, self.custom_context, group, self.trace)

    def in_trace(self, trace: str) -> Scope:
        """The same inside a traced function."""
        return Scope(self.action, self.attempt, self.custom_context, self.group, trace)

    def with_context(self, custom_context: dict[str, str]) -> Scope:
        """The same with another custom context."""
        return Scope(self.action, self.attempt, custom_context, self.group, self.trace)

    @property
    def is_over(self) -> bool:
        """Whether the attempt has ended."""
        return self.action.closed or self.attempt != self.action.attempt

    def kind_of_call(self, kind: str) -> str:
        """`kind`, the name of what is called, told apart by the custom context that was set since the attempt began."""
        base, context = self.action.custom_context, self.custom_context
        if context is base or context == base:
            return kind
        return seeing(kind, {key: value for key, value in context.items() if base.get(key) != value})

    def call(self, task: Task[Any, Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Call `task` as an action: a coroutine for an async task, the value for a sync one."""
        coroutine = self.action.run.submit(self, task, args, kwargs)
        if task.is_async:
            _name(coroutine, task)
            return coroutine
        return wait_blocking(coroutine, self.action.run.loop)

    def call_async(
        self, task: Task[Any, Any], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Coroutine[Any, Any, Any]:
        """Call `task` as an action, to be awaited whatever it is."""
        coroutine = self.action.run.submit(self, task, args, kwargs)
        _name(coroutine, task)
        return coroutine


def _name(coroutine: Any, task: Task[Any, Any]) -> None:
    coroutine.__qualname__ = task.name  # what Python says where an `await` was forgotten


def current_scope() -> Scope | None:
    """The scope of the code that runs, None outside a run."""
    invoker = active_invoker.get()
    return invoker if isinstance(invoker, Scope) else None


def _path_of_action() -> str:
    scope = current_scope()
    return f"{scope.action.run.name}/{scope.action.name}" if scope is not None else ""


def _tell_progress(text: str) -> None:
    scope = current_scope()
    if scope is not None and not scope.is_over:
        scope.action.run.log.append(ProgressTold(time.time(), scope.action.name, text))


scope_with(_path_of_action, _tell_progress)
