"""Everything a reader can know of a run or an action, as values."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .._aio import AwaitedAsItself
from .._follow.previews import previewed_inputs, previewed_outputs
from .._follow.values import ActionInputs, ActionOutputs, inputs_of, outputs_of, reader_of
from .._public import public
from .._view.looks import INTERRUPTED_LOOK, duration_text
from .._view.projection import ActionView, AttemptView, RunView, TraceView
from ..models.events import CacheOutcome, ErrorRecord, LinkAdded, PromptAsked
from ..models.phases import ActionPhase

if TYPE_CHECKING:
    from .history import RunHistory

MAX_RERUNS_SHOWN = 20


@public
@dataclass(frozen=True)
class ActionDetails(AwaitedAsItself):
    """One action.

    Attributes
    ----------
    cache : CacheOutcome or None
        What the cache said, and why; None where no cache was asked.
    reused : str
        ``"cache"`` or ``"resume"`` when an earlier result was taken.
    rerun_reason : str
        On resume, why it was run again.
    custom_context : dict of str to str
        What it began with, as `get_custom_context` gave it there.
    runtime : float or None
        Seconds from start to end, or to nothing yet.

    Specification: *Remote tasks*.
    """

    name: str
    run_name: str
    task_name: str
    parent_name: str
    phase: ActionPhase
    start_time: datetime.datetime | None
    end_time: datetime.datetime | None
    runtime: float | None
    attempts: int
    attempt_list: list[AttemptView]
    error_info: ErrorRecord | None
    abort_info: str
    links: list[LinkAdded]
    group: str
    cache: CacheOutcome | None
    reused: str
    rerun_reason: str
    custom_context: dict[str, str]
    metadata: dict[str, str]
    _history: RunHistory
    _view: ActionView

    def inputs(self) -> ActionInputs:
        """What it was given."""
        return inputs_of(self._view.inputs, reader_of(self._view), self._history)

    def outputs(self) -> ActionOutputs:
        """What it returned; empty while or where it returned nothing."""
        if self._view.outputs is None:
            return ActionOutputs()
        return outputs_of(self._view.outputs, reader_of(self._view), self._history)

    def input_previews(self) -> dict[str, Any]:
        """What it was given, with a preview in place of each frame: no data is loaded."""
        return previewed_inputs(self._view.inputs, reader_of(self._view), self._history)

    def output_previews(self) -> dict[str, Any]:
        """What it returned, as ``o0``, ``o1``, …, with a preview in place of each frame."""
        if self._view.outputs is None:
            return {}
        return previewed_outputs(self._view.outputs, reader_of(self._view), self._history)

    @property
    def done(self) -> bool:
        """Whether nothing more will happen."""
        return self.phase.is_terminal

    @property
    def traces(self) -> list[TraceView]:
        """Its traced calls, in the order in which they ended."""
        return list(self._view.traces)

    @property
    def open_questions(self) -> list[PromptAsked]:
        """What it asks people and nobody has answered yet."""
        return self._view.open_questions()

    def __repr__(self) -> str:
        seconds = f"{self.runtime:.2f} s" if self.runtime is not None else _without_runtime(self)
        problem = f" {self.error_info.code}: {self.error_info.message}" if self.error_info else ""
        return f"<{self.task_name} {self.name} {self.phase} {seconds}{problem}>"

    def __str__(self) -> str:
        """As `repr`, and the traceback of a failure below it."""
        trace = self.error_info.traceback.rstrip() if self.error_info else ""
        return f"{self!r}\n{trace}" if trace else repr(self)

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        """Show the traceback where a notebook shows nothing else."""
        for place, line in enumerate((str(self) if len(printer.stack) == 1 else repr(self)).splitlines()):
            if place:
                printer.break_()
            printer.text(line)


@public
@dataclass(frozen=True)
class RunDetails(AwaitedAsItself):
    """A run and all its actions.

    Attributes
    ----------
    runtime : float or None
        Seconds from its start to its end, without the time between an end and a resume; None while it has no end.
    counts : dict of ActionPhase to int
        How many of its actions are in each phase, the root among them.
    reruns : list of (str, str)
        Tasks that ran again after a resume, and why.
    kept : list of str
        Tasks whose results a resume was told to keep, whatever their code was then.

    Specification: *Remote tasks*.
    """

    name: str
    task_name: str
    phase: ActionPhase
    start_time: datetime.datetime | None
    end_time: datetime.datetime | None
    runtime: float | None
    error_info: ErrorRecord | None
    counts: dict[ActionPhase, int]
    resumes: int
    reruns: list[tuple[str, str]]
    kept: list[str]
    labels: dict[str, str]
    rerun_of: str
    _history: RunHistory
    _view: RunView

    @property
    def done(self) -> bool:
        """Whether nothing more will happen."""
        return self.phase.is_terminal

    @property
    def interrupted(self) -> bool:
        """Whether its process went away before it had ended; its phase is ABORTED then."""
        return self._view.is_interrupted

    @property
    def action_details(self) -> ActionDetails:
        """The root action.

        Raises
        ------
        ActionNotFoundError
            If the run's process went away before it wrote of any action.
        """
        return action_details(self._history, self._view, self._history.action(self._view.root))

    @property
    def open_questions(self) -> list[PromptAsked]:
        """What its actions ask people and nobody has answered yet."""
        return [asked for action in self._view.actions.values() for asked in action.open_questions()]

    @property
    def actions(self) -> list[ActionDetails]:
        """All actions, in the order in which they were queued, as they are when this is read."""
        return [action_details(self._history, self._view, action) for action in self._view.actions.values()]

    def __repr__(self) -> str:
        counts = ", ".join(f"{count} {phase}" for phase, count in self.counts.items())
        took = f" in {duration_text(self.runtime)}" if self.runtime is not None else ""
        lines = [f"Run {self.name} of {self.task_name}: {state_of(self)}{took} ({counts})"]
        if self.resumes:
            lines.append("resumed once" if self.resumes == 1 else f"resumed {self.resumes} times")
        if self.kept:
            lines.append(f"kept, whatever its code is now: {', '.join(self.kept)}")
        lines += [f"ran again: {action} ({reason})" for action, reason in self.reruns[:MAX_RERUNS_SHOWN]]
        if len(self.reruns) > MAX_RERUNS_SHOWN:
            lines.append(f"and {len(self.reruns) - MAX_RERUNS_SHOWN:,} more ran again")
        if self.error_info is not None:
            lines.append(f"{self.error_info.code}: {self.error_info.message}")
        return "\n".join(lines)


def state_of(details: RunDetails) -> str:
    """In one word, as on the page, where a run stands."""
    return INTERRUPTED_LOOK.word if details.interrupted else str(details.phase)


def action_details(history: RunHistory, view: RunView, action: ActionView) -> ActionDetails:
    """An action of a picture, as details."""
    group = view.groups.get(action.group)
    metadata = {**action.options, **{f"resources.{key}": value for key, value in action.resources.items()}}
    metadata["placement"] = action.placement
    return ActionDetails(
        name=action.name,
        run_name=view.name,
        task_name=action.task,
        parent_name=action.parent,
        phase=action.phase,
        start_time=moment(action.started_at),
        end_time=moment(action.ended_at),
        runtime=view.runtime_of(action),
        attempts=len(action.attempts),
        attempt_list=list(action.attempts),
        error_info=action.error,
        abort_info=action.error.message if action.phase is ActionPhase.ABORTED and action.error else "",
        links=list(action.links),
        group=group.name if group is not None else "",
        cache=action.cache,
        reused=action.reused,
        rerun_reason=action.rerun_reason,
        custom_context=dict(view.context_of(action)),
        metadata=metadata,
        _history=history,
        _view=action,
    )


def run_details(history: RunHistory) -> RunDetails:
    """A run as it is now, as details."""
    view = history.view()
    started = view.started
    return RunDetails(
        name=view.name,
        task_name=started.task if started is not None else "",
        phase=view.phase,
        start_time=moment(started.at if started is not None else None),
        end_time=moment(view.ended_at),
        runtime=view.ran_s,
        error_info=view.error,
        counts=view.counts(),
        resumes=len(view.resumes),
        reruns=[(decided.task, decided.reason) for decided in view.reruns],
        kept=sorted({task for resumed in view.resumes for task in resumed.kept}),
        labels=dict(started.labels) if started is not None else {},
        rerun_of=started.rerun_of if started is not None else "",
        _history=history,
        _view=view,
    )


def moment(at: float | None) -> datetime.datetime | None:
    """Seconds since the epoch as a time in UTC."""
    return datetime.datetime.fromtimestamp(at, datetime.UTC) if at is not None else None


def _without_runtime(details: ActionDetails) -> str:
    return "not started" if details.start_time is None else "goes on"
