"""One page's conversation about one run: what it asks is answered, what it wishes becomes a request in the mailbox.

Messages may arrive on any thread of the kernel; answers are made here and sent by the widget's own channel.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Any

import msgspec

from .._view.wire import (
    Abort,
    Answer,
    AskEarlierLogs,
    AskTimeline,
    Close,
    FromPage,
    Hello,
    Leave,
    Look,
    Notice,
    Open,
    Rerun,
    Resume,
    Select,
    ToPage,
)
from .inspector import Inspector, earlier_logs, timeline_message
from .live_picture import LivePicture
from .requests import answer_prompt, post_abort

logger = logging.getLogger("flyte_nb")

SAYS_THAT_IT_WAITS_AFTER_S = 0.5
READ_AT_ONCE_S = 0.05

Send = Callable[[dict[str, Any]], None]


class Page:
    """A page that shows a picture.

    Parameters
    ----------
    picture : LivePicture
    send : callable
        Takes a message as JSON-like builtins.
    resume, rerun : callable
        What the buttons do; get the run's name. `rerun` gives the name of the new run, "" where that takes this place.
    schedule : callable
        Calls what it gets where runs may be started.
    answerer : str, optional
        Who answers questions here; by default the user of this process.
    under_way : dict, optional
        What was asked for and is about to be done, for pages that share their buttons.

    Attributes
    ----------
    has_left : bool
        Whether it is gone.
    is_used : bool
        Whether somebody has done something on it with the picture, which must not go while the page shows it.
    """

    def __init__(
        self,
        picture: LivePicture,
        send: Send,
        *,
        resume: Callable[[str], Any],
        rerun: Callable[[str], str],
        schedule: Callable[[Callable[[], None]], Any],
        answerer: str = "",
        under_way: dict[str, threading.Timer] | None = None,
    ) -> None:
        self._picture = picture
        self._send = send
        self._resume = resume
        self._rerun = rerun
        self._schedule = schedule
        self._answerer = answerer
        self._feed = picture.attach(self.tell)
        self._inspector: Inspector | None = None
        self._read_for: Inspector | None = None
        self.has_left = False
        self.is_used = False
        self._under_way = {} if under_way is None else under_way
        self._lock = threading.RLock()

    def leave(self) -> None:
        """The page is gone, or needs nothing more."""
        self.has_left = True
        self._picture.detach(self._feed)

    def tell(self, message: ToPage) -> None:
        """Send a message."""
        self._send(msgspec.to_builtins(message))

    def news_of_selection(self) -> None:
        """Send what is new about the selected action; called by whoever follows the picture.

        What takes time to read comes later: nobody else waits for it.
        """
        with self._picture.lock, self._lock:
            inspector = self._inspector
            if inspector is None:
                return
            begins = self._read_for is not inspector and bool(self._unread(inspector))
            if begins:
                self._read_for = inspector
        if begins:
            reader = threading.Thread(target=self._read, args=(inspector,), name="flyte_nb-read", daemon=True)
            reader.start()
            reader.join(READ_AT_ONCE_S)
        self._tell_news()

    def _read(self, inspector: Inspector) -> None:
        try:
            while unread := self._unread(inspector):
                for read in unread:
                    read()
                self._tell_news()
        except Exception as error:
            self._give_up(inspector, error)

    def _unread(self, inspector: Inspector) -> list[Callable[[], None]]:
        """What is to be read of a selection; once that is nothing, whoever reads for it has come to an end."""
        with self._picture.lock, self._lock:
            is_wanted = self._inspector is inspector and not self.has_left
            unread = inspector.unread() if is_wanted else []
            if not unread and self._read_for is inspector:
                self._read_for = None
            return unread

    def _tell_news(self) -> None:
        with self._picture.lock, self._lock:
            if self._inspector is None or self.has_left:
                return
            try:
                news = self._inspector.news_at_hand()
            except Exception as error:
                self._give_up(self._inspector, error)
                return
            self._tell_all(news)

    def _give_up(self, inspector: Inspector, error: Exception) -> None:
        with self._lock:
            if self._inspector is inspector:
                self._inspector = None
                text = f"{inspector.action!r} cannot be shown: {type(error).__name__}: {error}"
                self.tell(Notice("error", text))

    def take(self, content: Any) -> None:
        """Take a message of the page; one that makes no sense is answered with a notice."""
        self._picture.touched_at = time.monotonic()
        try:
            message: FromPage = msgspec.convert(content, FromPage)
            msgspec.json.encode(message)  # half a surrogate pair is no text: no answer could name it
        except (msgspec.ValidationError, UnicodeEncodeError, OverflowError) as error:
            self.tell(Notice("error", f"This message was not understood: {error}"))
            return
        try:
            if isinstance(message, Abort | Answer):
                self._act(message)  # whatever else is going on with the picture
                return
            with self._picture.lock, self._lock:
                self._feed.heard = True
                self._answer(message)
        except Exception as error:
            self.tell(Notice("error", str(error) or type(error).__name__))

    def _answer(self, message: FromPage) -> None:
        if isinstance(message, Hello):
            self._tell_all(self._feed.reset(message.open))
            if self._inspector is not None:
                self._inspector = Inspector(self._picture, self._inspector.action)
        elif isinstance(message, Open):
            self._tell_all(self._feed.open(message.id, everything=message.all))
        elif isinstance(message, Close):
            self._feed.shut(message.id)
        elif isinstance(message, Select):
            self._inspector = Inspector(self._picture, message.action) if message.action else None
        elif isinstance(message, AskTimeline):
            self.tell(timeline_message(self._picture, message.actions))
        elif isinstance(message, AskEarlierLogs):
            self.tell(earlier_logs(self._picture, message.action, message.before))
        elif isinstance(message, Leave):
            self.leave()
        elif isinstance(message, Look):
            self.is_used |= message.uses
        else:
            self._act(message)

    def _act(self, message: Abort | Resume | Rerun | Answer) -> None:
        name = self._picture.name
        if isinstance(message, Abort):
            post_abort(self._picture.history.records, name, message.action, "Aborted on the page.")
            self.tell(Notice("info", "Stopping ...", message.action))
        elif isinstance(message, Resume):
            self._schedule_once("resume", self._resume)
        elif isinstance(message, Rerun):
            self._schedule_once("rerun", self._begin_anew)
        else:
            self._take_answer(message)

    def _schedule_once(self, button: str, action: Callable[[str], Any]) -> None:
        """Do it where runs may be started, which may have to wait for a cell, unless it is about to be done."""
        if button in self._under_way:
            self.tell(Notice("info", "This was asked for already."))
            return
        waits = Notice("info", "This begins when the cell that runs now has ended.")
        timer = self._under_way[button] = threading.Timer(SAYS_THAT_IT_WAITS_AFTER_S, self.tell, [waits])
        timer.daemon = True
        timer.start()
        self._schedule(lambda: self._attempt(button, action))

    def _attempt(self, button: str, action: Callable[[str], Any]) -> None:
        self._under_way[button].cancel()
        try:
            action(self._picture.name)
        except Exception as error:
            self.tell(Notice("error", str(error) or type(error).__name__))
        finally:
            del self._under_way[button]

    def _begin_anew(self, name: str) -> None:
        started = self._rerun(name)
        if started:
            self.tell(Notice("info", f"Run {started} has started. In a cell: flyte_nb.show({started!r})"))

    def _take_answer(self, message: Answer) -> None:
        records = self._picture.history.records

        def answer() -> None:
            try:
                outcome = answer_prompt(records, self._picture.name, message.prompt, message.value, by=self._answerer)
                self.tell(Notice("info", outcome, message.prompt))
            except Exception as error:
                self.tell(Notice("error", str(error) or type(error).__name__, message.prompt))

        threading.Thread(target=answer, name="flyte_nb-answer", daemon=True).start()

    def _tell_all(self, messages: list[ToPage]) -> None:
        for message in messages:
            self.tell(message)
