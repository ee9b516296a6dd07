"""Which task a name means, where several have it.

Tasks that one `def` made, as a factory does, stand beside each other, and so do those of different modules: what they
reach tells them apart. One that a later declaration replaced stands for nothing any more, nor does one that nobody
refers to but the notebook's record of what its cells have shown.
"""

from __future__ import annotations

import inspect
import itertools
import re
import sys
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from .._code.digest import code_digest, code_parts

if TYPE_CHECKING:
    from .task import Task

_NAMES_OF_WHAT_WAS_SHOWN = re.compile(r"_+|_\d+|_oh|Out")


class Namesakes:
    """The tasks of one name that it may mean, each once, by what they do.

    Parameters
    ----------
    tasks : sequence of Task
        All that were declared, in that order.
    """

    def __init__(self, tasks: Sequence[Task[Any, Any]]) -> None:
        found = _not_replaced(tasks)
        if len(found) > 1:
            found = {digest: task for digest, task in found.items() if not _was_only_shown(task)} or found
        self._by_digest = found

    def __len__(self) -> int:
        return len(self._by_digest)

    def add(self, task: Task[Any, Any]) -> None:
        """Have the name mean `task` too."""
        self._by_digest[code_digest(task.func)] = task

    def of_code(self, digest: str) -> Task[Any, Any] | None:
        """The one whose code has that digest."""
        return self._by_digest.get(digest)

    def of_module(self, module: str) -> Collection[Task[Any, Any]]:
        """Those of a module; all, if there are none of it."""
        tasks = self._by_digest.values()
        return [task for task in tasks if task.func.__module__ == module] or list(tasks)

    def like(self, parts: dict[str, str], module: str | None = None) -> Task[Any, Any] | None:
        """The only one, of a module where one is said, or the one that differs from the others as `parts` do.

        Parameters
        ----------
        parts : dict
            As `code_parts` gives them; what all of them reach alike may have changed since.
        """
        tasks = self.of_module(module) if module is not None else list(self._by_digest.values())
        if len(tasks) == 1:
            return next(iter(tasks))
        own = {task: set(code_parts(task.func).items()) for task in tasks}
        labels = _differing(own.values())
        wanted = {part for part in parts.items() if part[0] in labels}
        alike = (task for task, found in own.items() if {part for part in found if part[0] in labels} == wanted)
        return next(alike, None)

    def told_apart(self, module: str | None = None) -> str:
        """How they look, for a message: where they are from, and what differs in what they reach."""
        tasks = self.of_module(module) if module is not None else self._by_digest.values()
        own = {task: set(code_parts(task.func).items()) for task in tasks}
        places = sorted({f"{task.func.__module__}.{task.func.__qualname__}" for task in own})
        return f"{' and '.join(places)}, which differ in {', '.join(sorted(_differing(own.values())))}"


def _not_replaced(tasks: Sequence[Task[Any, Any]]) -> dict[str, Task[Any, Any]]:
    """Those that no later one has replaced, by the digest of their code; the latest is first."""
    replaced_by: dict[str, Any] = {}
    found: dict[str, Task[Any, Any]] = {}
    for task in reversed(tasks):
        func = inspect.unwrap(task.func)
        made_of = getattr(func, "__code__", func)  # what a container task does is no function
        if replaced_by.setdefault(func.__module__, made_of) is made_of:
            found.setdefault(code_digest(task.func), task)
    return found


def _was_only_shown(task: Task[Any, Any]) -> bool:
    """Whether a cell has shown `task`, and no name of the notebook's stands for it any more."""
    space = dict(vars(sys.modules["__main__"]))
    shown = space.get("Out")
    if not isinstance(shown, dict) or not _holds(shown, task):
        return False
    named = (value for name, value in space.items() if not _NAMES_OF_WHAT_WAS_SHOWN.fullmatch(name))
    return not any(value is task or _holds(value, task) for value in named)


def _holds(value: Any, task: Task[Any, Any]) -> bool:
    """Whether a built-in container holds `task`."""
    items = value.values() if type(value) is dict else value if type(value) in (list, tuple, set, frozenset) else ()
    return any(item is task for item in tuple(items))


def _differing(own: Iterable[set[tuple[str, str]]]) -> set[str]:
    every = list(own)
    counts = Counter(itertools.chain.from_iterable(every))
    return {label for (label, _), count in counts.items() if count < len(every)}
