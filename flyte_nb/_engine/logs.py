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
from typing import Any, TextIO

from ..models.events import LogLine
from .caller import Caller
from .scope import current_scope

CHUNK_CHARACTERS = 8 * 1024

_EMIT_CODE = logging.StreamHandler.emit.__code__


class ActionLog:
    """Text of one action on its way to the journal, in chunks of whole lines."""

    __slots__ = ("_action", "_characters", "_lock", "_since", "_stream", "_texts")

    def __init__(self, action: Caller) -> None:
        self._action = action
        self._lock = threading.Lock()
        self._stream = ""
        self._texts: list[str] = []
        self._characters = 0
        self._since = 0.0

    def write(self, stream: str, text: str) -> None:
        """Add `text`; it is queued for the journal within 50 ms, or at once when there is much of it."""
        if not text:
            return
        with self._lock:
            if self._texts and (stream != self._stream or self._characters > CHUNK_CHARACTERS):
                self._queue(rest=stream != self._stream)
            if not self._texts:
                self._since = time.time()
                self._action.run.dirty_logs.add(self)
            self._stream = stream
            self._texts.append(text)
            self._characters += len(text)

    def flush(self, *, rest: bool = False) -> None:
        """Queue the whole lines there are; with `rest` also a last line without its end."""
        with self._lock:
            self._queue(rest=rest)

    def _queue(self, *, rest: bool) -> None:
        text = "".join(self._texts)
        whole = text if rest else text[: text.rfind("\n") + 1]
        left = text[len(whole) :]
        self._texts = [left] if left else []
        self._characters = len(left)
        if not left:
            self._action.run.dirty_logs.discard(self)
        if whole:
            self._action.run.log.append_line(LogLine(self._since, self._action.name, self._stream, whole))
            self._since = time.time()


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

    def write(self, text: str) -> int:
        scope = current_scope()
        if scope is not None and sys._getframe(1).f_code is not _EMIT_CODE:
            log_of(scope.action).write(self._name, text)
        return self._covered.write(text)

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
    """Covers the process's streams while at least one run lives."""

    def __init__(self) -> None:
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
                    setattr(sys, name, _cover_of(stream, name))
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
