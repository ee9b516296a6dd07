"""What a container, or the engine for it, prints: into the action's log, to the cell, and the end of it kept."""

from __future__ import annotations

import contextvars
import sys
import threading
from typing import TextIO

from ..._engine.logs import log_of
from ..._engine.scope import current_scope

KEPT_CHARACTERS = 8_000
SHOWN_LINES = 10


class Tail:
    """The end of a text that comes in pieces from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._text = ""

    def add(self, text: str) -> None:
        """Take the next piece."""
        with self._lock:
            self._text = (self._text + text)[-KEPT_CHARACTERS:]

    def lines(self) -> list[str]:
        """The last lines."""
        with self._lock:
            return self._text.rstrip().splitlines()[-SHOWN_LINES:]


class ContainerOutput:
    """Takes text from any thread that runs in a copy of the maker's context.

    Parameters
    ----------
    shown : bool
        Whether it also appears in the cell, or on the terminal.

    Attributes
    ----------
    tail : Tail
        What the container itself printed last.
    """

    def __init__(self, *, shown: bool) -> None:
        scope = current_scope()
        self._log = log_of(scope.action) if scope is not None else None
        self._shown = shown
        self.tail: Tail = Tail()

    def write(self, stream: str, text: str) -> None:
        """Text of the container; `stream` is ``"stdout"`` or ``"stderr"``."""
        self.tail.add(text)
        self._pass_on(stream, text)

    def tell(self, text: str) -> None:
        """Text about the container."""
        self._pass_on("stderr", text)

    def _pass_on(self, stream: str, text: str) -> None:
        if self._shown:
            self._show(getattr(sys, stream), text)
        elif self._log is not None:
            self._log.write(stream, text)

    def _show(self, stream: TextIO, text: str) -> None:
        try:
            stream.write(text)  # covered while a run lives, so it is recorded too
        except UnicodeEncodeError as error:
            # Recorded it is; outside the run's context it is not recorded again.
            shown = text.encode(error.encoding, "backslashreplace").decode(error.encoding)
            contextvars.Context().run(stream.write, shown)
