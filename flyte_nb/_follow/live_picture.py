"""A run on the page while it lives: follows its events, sends changes to its widget, settles to a static picture.

One thread follows all pictures of a kernel. It reads the journal like any other reader, so it shows runs of other
kernels as well, and a run is never held up by whoever looks at it.
"""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Callable, Iterable, Iterator

from .._view.feed import NODES_PER_MESSAGE, Feed
from .._view.picture import picture_html, picture_text
from .._view.tree import Tree
from .._view.wire import Header, Notice, ToPage
from ..errors import RunNotFoundError
from ..models.events import AnyEvent
from ..models.phases import ActionPhase
from ..models.records import RunRecord
from ..storage import Store
from .history import RunHistory
from .pace import Clock, Pace, SystemClock

logger = logging.getLogger("flyte_nb")

HEARTBEAT_EVERY_S = 1.0
FIRST_READ_S = 0.15
READ_BESIDE_RUNS_S = 0.005
READ_ALONE_S = 0.1
ROWS_AT_A_TIME = 500
EVENTS_BETWEEN_LOOKS_AT_THE_CLOCK = 64
MOST_FAULTS = 5
LAST_CHARACTERS = 2_500


class LivePicture:
    """One run on one or more pages.

    Parameters
    ----------
    history : RunHistory
    changed : callable
        Called with the picture on the following thread when its static form has changed or is final.

    Attributes
    ----------
    behind_since : float or None
        Since when there are events that have not been taken in, by the monotonic clock.
    record : RunRecord
        How the run was recorded just before it was read last.
    faults : int
        How many rounds in a row failed.
    """

    def __init__(self, history: RunHistory, changed: Callable[[LivePicture], None]) -> None:
        self.name = history.name
        self.history = history
        self.tree = Tree(history.name)
        self.lock = threading.RLock()
        self.touched_at = time.monotonic()
        self.is_forgotten = False
        self._is_outdated = False
        self._changed = changed
        self.behind_since: float | None = None
        self.faults = 0
        self._read_up_to = 0
        self._unread: Iterator[tuple[int, AnyEvent]] | None = None
        self._phase = ActionPhase.RUNNING
        self.record: RunRecord
        self._feeds: dict[Feed, Callable[[ToPage], None]] = {}
        self._numbered_up_to = 0
        self._beat_at = 0.0
        self._read_at = 0.0
        self.read(FIRST_READ_S)

    @property
    def ended(self) -> bool:
        """Whether nothing more will happen to the run, and all that has happened is in the picture."""
        return self._phase.is_terminal and self.behind_since is None and not self._is_outdated

    def header(self) -> Header:
        """The run as a whole."""
        owned = self.history.records.drives(self.name)
        has_ended = self._phase.is_terminal
        catching_up = has_ended and self.behind_since is not None
        can_resume = has_ended and not catching_up and self._phase is not ActionPhase.SUCCEEDED
        return self.tree.header(owned_here=owned, can_resume=can_resume, catching_up=catching_up)

    def attach(self, send: Callable[[ToPage], None]) -> Feed:
        """A feed for a page that `send` reaches."""
        with self.lock:
            self._numbered_up_to = max([self._numbered_up_to, *(feed.seq for feed in self._feeds)])
            feed = Feed(self.tree, self.header, after=self._numbered_up_to)
            self._feeds[feed] = send
            return feed

    def forget(self) -> None:
        """The run was deleted: tell the pages, and show no more."""
        with self.lock:
            self.is_forgotten = True
            for send in self._feeds.values():
                send(Notice("error", f"Run {self.name} was deleted."))

    def outdate(self) -> None:
        """Something has happened to the run: the next round reads it, however soon that is."""
        self._is_outdated = True

    def detach(self, feed: Feed) -> None:
        """The page is gone."""
        with self.lock:
            if self._feeds.pop(feed, None) is not None:
                self._numbered_up_to = max(self._numbered_up_to, feed.seq)
                feed.close()

    def store(self) -> Store:
        """Where the run's large values are."""
        started = self.tree.view.started
        return self.history.records.open_store(started.raw_data_path if started is not None else "")

    @property
    def has_pages(self) -> bool:
        """Whether anybody looks."""
        return bool(self._feeds)

    def read(self, budget_s: float = math.inf) -> bool:
        """Take in what has happened since the last call, for so much processor time; whether anything has."""
        with self.lock:
            self._read_at, self._is_outdated = time.monotonic(), False
            reader, before = self.history.records.reader, self._standing()
            self._commit(wants_all=budget_s == math.inf)
            self.record = reader.run(self.name)
            phase = self.history.recorded_phase()
            self._take_in(time.thread_time() + budget_s)
            if self.behind_since is None and phase.is_terminal and not self.tree.view.phase.is_terminal:
                record = reader.run(self.name)
                if record.phase.is_terminal:
                    return True  # its last event is being committed
                self.tree.interrupted(record.heartbeat_at)
            self._phase = phase
            return self._standing() != before

    def _standing(self) -> tuple[object, ...]:
        """Differs when there is something to tell."""
        return self._read_up_to, self._phase, self.behind_since is None, self.tree.view.is_interrupted

    def _commit(self, *, wants_all: bool) -> None:
        """A run of this process commits by itself, and sooner than whoever looks could do it."""
        if wants_all or not self.history.records.drives(self.name):
            self.history.records.commit(self.name)

    def _take_in(self, until_thread_time: float) -> None:
        if self._unread is None:
            reader = self.history.records.reader
            self._unread = reader.events(self.name, self._read_up_to, at_a_time=ROWS_AT_A_TIME)
        for count, (seq, event) in enumerate(self._unread, 1):
            self.tree.apply(event)
            self._read_up_to = seq
            if count % EVENTS_BETWEEN_LOOKS_AT_THE_CLOCK == 0 and time.thread_time() > until_thread_time:
                self.behind_since = self.behind_since or time.monotonic()
                return
        self._unread = None
        self.behind_since = None

    def pump(self, budget_s: float = math.inf) -> None:
        """Read for at most that long, and send every page what it needs."""
        changed = not self._rests() and self.read(budget_s)
        with self.lock:
            now = time.monotonic()
            beat = now - self._beat_at >= HEARTBEAT_EVERY_S
            if beat:
                self._beat_at = now
            for feed, send in self._feeds.items():
                messages = self._messages(feed, changed=changed, beat=beat)
                for message in messages:
                    send(message)
        if changed:
            self._changed(self)

    def _rests(self) -> bool:
        """Whether the run has ended, and it is too early to look whether another process goes on with it."""
        is_early = time.monotonic() - self._read_at < HEARTBEAT_EVERY_S
        return self.ended and is_early and not self.history.records.drives(self.name)

    def _messages(self, feed: Feed, *, changed: bool, beat: bool) -> list[ToPage]:
        if not feed.heard:
            # A kernel without subshells hears a page only after the cell: until then it gets what the root shows.
            return feed.reset([]) if beat and len(self.tree.nodes) <= NODES_PER_MESSAGE else []
        messages = feed.changes() if changed else []
        return [feed.heartbeat()] if beat and not messages else messages

    def html(self) -> str:
        """The static picture."""
        with self.lock:
            return picture_html(self.tree, self._last_lines(), time.time())

    def _last_lines(self) -> str:
        """The end of the log of the action that failed first, of a run that has ended."""
        failed = self.tree.view.first_failure() if self.ended else None
        if failed is None:
            return ""
        reader = self.history.records.reader
        lines, _, _ = reader.newest_logs(self.name, failed.name, characters=LAST_CHARACTERS)
        return "".join(line.text for _, line in lines)[-LAST_CHARACTERS:]

    def text(self) -> str:
        """The run in plain text."""
        with self.lock:
            return picture_text(self.tree)


