"""Wait for the journal: one commit for all that finished in a tick of the loop.

Commits happen on the thread that runs the loop; a hop to a writer thread would cost ten times the commit.
"""

from __future__ import annotations

import asyncio
from weakref import WeakKeyDictionary

from .ports import Journal


class TickCommits:
    """Commits for one loop."""

    __slots__ = ("_journal", "_loop", "_scheduled", "_waiting")

    def __init__(self, loop: asyncio.AbstractEventLoop, journal: Journal) -> None:
        self._loop = loop
        self._journal = journal
        self._waiting: list[asyncio.Future[None]] = []
        self._scheduled = False

    def committed(self) -> asyncio.Future[None]:
        """A future that is done once all that was appended so far is durable."""
        future = self._loop.create_future()
        self._waiting.append(future)
        self.soon()
        return future

    def soon(self) -> None:
        """Commit at the end of this tick."""
        if not self._scheduled:
            self._scheduled = True
            self._loop.call_soon(self._commit)

    def _commit(self) -> None:
        self._scheduled = False
        waiting, self._waiting = self._waiting, []
        try:
            self._journal.flush()
        except Exception as error:
            for future in waiting:
                if not future.done():
                    future.set_exception(error)
        except BaseException:  # an interrupt: the rows are queued still
            self._waiting[:0] = waiting
            self.soon()
            raise
        else:
            for future in waiting:
                if not future.done():
                    future.set_result(None)


_by_loop: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[int, TickCommits]] = WeakKeyDictionary()


def commits_of(loop: asyncio.AbstractEventLoop, journal: Journal) -> TickCommits:
    """The commits of `loop`, made on first use."""
    of_loop = _by_loop.setdefault(loop, {})
    found = of_loop.get(id(journal))
    if found is None or found._journal is not journal:
        found = of_loop[id(journal)] = TickCommits(loop, journal)
    return found
