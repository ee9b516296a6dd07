"""The tasks declared in this process, by name; the latest declaration wins.

Tasks that one `def` made, as a factory does, stand beside each other, and so do those of different modules: what they
reach tells them apart.
"""

from __future__ import annotations

import inspect
import itertools
import threading
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any
from weakref import WeakValueDictionary

from .._code.digest import code_digest, code_parts

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


def namesakes(tasks: Sequence[Task[Any, Any]]) -> dict[str, Task[Any, Any]]:
    """Of tasks of one name those that no later one has replaced, by the digest of their code; the latest is first."""
    replaced_by: dict[str, Any] = {}
    found: dict[str, Task[Any, Any]] = {}
    for task in reversed(tasks):
        func = inspect.unwrap(task.func)
        made_of = getattr(func, "__code__", func)  # what a container task does is no function
        if replaced_by.setdefault(func.__module__, made_of) is made_of:
            found.setdefault(code_digest(task.func), task)
    return found


def the_one(tasks: Iterable[Task[Any, Any]], parts: dict[str, str]) -> Task[Any, Any] | None:
    """Of tasks of one name the one whose code differs from the others' as `parts` do; None if none does.

    Parameters
    ----------
    parts : dict
        As `code_parts` gives them; what all of `tasks` reach alike may have changed since.
    """
    own = {task: set(code_parts(task.func).items()) for task in tasks}
    labels = _differing(own.values())
    wanted = {part for part in parts.items() if part[0] in labels}
    return next((task for task, found in own.items() if {part for part in found if part[0] in labels} == wanted), None)


def told_apart(tasks: Iterable[Task[Any, Any]]) -> str:
    """How tasks of one name look, for a message: where they are from, and what differs in what they reach."""
    own = {task: set(code_parts(task.func).items()) for task in tasks}
    places = sorted({f"{task.func.__module__}.{task.func.__qualname__}" for task in own})
    return f"{' and '.join(places)}, which differ in {', '.join(sorted(_differing(own.values())))}"


def _differing(own: Iterable[set[tuple[str, str]]]) -> set[str]:
    every = list(own)
    counts = Counter(itertools.chain.from_iterable(every))
    return {label for (label, _), count in counts.items() if count < len(every)}
