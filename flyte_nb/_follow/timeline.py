"""What ran when, as rows."""

from __future__ import annotations

from dataclasses import dataclass

from .._aio import AwaitedAsItself
from .._view.projection import RunView
from ..models.phases import ActionPhase

_WIDTH = 40


@dataclass(frozen=True, slots=True)
class Span:
    """One bar: an attempt-to-end stretch of an action.

    Attributes
    ----------
    start_s, end_s : float
        Seconds since the run's start; `end_s` of one that goes on is that of the last known event.
    """

    action: str
    label: str
    depth: int
    start_s: float
    end_s: float
    phase: ActionPhase


class Timeline(list[Span], AwaitedAsItself):
    """Spans in tree order; prints as a small chart."""

    def __repr__(self) -> str:
        if not self:
            return "Timeline()"
        total = max(span.end_s for span in self) or 1.0
        rows = []
        for span in self:
            left = int(span.start_s / total * _WIDTH)
            length = max(1, int((span.end_s - span.start_s) / total * _WIDTH))
            label = "  " * span.depth + span.label
            rows.append(
                f"{label[:30]:<30} |{' ' * left}{'#' * length:<{_WIDTH - left}}| {span.end_s - span.start_s:8.3f} s"
            )
        return "\n".join(rows)


def timeline_of(view: RunView) -> Timeline:
    """The timeline of a run."""
    timeline = Timeline()
    if view.started is None or not view.root:
        return timeline
    begin = view.started.at
    last = max(
        (at for action in view.actions.values() for at in (action.started_at, action.ended_at) if at is not None),
        default=begin,
    )
    pending = [(view.root, 0)]
    while pending:
        name, depth = pending.pop()
        action = view.actions[name]
        if action.started_at is not None:
            end = action.ended_at if action.ended_at is not None else last
            timeline.append(
                Span(name, action.short_name, depth, action.started_at - begin, max(end - begin, 0.0), action.phase)
            )
        pending += [(child, depth + 1) for child in reversed(action.children)]
    return timeline
