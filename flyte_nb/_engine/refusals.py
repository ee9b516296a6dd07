"""What calls are refused for, wherever they are made."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..errors import InlineIOMaxBytesBreached, RuntimeUserError, TraceDoesNotAllowNestedTasksError

if TYPE_CHECKING:
    from .._task.task import Task
    from .scope import Scope


def check_inline_size(task_name: str, limit_bytes: int, what: str, serialized: bytes) -> None:
    """Refuse inputs or outputs that are too large to travel by value.

    Raises
    ------
    InlineIOMaxBytesBreached
        If they are.
    """
    if len(serialized) > limit_bytes:
        raise InlineIOMaxBytesBreached(
            f"The {what}s of task {task_name!r} that travel by value are {len(serialized):,} bytes; at most"
            f" {limit_bytes:,} are allowed. Return large data by reference (flyte.io.File, Dir,"
            " DataFrame), or raise max_inline_io_bytes on the task."
        )


def check_is_going_on(scope: Scope, what: str) -> None:
    """Refuse what an attempt that has ended, and left some of its code behind, would start.

    Raises
    ------
    RuntimeUserError
        If it has.
    """
    if not scope.is_over:
        return
    action = scope.action
    whose = f"{action.name!r}" if action.closed else f"attempt {scope.attempt} of {action.name!r}"
    raise RuntimeUserError(
        "ParentEnded",
        f"{what} cannot start: {whose}, which calls it, has ended. Await what a task starts before it returns.",
    )


def refusal_in_trace(scope: Scope, task: Task[Any, Any]) -> TraceDoesNotAllowNestedTasksError:
    """What a call inside a traced function gets."""
    return TraceDoesNotAllowNestedTasksError(
        f"Task {task.name!r} was called inside the traced function {scope.trace!r}. Call tasks from tasks;"
        f" or run it in place with {task.func.__name__}.forward(...)."
    )
