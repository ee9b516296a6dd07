"""Where runs are read from: the records of a home, in a process that runs tasks or in one that only looks."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Coroutine
from typing import Any, Protocol, TypeVar

from .._journal import Home, JournalReader, Mailbox
from ..storage import Store, open_store

T = TypeVar("T")


class Records(Protocol):
    """What a follower needs of a home.

    Attributes
    ----------
    loads_values : bool
        Whether stored values may be loaded into this process, with the code they bring; else they are described.
    """

    @property
    def loads_values(self) -> bool: ...
    @property
    def reader(self) -> JournalReader: ...
    @property
    def mailbox(self) -> Mailbox: ...
    @property
    def is_busy(self) -> bool:
        """Whether runs live in this process, which then should not be held up."""

    def open_store(self, raw_data_path: str) -> Store:
        """The store of a run with that raw data path."""

    def drives(self, run: str) -> bool:
        """Whether the run lives in this process."""

    def commit(self, run: str, *, logs: bool = False) -> None:
        """Write what this process still holds of a run; with `logs` also what was printed."""

    def finish(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """The result of a conversion that needs a loop."""


class Archive:
    """A home in a process that runs nothing: it reads the journal and posts requests.

    Parameters
    ----------
    home : Home
    """

    loads_values = False
    is_busy = False

    def __init__(self, home: Home) -> None:
        self.home = home
        self._reader = JournalReader(home.journal_path)
        self._lock = threading.Lock()
        self._mailbox: Mailbox | None = None
        self._file: tuple[int, int] | None = None

    @property
    def reader(self) -> JournalReader:
        """Reads the journal that is there now, also where another one has taken its place."""
        with self._lock:
            self._leave_one_that_was_replaced()
            return self._reader

    @property
    def mailbox(self) -> Mailbox:
        """Opened with the first request, so that looking alone writes nothing."""
        with self._lock:
            self._leave_one_that_was_replaced()
            if self._mailbox is None:
                self._mailbox = Mailbox(self.home.journal_path)
            return self._mailbox

    def version(self) -> object:
        """Differs whenever something was written since the last call."""
        reader = self.reader
        return self._file, reader.data_version()

    def open_store(self, raw_data_path: str) -> Store:
        """The store of a run with that raw data path; an empty one is the home's own."""
        return open_store(raw_data_path or self.home.store_path)

    def drives(self, run: str) -> bool:
        """Never: nothing runs here."""
        return False

    def commit(self, run: str, *, logs: bool = False) -> None:
        """Nothing: there is nothing that was not written."""

    def finish(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """The result of a conversion, on a loop of its own."""
        return asyncio.run(coroutine)

    def close(self) -> None:
        """Close the files."""
        with self._lock:
            self._close()

    def _close(self) -> None:
        self._reader.close()
        if self._mailbox is not None:
            self._mailbox.close()
            self._mailbox = None

    def _leave_one_that_was_replaced(self) -> None:
        """What is open stays the file that it was, also after somebody moved it away."""
        try:
            found = os.stat(self.home.journal_path)
            file = (found.st_dev, found.st_ino)
        except OSError:
            file = None
        if self._file not in (None, file):
            self._close()
        self._file = file
