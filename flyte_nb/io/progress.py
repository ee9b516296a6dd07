"""How far a copy is: a line that moves where somebody watches; in a task, its row and lines in its log."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from contextvars import copy_context
from functools import cache
from typing import Any, TypeVar

from ..storage.local_copy import Told, told_nobody
from .places import in_task, tell_progress

R = TypeVar("R")

FOLLOWED_FROM_BYTES = 64 * 2**20
FIRST_AFTER_S = 1.0
LINE_EVERY_S = 5.0
MOVE_EVERY_S = 0.25


class Progress:
    """Counts what is done and shows it on standard error; what takes less than a second is not worth a word.

    Call `show` from the thread that was asked for the transfer: that is how a line finds its action.

    Parameters
    ----------
    title : str
        What is going on, for instance "Uploading pictures".
    files : int
        How many there are; not shown if it is 1.
    size_bytes : callable
        How much there is, asked when it is shown first.
    """

    def __init__(self, title: str, files: int, size_bytes: Callable[[], int]) -> None:
        self._title, self._files, self._size_bytes = title, files, cache(size_bytes)
        self._done_files = self._done_bytes = 0
        self._lock = threading.Lock()
        self._is_stopped = False
        self._moves = not in_task() and _is_watched(sys.stderr)
        self._next_at = time.monotonic() + FIRST_AFTER_S
        self._shown_characters = 0

    def add_files(self, count: int, size_bytes: int = 0) -> None:
        """Count files that are done, on any thread, and those of their bytes that were not counted yet.

        Raises
        ------
        InterruptedError
            If nobody waits for the copy any more.
        """
        self._add(count, size_bytes)

    def add_bytes(self, count: int) -> None:
        """Count bytes that are done, on any thread.

        Raises
        ------
        InterruptedError
            If nobody waits for the copy any more.
        """
        self._add(0, count)

    def _add(self, files: int, size_bytes: int) -> None:
        if self._is_stopped:
            raise InterruptedError("the copy was stopped, because nobody waits for it any more")
        with self._lock:
            self._done_files += files
            self._done_bytes += size_bytes

    def stop(self) -> None:
        """End the copy the next time that it tells how far it is."""
        self._is_stopped = True

    def show(self) -> None:
        """Say how far it is, if it is time to."""
        now = time.monotonic()
        if now < self._next_at:
            return
        self._next_at = now + (MOVE_EVERY_S if self._moves else LINE_EVERY_S)
        self._write(str(self))

    def end(self) -> None:
        """Leave the last word in the log, and nothing on a screen."""
        if self._moves and self._shown_characters:
            sys.stderr.write(f"\r{' ' * self._shown_characters}\r")
            sys.stderr.flush()
        elif self._shown_characters:
            self._write(str(self))
            tell_progress("")

    def _write(self, text: str) -> None:
        if self._moves:
            sys.stderr.write("\r" + text.ljust(self._shown_characters))
            sys.stderr.flush()
        else:
            print(text, file=sys.stderr)
            tell_progress(f"{self._title}: {self._percent()} %")
        self._shown_characters = len(text)

    def _percent(self) -> int:
        """By bytes, where there are any; what is tried again was told before, and counts once."""
        done, of = (self._done_bytes, self._size_bytes()) if self._size_bytes() else (self._done_files, self._files)
        return min(100 * done // max(of, 1), 100)

    def __str__(self) -> str:
        files = f"{self._done_files:,} of {self._files:,} files, " if self._files != 1 else ""
        done = min(self._done_bytes, self._size_bytes())
        return f"{self._title}: {files}{_mebibytes(done)} of {_mebibytes(self._size_bytes())} MiB ({self._percent()} %)"


def followed(title: str, size_bytes: int, work: Callable[[Told], R]) -> R:
    """What `work`, the copy of one file, gives. A large one is shown while it takes long, and can be interrupted."""
    if size_bytes < FOLLOWED_FROM_BYTES:
        return work(told_nobody)
    progress = Progress(title, 1, lambda: size_bytes)
    with ThreadPoolExecutor(1, thread_name_prefix="flyte_nb-copy") as beside:
        copying = beside.submit(copy_context().run, work, progress.add_bytes)
        try:
            while wait([copying], MOVE_EVERY_S).not_done:
                progress.show()
            return copying.result()
        except BaseException:
            progress.stop()
            raise
        finally:
            progress.end()


def _is_watched(stream: Any) -> bool:
    """Whether a stream is a terminal or the output of a cell: both let a line be written over."""
    try:
        return bool(stream.isatty()) or hasattr(stream, "pub_thread")
    except Exception:
        return False


def _mebibytes(size_bytes: int) -> str:
    return f"{size_bytes / 2**20:,.1f}"
