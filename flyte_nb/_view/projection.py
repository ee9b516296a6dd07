"""Fold events into the picture of a run. No clock, no journal: events in, tree out."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from ..models import events as ev
from ..models.phases import ActionPhase
from .actions import INTERRUPTED as INTERRUPTED
from .actions import ActionView as ActionView
from .actions import AttemptView as AttemptView
from .actions import GroupView as GroupView
from .actions import TraceView as TraceView
from .actions import TryView as TryView
from .clock import RunClock
from .reruns import why_again


@dataclass(slots=True)
class RunView:
    """A run as its events tell it.

    Attributes
    ----------
    actions : dict of str to ActionView
        In the order in which they were queued.
    root : str
        Name of the first action, empty before it is queued.
    resumes : list of RunResumed
    clock : RunClock
        How long it has really run.
    heard_at : float
        When the last of its events was.
    reruns : list of RerunDecided
        What ran again after a resume, and why.
    code_parts : dict of (str, str) to dict of str to str
        By task and digest: the parts of its code, with their digests.
    """

    name: str = ""
    started: ev.RunStarted | None = None
    phase: ActionPhase = ActionPhase.QUEUED
    ended_at: float | None = None
    error: ev.ErrorRecord | None = None
    root: str = ""
    actions: dict[str, ActionView] = field(default_factory=dict)
    groups: dict[str, GroupView] = field(default_factory=dict)
    resumes: list[ev.RunResumed] = field(default_factory=list)
    reruns: list[ev.RerunDecided] = field(default_factory=list)
    code_parts: dict[tuple[str, str], dict[str, str]] = field(default_factory=dict)
    clock: RunClock = field(default_factory=RunClock)
    heard_at: float = 0.0

    def apply(self, event: ev.AnyEvent) -> None:
        """Take one more event into the picture; one about an action that nobody has heard of changes nothing."""
        action = getattr(event, "action", None)
        if action is not None and action not in self.actions and not isinstance(event, _INTRODUCING):
            return
        _APPLY[type(event)](self, event)
        self.heard_at = max(self.heard_at, event.at)

    def interrupted(self, heartbeat_at: float) -> None:
        """The owner is gone: nothing that was going on goes on after the last that was heard of it.

        Parameters
        ----------
        heartbeat_at : float
            When the owner last said that it lives.
        """
        heard_at = max(self.heard_at, heartbeat_at)
        _settle(self, INTERRUPTED, heard_at)
        if not self.phase.is_terminal:
            self.phase, self.error, self.ended_at = ActionPhase.ABORTED, INTERRUPTED, heard_at

    @property
    def is_interrupted(self) -> bool:
        """Whether its owner went away while it was going on."""
        return self.phase is ActionPhase.ABORTED and self.error == INTERRUPTED

    @property
    def resumed_by(self) -> str:
        """Who went on with the run last; empty where nobody has."""
        if not self.resumes:
            return ""
        owner = self.resumes[-1].owner
        return f"process {owner.pid} on the computer {owner.host}"

    def first_failure(self) -> ActionView | None:
        """The action deepest in the tree whose error is the one that ended the run."""
        action = self.actions.get(self.root)
        if action is None or action.error is None:
            return None
        while True:
            failed = [child for child in map(self.actions.__getitem__, action.children) if child.error is not None]
            causes = [child for child in failed if _same_failure(child.error, action.error)]
            causes = causes or [child for child in failed if _is_behind(child.error, action.error)]
            if not causes:
                return action
            action = min(causes, key=lambda child: child.ended_at or float("inf"))

    @property
    def ran_s(self) -> float | None:
        """For how many seconds the run has run, pauses left out; None while it has no end."""
        return self.clock.ran_s(self.ended_at) if self.started is not None and self.ended_at is not None else None

    def context_of(self, action: ActionView) -> dict[str, str]:
        """The custom context that an action began with: its caller's, unless it was set around the call."""
        found: ActionView | None = action
        while found is not None:
            if found.custom_context is not None:
                return found.custom_context
            found = self.actions.get(found.parent)
        return {}

    def span(self, action: ActionView) -> tuple[float | None, float | None]:
        """When an action started and ended, in seconds that the run had run; the root stands for the whole run."""
        start, end = action.started_at, action.ended_at
        if start is not None and action.is_root:
            return 0.0, self.ran_s
        return self._ran_s(start), self._ran_s(end)

    def runtime_of(self, action: ActionView) -> float | None:
        """For how many seconds an action ran the last time, the root in all; None while it has no end."""
        start, end = self._ran_s(action.started_at), self._ran_s(action.ended_at)
        return end - start if start is not None and end is not None else None

    def _ran_s(self, at: float | None) -> float | None:
        return self.clock.ran_s(at) if at is not None else None

    def counts(self) -> dict[ActionPhase, int]:
        """How many actions are in each phase."""
        counts: dict[ActionPhase, int] = {}
        for action in self.actions.values():
            counts[action.phase] = counts.get(action.phase, 0) + 1
        return counts


