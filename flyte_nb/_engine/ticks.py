"""Wait for the journal: one commit for all that finished in a tick of the loop.

Commits happen on the thread that runs the loop; a hop to a writer thread would cost ten times the commit.
"""

from __future__ import annotations

import asyncio
import contextlib
import time

from ..errors import JournalWriteError, RunTakenOverError
from .ports import EventLog, Journal

RETRY_S = 0.01
MOST_QUEUED_BYTES = 16 * 2**20


class TickCommits:
    """Commits of one run for one loop. They are the whole process's: what other runs have queued goes along.

    While another process holds the journal the loop goes on, and whoever waits for a commit goes on waiting.
    """

    __slots__ = ("_held_since", "_journal", "_log", "_loop", "_scheduled", "_waiting")

    def __init__(self, loop: asyncio.AbstractEventLoop, journal: Journal, log: EventLog) -> None:
        self._loop = loop
        self._journal = journal
        self._log = log
        self._waiting: list[asyncio.Future[None]] = []
        self._scheduled = False
        self._held_since: float | None = None

    @property
    def is_held(self) -> bool:
        """Whether another process keeps it from committing."""
        return self._held_since is not None

    def committed(self) -> asyncio.Future[None]:
        """A future that is done once all that the run has appended so far is durable.

        It fails with `JournalWriteError`; with `RunTakenOverError` if it never will be.
        """
        future = self._loop.create_future()
        self._waiting.append(future)
        self.soon()
        return future

    def committed_at_once(self) -> bool:
        """Commit now if nothing else can finish in this tick; whether all that was appended so far is durable.

        Errors as `committed`. For code that has waited before, because it goes on without letting others do so.
        """
        # What the loop does next. This is private to asyncio's own loops: another kind of loop, or another version of
        # Python, may not have it. Then the end waits for the commit of the tick, which is slower and as safe.
        ready = getattr(self._loop, "_ready", True)
        if ready or self._waiting:
            return False
        return self._may_have_committed()

    def soon(self) -> None:
        """Commit at the end of this tick."""
        if not self._scheduled:
            self._scheduled = True
            self._loop.call_soon(self._commit)

    def relieve(self) -> None:
        """Commit now if very much is queued: one tick may make very many calls, and none of them waits for it."""
        if self._log.queued_bytes > MOST_QUEUED_BYTES:
            with contextlib.suppress(JournalWriteError, RunTakenOverError):  # who waits for a commit is told
                commit(self._journal, self._log)

    def _commit(self) -> None:
        self._scheduled = False
        waiting, self._waiting = self._waiting, []
        try:
            done = self._may_have_committed()
        except Exception as error:
            for future in waiting:
                if not future.done():
                    future.set_exception(error)
        except BaseException:  # an interrupt: the rows are queued still
            self._waiting[:0] = waiting
            self.soon()
            raise
        else:
            if not done:
                self._waiting[:0] = waiting
                self._scheduled = True
                self._loop.call_later(RETRY_S, self._commit)
                return
            for future in waiting:
                if not future.done():
                    future.set_result(None)

    def _may_have_committed(self) -> bool:
        """Commit; False while another process holds the journal, an error when it has done so for too long."""
        try:
            commit(self._journal, self._log)
        except JournalWriteError as error:
            if error.is_held:
                now = time.monotonic()
                if self._held_since is None:
                    self._held_since = now
                if now - self._held_since < self._journal.patience_s:
                    return False
            self._held_since = None
            raise
        self._held_since = None
        return True


def commit(journal: Journal, log: EventLog) -> None:
    """Make durable what a run has appended, without waiting for another process.

    Raises
    ------
    JournalWriteError
        If that cannot be done now; it `is_held` while another process writes.
    RunTakenOverError
        If somebody else writes the run.
    """
    journal.flush(0)
    if log.lost is not None:
        raise log.lost.with_traceback(None)
