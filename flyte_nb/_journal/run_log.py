"""What the owner of one run appends, and keeps until it is committed."""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections.abc import Callable

from ..errors import JournalCorruptionError, RunTakenOverError
from ..models.events import AnyEvent, LogLine, RunEnded
from ..models.records import Request
from . import codec

Row = tuple[int, int, bytes, int]
"""Run, number, body and checksum, as the tables have them."""

LastWord = Callable[[Request], "str | None"]
"""What becomes of a request that is open when its run ends; None leaves it open for a resumed run."""


class Batch:
    """What a run has appended since its last commit.

    Attributes
    ----------
    events, logs : list of rows
    size_bytes : int
        Of the events.
    outcomes : list of tuple
        What became of requests, and their numbers.
    end : RunEnded or None
        The last of its events, where it is among them.
    last_word : callable or None
        Goes with `end`.
    was_tried : bool
        A commit of it failed or was struck, and nobody knows whether before or after it was done.
    """

    __slots__ = ("end", "events", "last_word", "logs", "outcomes", "size_bytes", "was_tried")

    def __init__(self) -> None:
        self.events: list[Row] = []
        self.logs: list[Row] = []
        self.size_bytes: int = 0
        self.outcomes: list[tuple[str, int]] = []
        self.end: RunEnded | None = None
        self.last_word: LastWord | None = None
        self.was_tried: bool = False

    def before(self, later: Batch) -> Batch:
        """Put what was appended meanwhile after this one."""
        self.events += later.events
        self.logs += later.logs
        self.size_bytes += later.size_bytes
        self.outcomes += later.outcomes
        self.end = self.end or later.end
        self.last_word = self.last_word or later.last_word
        self.was_tried = True
        return self

    def drop_up_to(self, seq: int) -> None:
        """Forget what has a number that is committed."""
        self.events = [row for row in self.events if row[1] > seq]
        self.logs = [row for row in self.logs if row[1] > seq]

    def body_of(self, seq: int) -> tuple[bytes, int] | None:
        """Body and checksum of an event in it."""
        place = bisect_left(self.events, seq, key=lambda row: row[1])
        if place < len(self.events) and self.events[place][1] == seq:
            return self.events[place][2:]
        return None


class RunLog:
    """The events of one run, as its owner appends them; any thread may.

    Parameters
    ----------
    waiting : dict
        The writer's logs that have something to commit, in order; this one enters itself.
    lock : Lock
        Guards that and every batch.
    read : callable
        Gives body and checksum of an event that is committed, by the log and its number, or None; with True it waits
        for a commit that is going on.
    fence : int
        What must stand beside the run in the journal, or this process writes it no more.

    Attributes
    ----------
    lost : RunTakenOverError or None
        Why it writes it no more; what is appended after that goes nowhere.
    when_lost : callable or None
        Called with that error, once, on the thread whose commit found out.
    """

    __slots__ = ("_lock", "_read", "_waiting", "batch", "fence", "lost", "name", "next_seq", "run_id", "when_lost")

    def __init__(
        self,
        waiting: dict[RunLog, None],
        lock: threading.Lock,
        read: Callable[[RunLog, int, bool], tuple[bytes, int] | None],
        *,
        run_id: int,
        name: str,
        next_seq: int,
        fence: int,
    ) -> None:
        self._waiting = waiting
        self._lock = lock
        self._read = read
        self.run_id: int = run_id
        self.name: str = name
        self.next_seq: int = next_seq
        self.fence: int = fence
        self.batch: Batch = Batch()
        self.lost: RunTakenOverError | None = None
        self.when_lost: Callable[[RunTakenOverError], None] | None = None

    @property
    def queued_bytes(self) -> int:
        """Of events that wait for a flush."""
        return self.batch.size_bytes

    def append(self, event: AnyEvent) -> None:
        """Queue `event`; it is durable after the writer's next flush."""
        self.append_numbered(event)

    def append_numbered(self, event: AnyEvent) -> int:
        """As `append`; gives its number."""
        body = codec.encode(event)
        crc = codec.checksum(body)
        with self._lock:
            seq = self._next()
            batch = self.batch
            batch.events.append((self.run_id, seq, body, crc))
            batch.size_bytes += len(body)
            return seq

    def read_back(self, number: int) -> AnyEvent:
        """The event of that number, queued or committed.

        Raises
        ------
        RunTakenOverError
            If somebody else writes the run; under that number he may have written something else.
        """
        for waits in (False, True):
            with self._lock:
                found = self.batch.body_of(number)
            found = found or self._read(self, number, waits)
            if self.lost is not None:
                raise self.lost.with_traceback(None)
            if found is not None:
                return codec.decode_row((number, *found), self.name)
        raise JournalCorruptionError(f"Event {number} of run {self.name!r} is missing. Run `flyte-nb doctor`.")

    def settle(self, request_id: int, outcome: str, event: AnyEvent | None = None) -> None:
        """Queue what became of a request, and the event that tells of it: one is not committed without the other."""
        body = codec.encode(event) if event is not None else None
        with self._lock:
            self._wait_for_commit()
            self.batch.outcomes.append((outcome, request_id))
            if body is not None:
                self.batch.events.append((self.run_id, self._next(), body, codec.checksum(body)))

    def append_line(self, line: LogLine) -> None:
        """Queue a piece of log."""
        body = codec.encode(line)
        crc = codec.checksum(body)
        with self._lock:
            self.batch.logs.append((self.run_id, self._next(), body, crc))

    def append_end(self, ended: RunEnded, last_word: LastWord) -> None:
        """Queue the run's last event; `last_word` is asked for what is open when that is committed."""
        self.append(ended)
        with self._lock:
            self.batch.end, self.batch.last_word = ended, last_word

    def take(self, batches: dict[RunLog, Batch]) -> None:
        """Move what is queued into `batches`; called with the lock held."""
        batches[self] = self.batch
        self.batch = Batch()

    def give_back(self, batch: Batch) -> None:
        """Undo `take`, however far it came; called with the lock held."""
        if batch is not self.batch:
            self.batch = batch.before(self.batch)
        self._waiting[self] = None

    def lose(self, error: RunTakenOverError) -> None:
        """Somebody else writes the run from now on."""
        with self._lock:
            self.lost = error
            self.batch = Batch()
            self._waiting.pop(self, None)
        if self.when_lost is not None:
            self.when_lost(error)

    def _wait_for_commit(self) -> None:
        if self.lost is None:
            self._waiting[self] = None

    def _next(self) -> int:
        self._wait_for_commit()
        self.next_seq = (seq := self.next_seq) + 1
        return seq
