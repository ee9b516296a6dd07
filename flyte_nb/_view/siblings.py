"""What tells the calls of one task by one caller apart."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from ..models.events import StoredLiterals
from .hints import differing_inputs

COMPARED = 8


class Siblings:
    """Calls that stand side by side: which inputs differ among those of a task, as far as some of them tell.

    A few of each task, spread evenly, are compared, and again each time when there are twice as many.
    """

    __slots__ = ("_calls", "_differing", "_known", "_up_to_date")

    def __init__(self) -> None:
        self._known = 0
        self._calls: dict[str, list[str]] = {}
        self._differing: dict[str, frozenset[str]] = {}
        self._up_to_date: set[str] = set()

    def learn(self, count: int, calls: Callable[[], Iterable[tuple[str, str]]]) -> None:
        """There are `count` of them now; which, by task and name, is asked only where that are many more."""
        if count < 2 * self._known:
            return
        self._known = count
        self._calls = {}
        self._up_to_date.clear()
        for task, name in calls():
            self._calls.setdefault(task, []).append(name)

    def differing(self, task: str, inputs: Callable[[str], StoredLiterals]) -> frozenset[str]:
        """The inputs that differ among calls of a task; `inputs` are those of a call."""
        if task not in self._up_to_date:
            self._up_to_date.add(task)
            found = differing_inputs(map(inputs, _spread(self._calls.get(task, []))))
            self._differing[task] = self._differing.get(task, frozenset()) | found
        return self._differing[task]


def _spread(names: list[str]) -> Iterator[str]:
    yield from names[: -1 : max(1, len(names) // COMPARED)]
    yield from names[-1:]
