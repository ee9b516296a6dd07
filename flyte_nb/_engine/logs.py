"""What a task prints or logs is stored with its action, and still shows where it would have shown.

While a run lives, `sys.stdout` and `sys.stderr` are covered by a thin layer that looks up whose code is
writing; a handler on the root logger does the same for `logging`.
"""

from __future__ import annotations

import logging
import sys
import threading
import time
from collections.abc import Iterable
from contextlib import nullcontext, suppress
from typing import Any, TextIO

from ..models.events import LogLine
from ..models.text import writable
from .caller import Caller
from .scope import current_scope

CHUNK_CHARACTERS = 8 * 1024
LONGEST_LINE = 256 * 1024
LONGEST_PIECE = 2**20
MOST_KEPT_CHARACTERS = 64 * 2**20
MOST_SHOWN_CHARACTERS = 2**20

_EMIT_CODE = logging.StreamHandler.emit.__code__


class ActionLog:
    """Text of one action on its way to the journal, in chunks of whole lines.

    A line beyond `LONGEST_LINE` goes in pieces: to look for its end again and again would take longer than it. Of what
    an attempt prints so much is kept as `MOST_KEPT_CHARACTERS` says, and how much more it was.
    """

    __slots__ = (
        "_action",
        "_characters",
        "_has_line",
        "_kept",
        "_left_out",
        "_lock",
        "_shown",
        "_since",
        "_stream",
        "_texts",
    )

    def __init__(self, action: Caller) -> None:
        self._action = action
        self._lock = threading.Lock()
        self._stream = ""
        self._texts: list[str] = []
        self._characters = 0
        self._has_line = False
        self._kept = 0
        self._left_out = 0
        self._shown = 0
        self._since = 0.0

    def write(self, stream: str, text: str) -> None:
        """Add `text`; it is queued for the journal within 50 ms, or at once when there is much of it."""
        if not text:
            return
        with self._lock:
            if self._kept + len(text) > MOST_KEPT_CHARACTERS:
                self._left_out += self._kept + len(text) - MOST_KEPT_CHARACTERS
                text = text[: MOST_KEPT_CHARACTERS - self._kept]
                if not text:
                    return
            self._kept += len(text)
            if self._texts and (stream != self._stream or self._characters > CHUNK_CHARACTERS):
                self._queue(rest=stream != self._stream)
            if not self._texts:
                self._since = time.time()
                self._action.run.dirty_logs.add(self)
            self._stream = stream
            self._texts.append(text)
            self._characters += len(text)
            self._has_line = self._has_line or "\n" in text

    def shown_of(self, text: str) -> str:
        """What of `text` is shown where it was printed: a page that gets a million lines does not answer any more."""
        with self._lock:
            before, self._shown = self._shown, self._shown + len(text)
        if before + len(text) <= MOST_SHOWN_CHARACTERS:
            return text
        if before > MOST_SHOWN_CHARACTERS:
            return ""
        where = f"flyte.Run.get({self._action.run.name!r}).get_logs({self._action.name!r})"
        note = f"\n... What this action prints from here on is in its log only: {where}\n"
        return text[: MOST_SHOWN_CHARACTERS - before] + note

    def flush(self, *, rest: bool = False) -> None:
        """Queue the whole lines there are; with `rest` also a last line without its end."""
        with self._lock:
            self._queue(rest=rest)

    def leave_out(self, characters: int) -> None:
        """So many more were printed, and did not even come here."""
        with self._lock:
            self._left_out += characters

    def end_attempt(self) -> None:
        """Queue all there is, and say how much was left out."""
        with self._lock:
            self._queue(rest=True)
            left_out, self._left_out, self._kept = self._left_out, 0, 0
            if left_out:
                self._since = time.time()
                self._append("stderr", f"{left_out:,} characters more were printed, and are not kept.\n")

    def _queue(self, *, rest: bool) -> None:
        if not self._has_line:
            if not rest and self._characters < LONGEST_LINE:
                return
            rest = True
        text = "".join(self._texts)
        whole = text if rest else text[: text.rfind("\n") + 1]
        left = text[len(whole) :]
        self._texts = [left] if left else []
        self._characters = len(left)
        self._has_line = False
        if not left:
            self._action.run.dirty_logs.discard(self)
        for start in range(0, len(whole), LONGEST_PIECE):
            self._append(self._stream, whole[start : start + LONGEST_PIECE])
        if whole:
            self._since = time.time()

    def _append(self, stream: str, text: str) -> None:
        self._action.run.log.append_line(LogLine(self._since, self._action.name, stream, text))


