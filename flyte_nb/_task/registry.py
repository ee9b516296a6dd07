"""The tasks declared in this process, by name; the latest declaration wins."""

from __future__ import annotations

import itertools
import threading
from typing import TYPE_CHECKING, Any
from weakref import WeakValueDictionary

if TYPE_CHECKING:
    from .task import Task

_latest: dict[str, Task[Any, Any]] = {}
_living: dict[str, WeakValueDictionary[int, Task[Any, Any]]] = {}
_counter = itertools.count()
_lock = threading.Lock()


def register(task: Task[Any, Any]) -> None:
    """Make `task` the one that its name stands for."""
    with _lock:
        _latest[task.name] = task
        _living.setdefault(task.name, WeakValueDictionary())[next(_counter)] = task


def find_task(name: str) -> Task[Any, Any] | None:
    """The task declared last as `name` ("environment.function"), None if nobody did."""
    return _latest.get(name)


def registered_tasks() -> dict[str, Task[Any, Any]]:
    """The task declared last of every name; a copy that later declarations leave alone."""
    return _latest.copy()


def declared_tasks() -> dict[str, list[Task[Any, Any]]]:
    """All tasks that somebody still holds, by name, in the order of their declarations."""
    with _lock:
        return {name: list(tasks.values()) for name, tasks in _living.items()}
