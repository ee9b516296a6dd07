"""What a page asks about one action: values, attempts, logs, its report."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Any

from .._view.looks import stall_text
from .._view.projection import ActionView, TraceView
from .._view.tree import PHASES
from .._view.wire import (
    Attempt,
    Details,
    EarlierLogs,
    Failure,
    Frame,
    LinkButton,
    LogPiece,
    Logs,
    Notice,
    ReportChunk,
    Span,
    TimelineSpans,
    ToPage,
    Variable,
)
from ..models.events import ErrorRecord, LogLine, StoredLiterals, StoredText
from ..models.previews import MOST_COLUMNS, FramePreview
from .history import RunHistory
from .live_picture import LivePicture
from .previews import previewed_inputs, previewed_outputs
from .timeline import timeline_of
from .values import reader_of

MAX_VALUE = 2_000
MAX_READ = 8_000_000
MAX_LOG = 400_000
MAX_EARLIER_LOG = 100_000
CUT_LOGS_EVERY_S = 1.0
MAX_REPORT = 8_000_000
MAX_SPANS = 2_000
TOO_LARGE = -1


TRACE = "t:"

ReadValues = Callable[[StoredLiterals, str | None, RunHistory], dict[str, Any]]


class Inspector:
    """Details of the action that a page has selected, and what of its log and report the page has.

    Parameters
    ----------
    picture : LivePicture
    action : str
    clock : callable, optional
        Gives the seconds by which the end of a long log, which is sent as a whole each time, is sent seldom.
    """

    def __init__(self, picture: LivePicture, action: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._picture = picture
        self._clock = clock
        self.action = action
        self._details: Details | None = None
        self._log_read_up_to = 0
        self._log_sent_up_to = 0
        self._log_rests_until = 0.0
        self._sent_of_report: dict[str, tuple[int, int]] = {}
        self._described: dict[str, list[Variable]] = {}

    def news(self) -> list[ToPage]:
        """What the page does not have yet."""
        with self._picture.lock:
            found = self._found()
            if found is None:
                return [Notice("warning", f"Nothing is known of {self.action!r}.", self.action)]
            details = self._describe(found) if isinstance(found, ActionView) else self._describe_trace(found)
            messages: list[ToPage] = []
            if details != self._details:
                self._details = details
                messages.append(details)
            if isinstance(found, ActionView):
                messages += self._log_news()
                messages += self._report_news(found)
            return messages

    def _found(self) -> ActionView | TraceView | None:
        view = self._picture.tree.view
        if not self.action.startswith(TRACE):
            return view.actions.get(self.action)
        action, _, key = self.action.removeprefix(TRACE).partition(":")
        traces = view.actions[action].traces if action in view.actions else []
        return next((trace for trace in reversed(traces) if trace.key == key), None)

    def _describe_trace(self, trace: TraceView) -> Details:
        is_foreign = reader_of(self._picture.tree.view.actions[trace.action]) is None
        reader = None if is_foreign else ""
        return Details(
            action=self.action,
            task=trace.name,
            placement="trace",
            inputs=self._values_of("inputs", trace.inputs, reader, previewed_inputs),
            outputs=self._values_of("outputs", trace.outputs, reader, _results),
            attempts=[Attempt(1, self._ms(trace.started_at), self._ms(trace.ended_at), _failure(trace.error))],
            links=[],
            tabs=[],
            notes=["taken from an earlier try of this run"] if trace.reused else [],
            failure=_failure(trace.error),
            can_abort=False,
        )

    def _describe(self, view: ActionView) -> Details:
        return Details(
            action=view.name,
            task=view.task,
            placement=view.placement,
            inputs=self._values_of("inputs", view.inputs, reader_of(view), previewed_inputs),
            outputs=self._values_of("outputs", view.outputs, reader_of(view), _results),
            attempts=[
                Attempt(
                    attempt.number, self._ms(attempt.started_at), self._ms(attempt.ended_at), _failure(attempt.error)
                )
                for attempt in view.attempts
            ],
            links=[LinkButton(link.name, link.uri, link.error) for link in view.links],
            tabs=list(view.tabs),
            notes=_notes(view),
            failure=_failure(view.error),
            can_abort=not view.phase.is_terminal and not self._picture.ended,
        )

    def _ms(self, at: float | None) -> int:
        return round(self._picture.tree.view.clock.ran_s(at) * 1000) if at is not None else -1

    def _values_of(self, which: str, kept: StoredLiterals | None, task: str | None, read: ReadValues) -> list[Variable]:
        """Inputs or outputs as text, read once: they never change."""
        if kept is None:
            return []
        if which not in self._described:
            self._described[which] = _variables(kept, lambda: read(kept, task, self._picture.history))
        return self._described[which]

    def _log_news(self) -> list[ToPage]:
        if self._clock() < self._log_rests_until:
            return []
        lines, up_to, cut = self._picture.history.records.reader.newest_logs(
            self._picture.name, self.action, after=self._log_read_up_to, characters=MAX_LOG
        )
        self._log_read_up_to = up_to
        if not lines:
            return []
        if cut:
            self._log_rests_until = self._clock() + CUT_LOGS_EVERY_S
        sent, self._log_sent_up_to = self._log_sent_up_to, lines[-1][0]
        return [Logs(self.action, 0 if cut else sent, self._log_sent_up_to, _log_pieces(lines), cut)]

    def _report_news(self, view: ActionView) -> list[ToPage]:
        return [chunk for tab in view.tabs if (chunk := self._tab_news(view, tab)) is not None]

    def _tab_news(self, view: ActionView, tab: str) -> ReportChunk | None:
        pieces, edition = view.tabs[tab], view.editions[tab]
        size = sum(piece.size_bytes if piece.inline is None else len(piece.inline) for piece in pieces)
        is_too_large = size > MAX_REPORT
        if is_too_large:
            edition = TOO_LARGE
        sent_edition, sent = self._sent_of_report.get(tab, (edition, 0))
        first = sent if sent_edition == edition else 0
        count = 1 if is_too_large else len(pieces)
        if first == count:
            return None
        self._sent_of_report[tab] = (edition, count)
        fresh = [_too_large(size)] if is_too_large else [self._text_of(piece) for piece in pieces[first:]]
        return ReportChunk(self.action, tab, edition, first, fresh)

    def _text_of(self, piece: StoredText) -> str:
        if piece.inline is not None:
            return piece.inline.decode()
        return self._picture.store().get_nowait(piece.uri, checksum=piece.checksum).decode()


def earlier_logs(picture: LivePicture, action: str, before: int) -> EarlierLogs:
    """What an action printed or logged before the piece of that number, as much as a page takes at a time."""
    lines, _, cut = picture.history.records.reader.newest_logs(
        picture.name, action, before=before, characters=MAX_EARLIER_LOG
    )
    return EarlierLogs(action, before, _log_pieces(lines), cut)


def _log_pieces(lines: Iterable[tuple[int, LogLine]]) -> list[LogPiece]:
    return [LogPiece(round(line.at * 1000), line.stream, line.text[-MAX_LOG:], number) for number, line in lines]


def timeline_message(picture: LivePicture) -> TimelineSpans:
    """What ran when."""
    spans = timeline_of(picture.tree.view)
    drawn = [
        Span(
            span.action,
            span.label,
            span.depth,
            round(span.start_s * 1000, 2),
            round(span.end_s * 1000, 2),
            PHASES[span.phase],
        )
        for span in spans[:MAX_SPANS]
    ]
    return TimelineSpans(drawn, max(0, len(spans) - MAX_SPANS))


def _too_large(size: int) -> str:
    return (
        f"<p>This tab has {size / 1e6:.0f} MB; a page draws up to {MAX_REPORT / 1e6:.0f} MB. "
        "<code>run.get_report()</code> gives all of it.</p>"
    )


def _variables(kept: StoredLiterals, read: Callable[[], dict[str, Any]]) -> list[Variable]:
    if kept.size_bytes > MAX_READ:
        return [Variable("?", f"{kept.size_bytes / 1e6:.0f} MB, too much to look at here")]
    try:
        return [_variable(name, value) for name, value in read().items()]
    except Exception as error:
        return [Variable("?", f"cannot be read here: {type(error).__name__}: {error}"[:MAX_VALUE])]


def _variable(name: str, value: Any) -> Variable:
    try:
        text = repr(value)
    except Exception as error:
        text = f"<{type(value).__name__}, whose repr fails: {type(error).__name__}: {error}>"
    frame = _frame(value) if isinstance(value, FramePreview) else None
    return Variable(name, text[:MAX_VALUE], len(text) > MAX_VALUE, frame)


def _frame(preview: FramePreview) -> Frame:
    columns = [list(column) for column in preview.columns[:MOST_COLUMNS]]
    return Frame(preview.shape, columns, preview.rows)


def _results(kept: StoredLiterals, task: str | None, history: RunHistory) -> dict[str, Any]:
    """What an action returned, by names for people; an extra task that names its outputs keeps those."""
    values = previewed_outputs(kept, task, history)
    if list(values) != [f"o{index}" for index in range(len(values))]:
        return values
    names = ["result"] if len(values) == 1 else [f"result {number}" for number in range(1, len(values) + 1)]
    return dict(zip(names, values.values(), strict=True))


def _failure(error: ErrorRecord | None) -> Failure | None:
    return Failure(error.code, error.message[:10_000], error.traceback) if error is not None else None


def _notes(view: ActionView) -> list[str]:
    notes = []
    if view.cache is not None:
        notes.append(f"cache {view.cache.status}: {view.cache.reason}")
    if view.reused == "resume":
        notes.append("taken from an earlier try of this run")
    if view.rerun_reason:
        notes.append(f"ran again: {view.rerun_reason}")
    if view.stalled_s:
        notes.append(stall_text(view.stalled_s))
    notes += [f"{key}: {value}" for key, value in {**view.resources, **view.options}.items()]
    return notes
