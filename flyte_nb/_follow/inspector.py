"""What a page asks about one action: values, attempts, logs, its report."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable
from functools import partial
from typing import Any

from .._view.actions import frames_of
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
MAX_NAME = 200
MOST_CONTEXT = 50
MAX_READ = 8_000_000
MAX_LOG = 400_000
MAX_EARLIER_LOG = 100_000
CUT_LOGS_EVERY_S = 1.0
MAX_REPORT = 8_000_000
MAX_SPANS = 2_000
TOO_LARGE = -1

TRACE = "t:"
READING = Variable("?", "reading ...")


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
        self._texts: dict[str, str] = {}

    def news(self) -> list[ToPage]:
        """What the page does not have yet, read as far as that needs to be read."""
        for read in self.unread():
            read()
        return self.news_at_hand()

    def unread(self) -> list[Callable[[], None]]:
        """What takes time before the news is complete, to be done while nobody holds the picture."""
        with self._picture.lock:
            found = self._found()
            if found is None:
                return []
            values: list[Callable[[], None]] = [
                partial(self._read_values, which, kept, self._reader_of(found))
                for which, kept in (("inputs", found.inputs), ("outputs", found.outputs))
                if kept is not None and which not in self._described
            ]
            if isinstance(found, TraceView):
                return values
            pieces = [piece for tab in found.tabs for piece in self._fresh(found, tab)[2]]
            return [*values, *(partial(self._read_text, piece) for piece in pieces if not self._is_at_hand(piece))]

    def news_at_hand(self) -> list[ToPage]:
        """What the page does not have yet, as far as it was read."""
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
        return Details(
            action=self.action,
            task=trace.name,
            placement="trace",
            context=[],
            inputs=self._values_of("inputs", trace.inputs),
            outputs=self._values_of("outputs", trace.outputs),
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
            context=_context(self._picture.tree.view.context_of(view)),
            inputs=self._values_of("inputs", view.inputs),
            outputs=self._values_of("outputs", view.outputs),
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

    def _values_of(self, which: str, kept: StoredLiterals | None) -> list[Variable]:
        return self._described.get(which, [READING]) if kept is not None else []

    def _read_values(self, which: str, kept: StoredLiterals, task: str | None) -> None:
        """Have inputs or outputs as text; once, for they never change."""
        read = previewed_inputs if which == "inputs" else _results
        self._described[which] = _variables(kept, lambda: read(kept, task, self._picture.history))

    def _reader_of(self, found: ActionView | TraceView) -> str | None:
        if isinstance(found, ActionView):
            return reader_of(found)
        return None if reader_of(self._picture.tree.view.actions[found.action]) is None else ""

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
        chunks: list[ToPage] = []
        is_complete = True
        for tab in view.tabs:
            edition, first, pieces = self._fresh(view, tab)
            if not all(map(self._is_at_hand, pieces)):
                is_complete = False
            elif pieces:
                self._sent_of_report[tab] = (edition, first + len(pieces))
                chunks.append(ReportChunk(self.action, tab, edition, first, [self._text_of(piece) for piece in pieces]))
        if is_complete:
            self._texts.clear()
        return chunks

    def _fresh(self, view: ActionView, tab: str) -> tuple[int, int, list[StoredText]]:
        """The edition of a tab, and its pieces from that number on, which the page does not have."""
        pieces, edition = view.tabs[tab], view.editions[tab]
        size = sum(piece.size_bytes if piece.inline is None else len(piece.inline) for piece in pieces)
        if size > MAX_REPORT:
            edition, pieces = TOO_LARGE, [StoredText(_too_large(size).encode())]
        sent_edition, sent = self._sent_of_report.get(tab, (edition, 0))
        first = sent if sent_edition == edition else 0
        return edition, first, pieces[first:]

    def _is_at_hand(self, piece: StoredText) -> bool:
        return piece.inline is not None or piece.uri in self._texts

    def _read_text(self, piece: StoredText) -> None:
        self._texts[piece.uri] = self._picture.store().get_nowait(piece.uri, checksum=piece.checksum).decode()

    def _text_of(self, piece: StoredText) -> str:
        return piece.inline.decode() if piece.inline is not None else self._texts[piece.uri]


def earlier_logs(picture: LivePicture, action: str, before: int) -> EarlierLogs:
    """What an action printed or logged before the piece of that number, as much as a page takes at a time."""
    lines, _, cut = picture.history.records.reader.newest_logs(
        picture.name, action, before=before, characters=MAX_EARLIER_LOG
    )
    return EarlierLogs(action, before, _log_pieces(lines), cut)


def _log_pieces(lines: Iterable[tuple[int, LogLine]]) -> list[LogPiece]:
    return [LogPiece(round(line.at * 1000), line.stream, line.text[-MAX_LOG:], number) for number, line in lines]


def timeline_message(picture: LivePicture, actions: Collection[str] | None) -> TimelineSpans:
    """What ran when, of `actions` or of all."""
    wanted = None if actions is None else set(actions)
    spans = [span for span in timeline_of(picture.tree.view) if wanted is None or span.action in wanted]
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


def _context(values: dict[str, str]) -> list[Variable]:
    shown = [_variable(name[:MAX_NAME], value) for name, value in list(values.items())[:MOST_CONTEXT]]
    more = len(values) - len(shown)
    return [*shown, Variable("...", f"and {more:,} more")] if more else shown


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
    return Failure(error.code, error.message[:10_000], frames_of(error)) if error is not None else None


def _notes(view: ActionView) -> list[str]:
    notes = [view.progress] if view.progress and not view.phase.is_terminal else []
    if view.cache is not None:
        notes.append(f"cache {view.cache.status}: {view.cache.reason}")
    if view.reused == "resume":
        notes.append("taken from an earlier try of this run")
    if view.rerun_reason:
        notes.append(f"ran again: {view.rerun_reason}")
    if view.stalled_s:
        notes.append(stall_text(view.stalled_s, is_over=view.stall_is_over))
    notes += [f"{key}: {value}" for key, value in {**view.resources, **view.options}.items()]
    return notes
