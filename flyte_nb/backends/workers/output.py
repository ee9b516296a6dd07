"""What a task in a worker prints and logs goes to the kernel, in order.

A line goes at once, so that the last ones are there when the process dies; only when there are very many do they
travel together.
"""

from __future__ import annotations

import io
import logging
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

from . import messages as say

LINES_AT_ONCE = 50
WINDOW_S = 0.05
CHUNK_CHARACTERS = 16 * 1024
LONGEST_PIECE = 2**20


class Output:
    """Text on its way to the kernel.

    Attributes
    ----------
    active : bool
        Whether an attempt runs; what is written between attempts belongs to none and is dropped.
    """

    def __init__(self, send: Callable[[Any], None]) -> None:
        self.active = False
        self.begin_anew(send)

    def begin_anew(self, send: Callable[[Any], None]) -> None:
        """Forget what has not been sent, whoever was about to, and send by `send` from now on."""
        self._send = send
        self._lock = threading.RLock()
        self._stream = ""
        self._texts: list[str] = []
        self._characters = 0
        self._window = 0.0
        self._sent = 0
        self._waiting: threading.Event | None = None

    def write(self, stream: str, text: str) -> None:
        """Add text; whole lines are sent."""
        with self._lock:
            if not self.active:
                return
            if stream != self._stream:
                self.flush(rest=True)
                self._stream = stream
            self._texts.append(text)
            self._characters += len(text)
            if "\n" not in text and self._characters < CHUNK_CHARACTERS:
                return
            now = time.monotonic()
            if now - self._window > WINDOW_S:
                self._window, self._sent = now, 0
            self._sent += 1
            if self._sent <= LINES_AT_ONCE or self._characters >= CHUNK_CHARACTERS:
                self.flush(rest=self._characters >= CHUNK_CHARACTERS)
            else:
                self._flush_soon()

    def log(self, record: logging.LogRecord, text: str) -> None:
        """Send a record of `logging`."""
        with self._lock:
            if self.active:
                self.flush(rest=True)
                if len(text) > LONGEST_PIECE:
                    text = f"{text[:LONGEST_PIECE]} ... {len(text) - LONGEST_PIECE:,} characters more"
                self._send(say.Logged(record.name, record.levelno, text))

    def flush(self, *, rest: bool = False) -> None:
        """Send the whole lines there are; with `rest` also a last line without its end."""
        if not self._texts:
            return
        with self._lock:
            text = "".join(self._texts)
            whole = text if rest else text[: text.rfind("\n") + 1]
            left = text[len(whole) :]
            self._texts = [left] if left else []
            self._characters = len(left)
            for start in range(0, len(whole), LONGEST_PIECE):
                self._send(say.Printed(self._stream, whole[start : start + LONGEST_PIECE]))

    def set_levels(self, levels: dict[str, int]) -> None:
        """Give loggers the levels that they have in the kernel."""
        for name, level in levels.items():
            logging.getLogger(name or None).setLevel(level)

    def _flush_soon(self) -> None:
        if self._waiting is None:
            self._waiting = threading.Event()
            threading.Thread(target=self._flush_when_waiting, name="flyte_nb-output", daemon=True).start()
        self._waiting.set()

    def _flush_when_waiting(self) -> None:
        assert self._waiting is not None
        while True:
            self._waiting.wait()
            time.sleep(WINDOW_S)
            self._waiting.clear()
            self.flush()


class _Stream(io.TextIOBase):
    """`sys.stdout` or `sys.stderr` of a worker."""

    encoding = "utf-8"
    errors = "backslashreplace"

    def __init__(self, output: Output, name: str, number: int) -> None:
        self._output = output
        self._number = number
        self.name = f"<{name}>"
        self.stream = name
        self.buffer = _Bytes(self)

    def write(self, text: str) -> int:
        if not isinstance(text, str):
            raise TypeError(f"write() argument must be str, not {type(text).__name__}")
        self._output.write(self.stream, text)
        return len(text)

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._number

    def isatty(self) -> bool:
        return False

    def flush(self) -> None:
        self._output.flush()

    def close(self) -> None:
        """Stay open: the next task prints here too."""


class _Bytes(io.RawIOBase):
    def __init__(self, stream: _Stream) -> None:
        self._stream = stream

    def write(self, data: Any) -> int:
        data = bytes(data)
        self._stream.write(data.decode("utf-8", "backslashreplace"))
        return len(data)

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._stream.fileno()


class _Handler(logging.Handler):
    """Sends what is logged."""

    def __init__(self, output: Output) -> None:
        super().__init__()
        self._output = output

    def emit(self, record: logging.LogRecord) -> None:
        try:
            self._output.log(record, self.format(record))
        except Exception:
            self.handleError(record)


def capture_output(output: Output) -> None:
    """Have all that this process prints and logs go to `output`."""
    sys.stdout = _Stream(output, "stdout", 1)
    sys.stderr = _Stream(output, "stderr", 2)
    logging.getLogger().addHandler(_Handler(output))
