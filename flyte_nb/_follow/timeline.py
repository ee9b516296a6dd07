"""What ran when, as rows."""

from __future__ import annotations

import html
import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .._aio import AwaitedAsItself
from .._view.looks import LOOKS, duration_text
from .._view.projection import ActionView, RunView
from .._view.tree import PHASES
from ..models.phases import ActionPhase

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

_WIDTH = 40
_READABLE_ON_LIGHT_AND_DARK = "#7f858c"
_PLOTLY = "application/vnd.plotly.v1+json"


@dataclass(frozen=True, slots=True)
class Span:
    """One bar: a stretch in which an action ran. One that ran again after a resume has several.

    Attributes
    ----------
    start_s, end_s : float
        Seconds that the run had run, pauses left out; `end_s` of one that goes on is that of the last known event.
    """

    action: str
    label: str
    depth: int
    start_s: float
    end_s: float
    phase: ActionPhase


class Timeline(list[Span], AwaitedAsItself):
    """Spans in tree order; a chart as the last line of a cell, rows of text where it is printed.

    Attributes
    ----------
    gaps : list of (float, float)
        Where nobody drove the run, between an end and a resume: after how many seconds of running, and for how long.
        Spans have no part of it.
    """

    def __init__(self, spans: Iterable[Span] = (), gaps: Iterable[tuple[float, float]] = ()) -> None:
        super().__init__(spans)
        self.gaps = list(gaps)

    def figure(self, *, max_rows: int = 300) -> Figure:
        """The spans as a plotly figure: a bar for each, the root on top, coloured by phase.

        Parameters
        ----------
        max_rows : int
            The first so many are drawn; the axis tells how many there are.

        Specification: *Notebooks*.
        """
        from plotly import graph_objects

        figure = graph_objects.Figure()
        spans = self[:max_rows]
        for phase in dict.fromkeys(span.phase for span in spans):
            chosen = [(row, span) for row, span in enumerate(spans) if span.phase is phase]
            figure.add_bar(
                name=LOOKS[PHASES[phase]].word,
                orientation="h",
                y=[row for row, _ in chosen],
                base=[span.start_s for _, span in chosen],
                x=[span.end_s - span.start_s for _, span in chosen],
                marker={"color": LOOKS[PHASES[phase]].color.light},
                width=0.8,
                customdata=[[html.escape(span.label), span.end_s] for _, span in chosen],
                hovertemplate="%{customdata[0]}<br>%{base:.3f} s to %{customdata[1]:.3f} s<extra></extra>",
            )
        labels = [html.escape(span.label) for span in spans]
        figure.update_yaxes(
            showgrid=False,
            automargin=True,
            autorange="reversed",
            tickmode="array",
            tickvals=list(range(len(spans))),
            ticktext=labels,
        )
        for at_s, lasted_s in self.gaps:
            figure.add_vline(
                x=at_s, line_dash="dash", line_color=_READABLE_ON_LIGHT_AND_DARK, annotation_text=_resumed(lasted_s)
            )
        left_out = f" (the first {len(spans):,} of {len(self):,} actions)" if len(spans) < len(self) else ""
        figure.update_xaxes(title=f"seconds{left_out}", gridcolor="rgba(136,136,136,0.27)")
        figure.update_layout(
            template="none",
            barmode="overlay",
            paper_bgcolor="rgba(0,0,0,0)",
            plot_bgcolor="rgba(0,0,0,0)",
            font_color=_READABLE_ON_LIGHT_AND_DARK,
            height=min(max(160 + 24 * len(spans), 240), 1600),
            margin={"t": 24, "b": 48},
            legend={"orientation": "h", "y": 1.0, "yanchor": "bottom"},
        )
        return figure

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        """The chart, where a front-end can show one."""
        if not self:
            return {"text/plain": repr(self)}
        return {_PLOTLY: json.loads(self.figure().to_json()), "text/plain": repr(self)}

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
        rows += [f"stopped after {at_s:.3f} s, {_resumed(lasted_s)}" for at_s, lasted_s in self.gaps]
        return "\n".join(rows)


def _resumed(lasted_s: float) -> str:
    return f"resumed {duration_text(lasted_s)} later"


def timeline_of(view: RunView) -> Timeline:
    """The timeline of a run."""
    clock = view.clock
    timeline = Timeline(gaps=clock.gaps())
    if view.started is None or not view.root:
        return timeline
    moments = (at for action in view.actions.values() for at in (action.started_at, action.ended_at) if at is not None)
    last_s = clock.ran_s(max(moments, default=clock.begin))

    def add(action: ActionView, depth: int, start_s: float, end_s: float | None, phase: ActionPhase) -> None:
        end_s = max(end_s if end_s is not None else last_s, start_s)
        timeline.append(Span(action.name, action.short_name, depth, start_s, end_s, phase))

    pending = [(view.root, 0)]
    while pending:
        name, depth = pending.pop()
        action = view.actions[name]
        for one in () if action.is_root else action.earlier:
            add(action, depth, clock.ran_s(one.started_at), clock.ran_s(one.ended_at or one.started_at), one.phase)
        start_s, end_s = view.span(action)
        if start_s is not None:
            add(action, depth, start_s, end_s, action.phase)
        pending += [(child, depth + 1) for child in reversed(action.children)]
    return timeline