def project(events: Iterable[ev.AnyEvent], name: str = "") -> RunView:
    """The picture that `events`, in their order, make."""
    view = RunView(name)
    for event in events:
        view.apply(event)
    return view


def _same_failure(one: ev.ErrorRecord | None, other: ev.ErrorRecord | None) -> bool:
    return one is not None and other is not None and (one.code, one.message) == (other.code, other.message)


def _is_behind(one: ev.ErrorRecord | None, other: ev.ErrorRecord | None) -> bool:
    """Whether `one` is what `other` was raised from, at once or in several steps."""
    while other is not None:
        other = other.cause
        if _same_failure(one, other):
            return True
    return False


def _settle(view: RunView, error: ev.ErrorRecord, at: float) -> None:
    for action in view.actions.values():
        if not action.phase.is_terminal:
            action.phase = ActionPhase.ABORTED
            action.error = action.error or error
            action.ended_at = at


def _run_started(view: RunView, event: ev.RunStarted) -> None:
    view.started = event
    view.clock.begin = event.at
    view.phase = ActionPhase.RUNNING


def _run_resumed(view: RunView, event: ev.RunResumed) -> None:
    stopped_at = event.stopped_at or view.ended_at or view.heard_at
    view.clock.paused(stopped_at, event.at)
    _settle(view, INTERRUPTED, stopped_at)
    for action in view.actions.values():
        if action.phase in (ActionPhase.SUCCEEDED, ActionPhase.RECOVERED):
            action.reused = action.reused or "resume"
    view.resumes.append(event)
    view.phase, view.error, view.ended_at = ActionPhase.RUNNING, None, None


def _run_ended(view: RunView, event: ev.RunEnded) -> None:
    _settle(view, ev.ErrorRecord("ParentEnded", "user", "The run ended."), event.at)
    view.phase, view.error, view.ended_at = event.phase, event.error, event.at


def _group_opened(view: RunView, event: ev.GroupOpened) -> None:
    view.groups.setdefault(event.group, GroupView(event.group, event.name, event.action, event.parent_group))


def _action_queued(view: RunView, event: ev.ActionQueued) -> None:
    before = view.actions.get(event.action)
    action = ActionView(
        event.action,
        event.parent,
        event.task,
        event.short_name,
        event.group,
        ActionPhase.RUNNING if event.running else ActionPhase.QUEUED,
        event.at,
        event.inputs,
        event.code_digest,
        event.placement,
        event.max_attempts,
        event.report,
        event.cache_behavior,
        event.resources,
        event.custom_context,
        event.options,
    )
    if event.running:
        action.started_at = event.at
        action.attempts.append(AttemptView(1, event.at))
    if before is not None:
        if action.is_root:
            action.started_at = before.started_at or action.started_at
        elif before.started_at is not None:
            action.earlier = [*before.earlier, TryView(before.started_at, before.ended_at, before.phase)]
        action.rerun_reason = _reason_to_run_again(view, before, event) or before.rerun_reason
        action.children = before.children
        action.editions = {tab: edition + 1 for tab, edition in before.editions.items()}
    elif event.parent in view.actions:
        view.actions[event.parent].children.append(event.action)
    if not event.parent:
        view.root = event.action
    view.actions[event.action] = action


def _attempt_started(view: RunView, event: ev.AttemptStarted) -> None:
    action = view.actions[event.action]
    action.phase = ActionPhase.RUNNING
    action.progress = ""
    action.started_at = action.started_at or event.at
    action.attempts.append(AttemptView(event.attempt, event.at))


