"""A run on the page while it lives: follows its events, sends changes to its widget, settles to a static picture.

One thread follows all pictures of a kernel. It reads the journal like any other reader, so it shows runs of other
kernels as well, and a run is never held up by whoever looks at it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from .._view.feed import NODES_PER_MESSAGE, Feed
from .._view.picture import picture_html, picture_text
from .._view.tree import Tree
from .._view.wire import Header, ToPage
from ..models.phases import ActionPhase
from ..remote.history import RunHistory

PUMP_EVERY_S = 0.1
SETTLE_AFTER_S = 20.0
HEARTBEAT_EVERY_S = 1.0


class LivePicture:
    """One run on one or more pages.

    Parameters
    ----------
    name : str
        Of the run.
    changed : callable
        Called with the picture on the following thread when its static form has changed or is final.
    """

    def __init__(self, name: str, changed: Callable[[LivePicture], None]) -> None:
        self.name = name
        self.history = RunHistory(name)
        self.tree = Tree(name)
        self.lock = threading.RLock()
        self.touched_at = time.monotonic()
        self.settled = False
        self._changed = changed
        self._read_up_to = 0
        self._phase = ActionPhase.RUNNING
        self._feeds: dict[Feed, Callable[[ToPage], None]] = {}
        self._beat_at = 0.0
        self.read()

    @property
    def ended(self) -> bool:
        """Whether nothing more will happen to the run."""
        return self._phase.is_terminal

    def header(self) -> Header:
        """The run as a whole."""
        owned = self.name in self.history.runtime.controller.runs
        can_resume = self.ended and self._phase is not ActionPhase.SUCCEEDED
        return self.tree.header(owned_here=owned, can_resume=can_resume)

    def attach(self, send: Callable[[ToPage], None]) -> Feed:
        """A feed for a page that `send` reaches."""
        with self.lock:
            feed = Feed(self.tree, self.header)
            self._feeds[feed] = send
            return feed

    def read(self) -> bool:
        """Take in what has happened since the last call; whether anything has."""
        with self.lock:
            runtime = self.history.runtime
            before = self._read_up_to
            phase = self.history.phase()
            for seq, event in runtime.reader.events(self.name, self._read_up_to):
                self.tree.apply(event)
                self._read_up_to = seq
            if phase.is_terminal and not self.tree.view.phase.is_terminal:
                if runtime.reader.run(self.name).phase.is_terminal:
                    return True  # its last event is being committed
                self.tree.interrupted()
            changed = self._read_up_to != before or phase is not self._phase
            self._phase = phase
            return changed

    def pump(self) -> None:
        """Read, and send every page what it needs."""
        changed = self.read()
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

    def _messages(self, feed: Feed, *, changed: bool, beat: bool) -> list[ToPage]:
        if not feed.heard:
            # A kernel without subshells hears a page only after the cell: until then it gets what the root shows.
            return feed.reset([]) if beat and len(self.tree.nodes) <= NODES_PER_MESSAGE else []
        messages = feed.changes() if changed else []
        return [feed.heartbeat()] if beat and not messages else messages

    def html(self) -> str:
        """The static picture."""
        with self.lock:
            return picture_html(self.tree)

    def text(self) -> str:
        """The run in plain text."""
        with self.lock:
            return picture_text(self.tree)


class Follower:
    """The thread that pumps pictures; it lives while there is one to follow."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pictures: dict[LivePicture, Callable[[], bool]] = {}
        self._thread: threading.Thread | None = None

    def follow(self, picture: LivePicture, done: Callable[[], bool]) -> None:
        """Pump `picture` until `done` says that it needs no more."""
        with self._lock:
            self._pictures[picture] = done
            if self._thread is None:
                self._thread = threading.Thread(target=self._pump, name="flyte_nb-pictures", daemon=True)
                self._thread.start()

    def _pump(self) -> None:
        while True:
            begun = time.monotonic()
            with self._lock:
                pictures = dict(self._pictures)
                if not pictures:
                    self._thread = None
                    return
            for picture, done in pictures.items():
                finished = self._pump_one(picture, done)
                if finished:
                    with self._lock:
                        self._pictures.pop(picture, None)
            time.sleep(max(0.02, PUMP_EVERY_S - (time.monotonic() - begun)))

    def _pump_one(self, picture: LivePicture, done: Callable[[], bool]) -> bool:
        import logging

        try:
            picture.pump()
            return done()
        except Exception:
            logging.getLogger("flyte_nb").exception("The picture of run %s stops.", picture.name)
            return True


follower = Follower()