class Follower:
    """The thread that pumps pictures; it lives while there is one to follow.

    Parameters
    ----------
    clock : Clock, optional
    """

    def __init__(self, clock: Clock | None = None) -> None:
        self._clock = clock or SystemClock()
        self._lock = threading.Lock()
        self._pictures: dict[LivePicture, Callable[[], bool]] = {}
        self._thread: threading.Thread | None = None

    def follow(self, picture: LivePicture, done: Callable[[], bool]) -> None:
        """Pump `picture` until `done` says that it needs no more; again from now on, if it had said so."""
        with self._lock:
            self._pictures[picture] = done
            if self._thread is None:
                self._thread = threading.Thread(target=self._pump, name="flyte_nb-pictures", daemon=True)
                self._thread.start()

    def _pump(self) -> None:
        pace = Pace(self._clock)
        while True:
            pace.begin()
            with self._lock:
                pictures = dict(self._pictures)
                if not pictures:
                    self._thread = None
                    return
            for picture, done in pictures.items():
                finished = self._pump_one(picture, done)
                if finished:
                    with self._lock:
                        if self._pictures[picture] is done:  # else somebody has asked for it again meanwhile
                            del self._pictures[picture]
            is_busy = next(iter(pictures)).history.records.is_busy
            self._clock.sleep(pace.pause_s(is_busy=is_busy, late_s=_latest_s(pictures)))

    def _pump_one(self, picture: LivePicture, done: Callable[[], bool]) -> bool:
        try:
            picture.pump(READ_BESIDE_RUNS_S if picture.history.records.is_busy else READ_ALONE_S)
            picture.faults = 0
            return done()
        except RunNotFoundError:
            picture.forget()
            return True
        except Exception:
            picture.faults += 1
            if picture.faults < MOST_FAULTS:
                return False
            logger.exception("The picture of run %s stops.", picture.name)
            return True


def _latest_s(pictures: Iterable[LivePicture]) -> float:
    """For how long the picture that is behind for longest has been so."""
    return max((time.monotonic() - picture.behind_since for picture in pictures if picture.behind_since), default=0.0)


follower = Follower()