def _attempt_failed(view: RunView, event: ev.AttemptFailed) -> None:
    action = view.actions[event.action]
    action.phase = ActionPhase.QUEUED
    if action.attempts:
        action.attempts[-1].ended_at, action.attempts[-1].error = event.at, event.error


def _action_paused(view: RunView, event: ev.ActionPaused) -> None:
    view.actions[event.action].phase = event.phase


def _action_ended(view: RunView, event: ev.ActionEnded) -> None:
    action = view.actions[event.action]
    action.phase, action.ended_at = event.phase, event.at
    action.outputs, action.error = event.outputs, event.error
    action.cache, action.reused = event.cache, event.reused
    if action.attempts:
        action.attempts[-1].ended_at = event.at
        action.attempts[-1].error = event.error


def _reason_to_run_again(view: RunView, before: ActionView, event: ev.ActionQueued) -> str:
    """Why an action runs again after a resume that took nothing of it; nothing where its parent was tried again."""
    if not view.resumes or before.queued_at > view.resumes[-1].at:
        return ""
    parts = [view.code_parts.get((event.task, digest), {}) for digest in (before.code_digest, event.code_digest)]
    reason = why_again(before, event, *parts)
    if reason:
        view.reruns.append(ev.RerunDecided(event.at, event.action, event.task, reason))
    return reason


def _rerun_decided(view: RunView, event: ev.RerunDecided) -> None:
    view.reruns.append(event)
    action = view.actions.get(event.action)
    if action is not None:
        action.rerun_reason = event.reason


def _task_seen(view: RunView, event: ev.TaskSeen) -> None:
    view.code_parts[event.task, event.code_digest] = event.parts


def _trace_ended(view: RunView, event: ev.TraceEnded) -> None:
    view.actions[event.action].traces.append(
        TraceView(
            event.key,
            event.name,
            event.action,
            event.group,
            event.started_at,
            event.at,
            event.inputs,
            event.outputs,
            event.error,
            event.reused,
        )
    )


def _report_changed(view: RunView, event: ev.ReportChanged) -> None:
    action = view.actions[event.action]
    action.has_report = True
    pieces = action.tabs.setdefault(event.tab, [])
    edition = action.editions.setdefault(event.tab, 0)
    if event.replace and pieces:
        pieces.clear()
        action.editions[event.tab] = edition + 1
    pieces.append(event.content)


def _link_added(view: RunView, event: ev.LinkAdded) -> None:
    view.actions[event.action].links.append(event)


def _prompt_asked(view: RunView, event: ev.PromptAsked) -> None:
    view.actions[event.action].prompts[event.prompt_id] = event


def _prompt_answered(view: RunView, event: ev.PromptAnswered) -> None:
    view.actions[event.action].answers[event.prompt_id] = event


def _progress_told(view: RunView, event: ev.ProgressTold) -> None:
    view.actions[event.action].progress = event.text


def _stall_noticed(view: RunView, event: ev.StallNoticed) -> None:
    action = view.actions.get(event.action)
    if action is not None and event.seconds >= action.stalled_s:
        action.stalled_s, action.stall_is_over = event.seconds, event.is_over


_INTRODUCING = (ev.ActionQueued, ev.GroupOpened, ev.RerunDecided)

_APPLY: dict[type, Callable[[RunView, Any], None]] = {
    ev.RunStarted: _run_started,
    ev.RunResumed: _run_resumed,
    ev.RunEnded: _run_ended,
    ev.GroupOpened: _group_opened,
    ev.ActionQueued: _action_queued,
    ev.AttemptStarted: _attempt_started,
    ev.AttemptFailed: _attempt_failed,
    ev.ActionPaused: _action_paused,
    ev.ActionEnded: _action_ended,
    ev.RerunDecided: _rerun_decided,
    ev.TaskSeen: _task_seen,
    ev.TraceEnded: _trace_ended,
    ev.ReportChanged: _report_changed,
    ev.LinkAdded: _link_added,
    ev.PromptAsked: _prompt_asked,
    ev.PromptAnswered: _prompt_answered,
    ev.ProgressTold: _progress_told,
    ev.StallNoticed: _stall_noticed,
}
