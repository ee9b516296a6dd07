"""The tasks declared in this process, by name; the latest declaration wins."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .task import Task

_tasks: dict[str, Task[Any, Any]] = {}


def register(task: Task[Any, Any]) -> None:
    """Make `task` the one that its name stands for."""
    _tasks[task.name] = task


def registered_tasks() -> dict[str, Task[Any, Any]]:
    """All tasks as they are now, by name; a copy that later declarations leave alone."""
    return _tasks.copy()


def find_task(name: str) -> Task[Any, Any] | None:
    """The task called `name` ("environment.function"), None if nobody declared it."""
    return _tasks.get(name)
