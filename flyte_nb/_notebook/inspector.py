"""What a page asks about one action: values, attempts, logs, its report."""

from __future__ import annotations

from .._view.projection import ActionView
from .._view.tree import PHASES
from .._view.wire import (
    Attempt,
    Details,
    Failure,
    Frame,
    LinkButton,
    LogPiece,
    Logs,
    ReportChunk,
    Span,
    TimelineSpans,
    ToPage,
    Variable,
)
from ..models.events import ErrorRecord, StoredLiterals
from ..models.previews import MOST_COLUMNS, FramePreview
from ..remote.previews import previewed_inputs, previewed_outputs
from ..remote.timeline import timeline_of
from .live_picture import LivePicture

MAX_VALUE = 2_000
MAX_LOG = 400_000
MAX_REPORT = 8_000_000
MAX_SPANS = 2_000


class Inspector:
    """Details of the action that a page has selected, and what of its log and report the page has.

    Parameters
    ----------
    picture : LivePicture
    action : str
    """

    def __init__(self, picture: LivePicture, action: str) -> None:
        self._picture = picture
        self.action = action
        self._details: Details | None = None
        self._log_read_up_to = 0
        self._log_pieces = 0
        self._cut = False
        self._report_pieces: dict[str, list[StoredLiterals]] = {}
        self._too_large: set[str] = set()

    def news(self) -> list[ToPage]:
        """What the page does not have yet."""
        view = self._picture.tree.view.actions.get(self.action)
        if view is None:
            return []
        messages: list[ToPage] = []
        details = self._describe(view)
        if details != self._details:
            self._details = details
            messages.append(details)
        messages += self._log_news()
        messages += self._report_news(view)
        return messages

    def _describe(self, view: ActionView) -> Details:
        history = self._picture.history
        begin = self._picture.tree.view.started
        zero = begin.at if begin is not None else 0.0
        return Details(
            action=view.name,
            task=view.task,
            placement=view.placement,
            inputs=_variables(lambda: previewed_inputs(view.inputs, view.task, history.store())),
            outputs=_variables(lambda: previewed_outputs(view.outputs, view.task, history.store()))
            if view.outputs is not None
            else [],
            attempts=[
                Attempt(
                    attempt.number, _ms(attempt.started_at, zero), _ms(attempt.ended_at, zero), _failure(attempt.error)
                )
                for attempt in view.attempts
            ],
            links=[LinkButton(link.name, link.uri, link.error) for link in view.links],
            tabs=list(view.tabs),
            notes=_notes(view),
            failure=_failure(view.error),
            can_abort=not view.phase.is_terminal and not self._picture.ended,
        )

    def _log_news(self) -> list[ToPage]:
        lines, self._log_read_up_to, cut = self._picture.history.runtime.reader.newest_logs(
            self._picture.name, self.action, after=self._log_read_up_to, characters=MAX_LOG
        )
        if not lines:
            return []
        first = 0 if cut else self._log_pieces
        self._log_pieces = first + len(lines)
        self._cut = self._cut or cut
        pieces = [LogPiece(round(line.at * 1000), line.stream, line.text[-MAX_LOG:]) for line in lines]
        return [Logs(self.action, first, pieces, self._cut)]

    def _report_news(self, view: ActionView) -> list[ToPage]:
        store = self._picture.history.store()
        messages: list[ToPage] = []
        for tab, pieces in view.tabs.items():
            sent = self._report_pieces.get(tab, [])
            appended = pieces[: len(sent)] == sent
            fresh = pieces[len(sent) :] if appended else pieces
            if not fresh:
                continue
            self._report_pieces[tab] = list(pieces)
            size = sum(piece.size_bytes if piece.inline is None else len(piece.inline) for piece in pieces)
            if size > MAX_REPORT:
                if tab not in self._too_large:
                    messages.append(ReportChunk(self.action, tab, True, _too_large(size)))
                self._too_large.add(tab)
                continue
            if tab in self._too_large:
                self._too_large.discard(tab)
                appended, fresh = False, pieces
            content = "".join(
                (
                    piece.inline if piece.inline is not None else store.get_nowait(piece.uri, checksum=piece.checksum)
                ).decode()
                for piece in fresh
            )
            messages.append(ReportChunk(self.action, tab, not appended or not sent, content))
        return messages


def timeline_message(picture: LivePicture) -> TimelineSpans:
    """What ran when."""
    spans = timeline_of(picture.tree.view)
    drawn = [
        Span(
            span.action,
            span.label,
            span.depth,
            round(span.start_s * 1000),
            round(span.end_s * 1000),
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


def _variables(read: object) -> list[Variable]:
    try:
        values = read()  # type: ignore[operator]
    except Exception as error:
        return [Variable("?", f"cannot be read here: {type(error).__name__}: {error}"[:MAX_VALUE])]
    described = []
    for name, value in values.items():
        text = repr(value)
        frame = _frame(value) if isinstance(value, FramePreview) else None
        described.append(Variable(name, text[:MAX_VALUE], len(text) > MAX_VALUE, frame))
    return described


def _frame(preview: FramePreview) -> Frame:
    columns = [list(column) for column in preview.columns[:MOST_COLUMNS]]
    return Frame(preview.shape, columns, preview.rows)


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
        notes.append(f"held the event loop for {view.stalled_s:.1f} s; nothing else could run meanwhile")
    notes += [f"{key}: {value}" for key, value in {**view.resources, **view.options}.items()]
    return notes


def _ms(at: float | None, zero: float) -> int:
    return -1 if at is None else round((at - zero) * 1000)
