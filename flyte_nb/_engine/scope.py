"""What a caller carries, and how its calls become actions."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any

from .._task.invocation import active_invoker
from ..io.places import scope_with
from .blocking import wait_blocking

if TYPE_CHECKING:
    from .._task.task import Task
    from .caller import Caller


class Scope:
    """The action that calls, the group it is in, its custom context; the active invoker of its code.

    Scopes are never changed, only replaced.

    Attributes
    ----------
    group : str
        Identity of the innermost open group, or empty.
    trace : str
        Name of the traced function that runs, or empty.
    """

    __slots__ = ("action", "custom_context", "group", "trace")

    def __init__(self, action: Caller, group: str, custom_context: dict[str, str], trace: str = "") -> None:
        self.action: Caller = action
        self.group: str = group
        self.custom_context: dict[str, str] = custom_context
        self.trace: str = trace

    def entering(self, action: Caller) -> Scope:
        """The scope that the code of `action`, a child, starts with."""
        return Scope(action, "", self.custom_context)

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


scope_with(_path_of_action)
