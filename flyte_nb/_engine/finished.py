"""What an earlier try of a run had finished, read from its events, for a resume to take up.

An action is taken if it succeeded, its code is what it was, and its outputs are whole; the digest of an action's code
covers the tasks it reaches, so a parent above an edited task is run again too. The run records the reason. Of tasks
that the user says to keep, the code is no matter.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from .._code.digest import code_parts
from .._misfit import with_nearest
from ..errors import RunStateError, StorageUnreachableError
from ..models.code_change import code_change
from ..models.events import (
    PromptAnswered,
    PromptAsked,
    RerunDecided,
    RunStarted,
    StoredLiterals,
    TaskSeen,
    TraceEnded,
)
from .naming import ROOT_ACTION
from .whole import damage_of

if TYPE_CHECKING:
    from ..storage import Store
    from .live_run import LiveRun
    from .plan import TaskPlan
    from .ports import EarlierEvents

EDITED_MEANWHILE = "What it uses was edited while it ran, so that its result may be that of other code."


class FinishedAction(NamedTuple):
    """A succeeded action of an earlier try."""

    outputs: StoredLiterals
    from_other_run: bool


@dataclass(slots=True)
class EarlierPrompt:
    """A question of an earlier try, and its answer if there was one."""

    asked: PromptAsked
    answered: PromptAnswered | None = None


class FinishedWork:
    """Actions and traces that need not run again.

    Parameters
    ----------
    earlier : EarlierEvents
        What the earlier try recorded.
    from_other_run : bool
        Whether it is another run than the one that goes on.
    root : str
        Which of its actions the root of the run that goes on is.
    keep : sequence of str
        Tasks whose results still hold, whatever became of their code: full names, or what is behind the dot.

    Raises
    ------
    RunStateError
        If none of its actions is a call of a task that is to be kept.
    """

    def __init__(
        self, earlier: EarlierEvents, *, from_other_run: bool, root: str = ROOT_ACTION, keep: Sequence[str] = ()
    ) -> None:
        self._earlier = earlier
        self._root = root
        self._refused: set[str] = set()
        self._out_of_reach = ""
        self._traces: dict[str, dict[str, StoredLiterals]] = {}
        self._prompts: dict[str, EarlierPrompt] = {}
        self._parts: dict[tuple[str, str], dict[str, str]] = {}
        self._digests: dict[str, set[str]] = {}
        self.root_inputs: StoredLiterals | None = None
        self.from_other_run = from_other_run
        for event in earlier.others:
            if isinstance(event, RunStarted):
                self.root_inputs = event.inputs
            elif isinstance(event, TraceEnded):
                if event.outputs is not None and not event.code_changed:
                    self._traces.setdefault(event.action, {})[event.key] = event.outputs
            elif isinstance(event, PromptAsked):
                before = self._prompts.get(event.prompt_id)
                self._prompts[event.prompt_id] = EarlierPrompt(event, before.answered if before else None)
            elif isinstance(event, PromptAnswered):
                self._prompts[event.prompt_id].answered = event
            elif isinstance(event, TaskSeen):
                self._parts[event.task, event.code_digest] = event.parts
                self._digests.setdefault(event.task, set()).add(event.code_digest)
        self.kept: list[str] = [_task_named(name, self._digests, earlier.run) for name in keep]

    def __len__(self) -> int:
        return len(self._earlier)

    def take(self, name: str, plan: TaskPlan, run: LiveRun) -> FinishedAction | None:
        """The finished action of that name, unless its code changed or its outputs are damaged; the run says which."""
        ended = self._earlier.succeeded(name)
        if ended is None or ended.outputs is None or name in self._refused:
            return None
        edited = ended.code_changed and plan.name not in self.kept
        reason = EDITED_MEANWHILE if edited else self._what_changed(name, plan)
        if not reason:
            damage = self._damage_of(ended.outputs, run.store)
            if not damage:
                return FinishedAction(ended.outputs, self.from_other_run)
            reason = f"Its stored result is not whole: {damage}."
        self._refused.add(name)
        run.log.append(RerunDecided(time.time(), name, plan.name, reason))
        return None

    def _damage_of(self, kept: StoredLiterals, store: Store) -> str:
        """As `whole.damage_of`; a storage that did not answer once is not asked again by this resume.

        Raises
        ------
        StorageUnreachableError
        """
        if self._out_of_reach:
            raise StorageUnreachableError(self._out_of_reach)
        try:
            return damage_of(kept, store)
        except StorageUnreachableError as error:
            self._out_of_reach = error.root_cause_message
            raise

    def trace(self, action: str, key: str) -> StoredLiterals | None:
        """What the finished trace of that key under that action gave."""
        return self.traces_of(action).get(key)

    def traces_of(self, action: str) -> dict[str, StoredLiterals]:
        """What the finished traces under an action gave, by key; a function's code is part of it."""
        return self._traces.get(self._root if action == ROOT_ACTION else action, {})

    def prompt(self, identity: str) -> EarlierPrompt | None:
        """The question of that name, if it was asked."""
        return self._prompts.get(identity)

    def _what_changed(self, name: str, plan: TaskPlan) -> str:
        """What is another code than it was; empty if nothing is."""
        if plan.name in self.kept or self._digests.get(plan.name) == {plan.code_digest}:
            return ""  # the task has had no other code, whatever the action, or that is no matter
        queued = self._earlier.queued(name)
        if queued is None or queued.code_digest == plan.code_digest:
            return ""
        before = self._parts.get((queued.task, queued.code_digest), {})
        change = code_change(plan.short_name, before, code_parts(plan.func))
        return change if self.from_other_run else f"{change} resume(keep={plan.name!r}) keeps results of other code."


def _task_named(name: str, known: Collection[str], run: str) -> str:
    """The full name of a task that the run called."""
    by_last = {task.rpartition(".")[2]: task for task in known}
    found = name if name in known else by_last.get(name)
    if found is None:
        asked = with_nearest(name, [*by_last, *known])
        raise RunStateError(f"keep: run {run!r} called no task {asked}; it called {', '.join(sorted(known))}.")
    return found