def log_of(action: Caller) -> ActionLog:
    """The log of `action`, made on first use."""
    if action.log is None:
        action.log = ActionLog(action)
    return action.log


class _CoveredStream:
    """A text stream that also records what a task writes; in all else it is the stream it covers."""

    def __init__(self, covered: TextIO, name: str) -> None:
        self._covered = covered
        self._name = name
        self.shows_all = True

    def write(self, text: str) -> int:
        scope = current_scope()
        if scope is None:
            return self._covered.write(text)
        log = log_of(scope.action)
        written, text = len(text), writable(text)
        if sys._getframe(1).f_code is not _EMIT_CODE:
            log.write(self._name, text)
        with suppress(BrokenPipeError):  # as below `| head`: nobody reads it here any more, and it is recorded
            self._covered.write(text if self.shows_all else log.shown_of(text))
        return written

    def flush(self) -> None:
        with suppress(BrokenPipeError) if current_scope() is not None else nullcontext():
            self._covered.flush()

    def writelines(self, lines: Iterable[str]) -> None:
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._covered, name)

    def __iter__(self) -> Any:
        return iter(self._covered)


_covers: dict[int, _CoveredStream] = {}


def _cover_of(stream: TextIO, name: str) -> _CoveredStream:
    """The cover of a stream, made once and never let go.

    `print` borrows `sys.stdout` without holding on to it: a cover that another thread takes away, and that nobody else
    keeps, would be freed under its feet.
    """
    found = _covers.get(id(stream))
    if found is None:
        found = _covers[id(stream)] = _CoveredStream(stream, name)
    return found


class _RecordingHandler(logging.Handler):
    """Records what a task logs."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            scope = current_scope()
            if scope is not None:
                log_of(scope.action).write(record.levelname.lower(), self.format(record) + "\n")
            if logging.lastResort is not None and record.levelno >= logging.lastResort.level and self._is_alone(record):
                logging.lastResort.handle(record)
        except Exception:
            self.handleError(record)

    def _is_alone(self, record: logging.LogRecord) -> bool:
        """Whether without this handler logging would have fallen back to its handler of last resort."""
        place: logging.Logger | None = logging.getLogger(record.name)
        while place is not None:
            if any(handler is not self for handler in place.handlers):
                return False
            place = place.parent if place.propagate else None
        return True


class LogCapture:
    """Covers the process's streams while at least one run lives.

    Parameters
    ----------
    shows_all : bool
        Whether all that is printed is shown where it was, or `MOST_SHOWN_CHARACTERS` of each action.
    """

    def __init__(self, *, shows_all: bool) -> None:
        self._shows_all = shows_all
        self._lock = threading.Lock()
        self._users = 0
        self._handler = _RecordingHandler()
        self._handler.setFormatter(logging.Formatter("%(name)s: %(message)s"))

    def begin(self) -> None:
        """Cover the streams if nobody has; also when somebody put new ones there meanwhile."""
        with self._lock:
            self._users += 1
            for name in ("stdout", "stderr"):
                stream = getattr(sys, name)
                if stream is not None and not isinstance(stream, _CoveredStream):
                    cover = _cover_of(stream, name)
                    cover.shows_all = self._shows_all
                    setattr(sys, name, cover)
            root = logging.getLogger()
            if self._handler not in root.handlers:
                root.addHandler(self._handler)

    def end(self) -> None:
        """Undo one `begin`; the last one uncovers the streams."""
        with self._lock:
            self._users -= 1
            if self._users:
                return
            for name in ("stdout", "stderr"):
                stream = getattr(sys, name)
                if isinstance(stream, _CoveredStream):
                    setattr(sys, name, stream._covered)
            logging.getLogger().removeHandler(self._handler)
