"""The code that one run uses: tasks as they were when it started, and of the rest what their names mean now."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, NamedTuple

from .._code.data import each_read_once
from .._code.digest import Depth, KnownCode, code_digest, code_parts, known_code
from .._task.namesakes import Namesakes
from ..errors import RuntimeUserError
from ..models.events import TaskSeen

if TYPE_CHECKING:
    from .._task.task import Task
    from .plan import TaskPlan
    from .ports import EventLog


class Use(NamedTuple):
    """A task that stands for a name in a run.

    Attributes
    ----------
    known : KnownCode
        Of its code as it was when somebody last asked.
    is_mixed : bool
        Whether it reaches tasks that were declared anew, and otherwise, since the run started: the run goes on with the
        old ones, but the digest is that of the new ones.
    """

    task: Task[Any, Any]
    known: KnownCode
    is_mixed: bool


class UsedCode:
    """Knows which tasks a run uses, and whether what they reach was edited meanwhile.

    Parameters
    ----------
    log : EventLog
        Of the run.
    at_hand : dict
        All tasks there were when the run started, by identity.
    generation : int
        Tasks of a later one were declared since.
    """

    def __init__(self, log: EventLog, at_hand: dict[str, list[Task[Any, Any]]], generation: int) -> None:
        self._log = log
        self._at_hand = at_hand
        self._generation = generation
        self._namesakes: dict[str, Namesakes] = {}
        self._used: dict[Task[Any, Any], Use] = {}
        self._seen: set[tuple[str, str]] = set()

    def begin_with(self, root: Task[Any, Any], known: KnownCode) -> None:
        """The run is one of `root`, with the code that is known of it."""
        self._used[root] = Use(root, known, False)
        self._note(root, known)

    def use_of(self, task: Task[Any, Any]) -> Use:
        """The task that `task` is in this run, with its code as it is now.

        Raises
        ------
        RuntimeUserError
            If it was declared anew since, and may have been one of several.
        """
        found = self._used.get(task)
        if found is None or not found.known.names_hold():
            used = self._at_start(task) if task.generation > self._generation else task
            found = self._used[task] = self._see(task) if used is task else self.use_of(used)
        return found

    def was_edited(self, plan: TaskPlan, depth: Depth) -> bool:
        """Whether calls by `plan` may have run other code than its digest says, as far as is looked."""
        if plan.known.holds(depth):
            return plan.is_mixed
        if plan.is_mixed:
            return True
        if plan.edited_to is None or not plan.edited_to.holds(depth):
            plan.edited_to = known_code(plan.func)
        if plan.edited_to.digest == plan.code_digest:
            plan.known, plan.edited_to = plan.edited_to, None
            return False
        return True

    def task_named(self, identity: str, digest: str) -> Task[Any, Any] | None:
        """The task of that identity and code, for a caller that has nothing else; None if it is not known here."""
        return self._namesakes_of(identity).of_code(digest)

    def forget(self) -> None:
        """The run is over: of tasks that were replaced none lives on."""
        self._at_hand.clear()
        self._namesakes.clear()
        self._used.clear()

    def _see(self, task: Task[Any, Any]) -> Use:
        with each_read_once():
            known = known_code(task.func)
            self._note(task, known)
        return Use(task, known, any(map(self._is_replaced, known.tasks())))

    def _note(self, task: Task[Any, Any], known: KnownCode) -> None:
        if (task.name, known.digest) not in self._seen:
            self._seen.add((task.name, known.digest))
            self._log.append(TaskSeen(time.time(), task.name, known.digest, code_parts(task.func)))

    def _is_replaced(self, task: Task[Any, Any]) -> bool:
        if task.generation <= self._generation:
            return False
        try:
            return code_digest(self._at_start(task).func) != code_digest(task.func)
        except RuntimeUserError:
            return True

    def _at_start(self, task: Task[Any, Any]) -> Task[Any, Any]:
        """What `task` was before its cell was run again; itself if this run knows none of its name."""
        known = self._namesakes_of(task.identity)
        if not known:
            known.add(task)
        module = task.func.__module__
        found = known.like(code_parts(task.func), module)
        if found is None:
            raise RuntimeUserError(
                "TaskDeclaredAnew",
                f"Task {task.name!r} was declared anew while run {self._log.name!r} goes on, and"
                f" {len(known.of_module(module))} tasks had that name when it started: {known.told_apart(module)}."
                " Which of them it was cannot be told. Resume the run to use the new code; give each task a name of"
                " its own to have running ones left alone.",
            )
        return found

    def _namesakes_of(self, identity: str) -> Namesakes:
        """The tasks of one name as they were when the run started."""
        known = self._namesakes.get(identity)
        if known is None:
            known = self._namesakes[identity] = Namesakes(self._at_hand.get(identity, ()))
        return known
