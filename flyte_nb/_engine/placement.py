"""Where a task runs that does not say it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .._task.task import Task


def needs_process(task: Task[Any, Any]) -> bool:
    """Whether only a process of its own can hold what the task declares: a memory limit, devices, or a limit on the
    time that a function takes which cannot be cancelled.
    """
    resources, timeout = task.options.resources, task.options.timeout
    if resources is not None and (resources.memory_bytes is not None or resources.gpu):
        return True
    return not task.is_async and timeout is not None and bool(timeout.max_runtime_s or timeout.deadline_s)
