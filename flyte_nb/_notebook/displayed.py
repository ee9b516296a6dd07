"""One place where a run is shown, and until when it is live.

A picture is followed while its run goes on and for a while after that. Then it gives way to the static picture, which
is what stays; one that somebody has used only rests: it stays as it is, costs nothing, and is followed again as soon as
its page says something. So no silence of a page takes anything away that somebody reads there. Somebody may go on with
the run: then it is followed again in either case.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable
from enum import Enum
from typing import Any

from .._follow.live_picture import LivePicture, follower
from .._follow.pages import Pages
from .._runtime.notebook_loop import running_loop
from .._start import rerun
from ..errors import RunNotFoundError
from ..models.phases import ActionPhase
from ..models.records import RunRecord
from ..remote import Run
from ..remote.history import RunHistory
from .displays import displays
from .held_messages import Ear, holds_messages, let_through
from .place import NOTHING, Place
from .renderer import RENDERER

UPDATE_EVERY_S = 1.0
UPDATE_BESIDE_WIDGET_S = 5.0
SETTLE_AFTER_S = 30.0
PAGE_ASKS_WITHIN_S = 20.0
QUIET_AT_FIRST_S = 0.4
WIDGET_MIME = "application/vnd.jupyter.widget-view+json"


class State(Enum):
    """What is done for a place: its run is followed; nothing, beside a widget that is used; nothing, without any."""

    LIVE = "live"
    RESTING = "resting"
    LEFT = "left"


class Displayed:
    """A place where a run is shown: a widget while somebody may use it, and below it the static picture, which stays.

    These are two outputs: an output that is updated is drawn anew, and a widget that was saved cannot be drawn without
    its kernel. The widget hides the picture below it for as long as it lives.

    Parameters
    ----------
    name : str
        Of the run.
    expects_page : bool
        Whether the cell came from a page with widgets.
    within_output : bool
        Whether an `ipywidgets.Output` catches it. Nothing in there can be updated, and nothing is saved: the widget
        alone is shown, and stays.
    in_place_of : Displayed, optional
        Whose outputs it takes.
    """

    def __init__(
        self, name: str, *, expects_page: bool, within_output: bool = False, in_place_of: Displayed | None = None
    ) -> None:
        self.name = name
        self.state = State.LIVE
        self._lock = threading.RLock()
        self._read: LivePicture | None = None
        self._left_as: RunRecord | None = None
        self._pages: Pages | None = None
        self._expects_page = expects_page
        self._make_widget = _widget_class() if expects_page else None
        self._is_within_output = within_output and self._make_widget is not None
        self._widget: Any = None
        self._live: Place = in_place_of._live if in_place_of is not None else Place(is_live=True)
        self._static: Place = in_place_of._static if in_place_of is not None else Place(is_live=False)
        self._schedule = _on_this_loop()
        self._ear = Ear(running_loop())
        self._shown_at = self._updated_at = time.monotonic()
        self._ended_at: float | None = None
        self._outdated = False
        self._was_asked = False

    @property
    def _picture(self) -> LivePicture:
        """The run as it was read so far."""
        with self._lock:
            if self._read is None:
                self._read = LivePicture(RunHistory(self.name), self._changed)
            return self._read

    @property
    def is_left(self) -> bool:
        """Whether the static picture is all there is, and nothing of the run is kept but its record."""
        return self.state is State.LEFT

    def begin(self) -> None:
        """Show it, and follow it while that is needed.

        A run that has just started is shown a moment later: drawing takes a page more processor time than a short run.
        """
        may_wait = self._make_widget is not None and not self._is_within_output
        wait_s = _quiet_s(self._picture) if may_wait else 0.0
        if self._make_widget is not None:
            self._let_messages_through()
        if wait_s <= 0:
            self._appear()
            return
        if not self._live.is_there:
            self._live.fill(NOTHING, self._mark())
            self._static.fill(NOTHING, self._mark())
        timer = threading.Timer(wait_s, self._appear)
        timer.daemon = True
        timer.start()

    def _appear(self) -> None:
        self._shown_at = self._updated_at = time.monotonic()
        if self._make_widget is not None:
            self._widget = self._make_widget(self.name, self._take)
            self._pages = self._new_pages()
            widget = {"version_major": 2, "version_minor": 0, "model_id": self._widget.model_id}
            self._live.fill({WIDGET_MIME: widget, "text/plain": ""}, self._mark())
        if not self._is_within_output:
            self._static.fill(self._bundle(), self._mark())
        displays.add(self)
        self._follow()

    def _follow(self) -> None:
        if not self._picture.is_forgotten:
            self.state = State.LIVE
            follower.follow(self._picture, self._is_done)

    def _new_pages(self) -> Pages:
        return Pages(self._picture, self._widget.send, resume=_resume, rerun=self._rerun, schedule=self._schedule)

    def _let_messages_through(self) -> None:
        from IPython.core.getipython import get_ipython

        kernel, loop = getattr(get_ipython(), "kernel", None), running_loop()
        if loop is not None and holds_messages(kernel):
            self._letting_through = loop.create_task(let_through(kernel, lambda: not self.is_left))

    def _take(self, content: Any) -> None:
        """A page has said something: it is answered, and the run is followed for it."""
        with self._lock:
            if self._widget is None:
                return
            self._was_asked = True
            if self._pages is None:
                self._pages = self._new_pages()
                displays.add(self)
            if self._pages.take(content) and self._pages.were_left:
                self._ended_at, self._outdated = None, True  # a page that was loaded has what was saved before
            if not self.is_left:
                self._follow()

    def cell_has_ended(self) -> None:
        """A cell has ended, before or behind which somebody may have gone on with the run.

        Where no page asks, nothing is stored that comes after the last cell: the picture is then what it is now.
        """
        with self._lock:
            if self._expects_page:
                self.look()
                return
            if self.is_left:
                return
            self._picture.read()
            if self._picture.ended:
                self._leave()
            else:
                self._update()

    def look(self) -> None:
        """Follow the run again if anything has happened to it since."""
        with self._lock:
            known, now = self._read.record if self._read is not None else self._left_as, _record(self.name)
            is_closed = self._widget is not None and self._widget.comm is None
            if is_closed or now is None or known is None or now.created_at != known.created_at:
                displays.discard(self)
                if self._read is not None:
                    self._read.forget()
            elif now != known:
                self._picture.outdate()
                self._outdated = True
                self._follow()

    def _bundle(self) -> dict[str, Any]:
        html = self._picture.html()
        if self._widget is not None:
            html = f'<div class="fnb-static-{self._widget.picture}">{html}</div>'
        return {"text/plain": self._picture.text(), "text/html": html}

    def _mark(self) -> dict[str, Any]:
        """Which run this is, and which picture."""
        shown = self._widget.picture if self._widget is not None else ""
        return {"run": self.name, "created_at": self._picture.history.created_at, "picture": shown}

    def _changed(self, picture: LivePicture) -> None:
        self._outdated = True

    def _update_when_due(self) -> None:
        due_at = self._updated_at + (UPDATE_BESIDE_WIDGET_S if self._was_asked else UPDATE_EVERY_S)
        if self._outdated and time.monotonic() >= due_at:
            self._update()

    def _update(self) -> None:
        if not self._is_within_output:
            self._updated_at, self._outdated = time.monotonic(), False
            self._static.fill(self._bundle(), self._mark())

    def _is_done(self) -> bool:
        """Whether the picture needs not be followed until something happens; asked after every round."""
        pages = self._pages
        if pages is not None:
            pages.news_of_selection()
        with self._lock:
            if self.is_left:
                return True
            self._update_when_due()
            if self._is_within_output and self._was_asked and self._forget_if_gone():
                return True
            if not self._picture.ended:
                self._ended_at = None
                return False
            if self._ended_at is None:
                self._ended_at = time.monotonic()
                self._update()
            if self._may_be_looked_at(self._ended_at):
                return False
            if self._is_out_of_reach or (self._pages is not None and self._pages.are_used):
                self.state = State.RESTING
            else:
                self._leave()
            return True

    @property
    def _is_out_of_reach(self) -> bool:
        """Whether its outputs cannot be updated: most pages find none by their ids in a notebook that was loaded."""
        pages = self._pages
        return self._is_within_output or (pages is not None and pages.were_left and pages.lose_outputs)

    def _may_be_looked_at(self, ended_at: float) -> bool:
        """Whether somebody may look, or a page may still be about to ask."""
        if self._widget is None:
            return False
        if self._was_asked:
            until = max(ended_at, self._picture.touched_at) + SETTLE_AFTER_S
        else:
            until = self._shown_at + PAGE_ASKS_WITHIN_S
        return time.monotonic() < until or not self._ear.has_listened_since(until)

    def _forget_if_gone(self) -> bool:
        """Keep nothing of a run that no page shows, until one does; whether that is so."""
        if self._pages is not None and self._pages.are_open:
            return False
        if self._pages is not None:
            self._pages.close()
        self._pages = self._read = None
        displays.discard(self)
        return True

    def _leave(self, *, for_another: bool = False) -> None:
        """Leave the static picture: until somebody goes on with the run, or for good if it has succeeded."""
        mark = {**self._mark(), "makes_room": True} if for_another else None
        self._static.fill(self._bundle(), mark)
        self.state, self._left_as = State.LEFT, self._picture.record
        if self._pages is not None:
            self._pages.close()
        if self._widget is not None:
            self._live.fill(NOTHING, mark)
            with contextlib.suppress(Exception):
                self._widget.close()
        self._pages = self._widget = self._read = None
        is_final = for_another or not self._expects_page or self._left_as.phase is ActionPhase.SUCCEEDED
        (displays.discard if is_final else displays.add)(self)

    def _rerun(self, name: str) -> str:
        """Run it again, and show the new run in this place if that can be; its name if not."""
        if self.is_left:
            return ""  # another page asked too: its run is in this place
        run = rerun(name)
        if self._is_out_of_reach:
            return run.name
        with self._lock:
            self._leave(for_another=True)  # JupyterLab hides a place for good in which one widget follows another
        Displayed(run.name, expects_page=True, in_place_of=self).begin()
        return ""


def _record(name: str) -> RunRecord | None:
    """How a run is recorded; None where it is no more."""
    try:
        return RunHistory(name).record()
    except RunNotFoundError:
        return None


def _resume(name: str) -> None:
    Run.get(name).resume()


def _quiet_s(picture: LivePicture) -> float:
    """For how long the run, which may have just been started here, should be left alone."""
    records = picture.history.records
    if not records.drives(picture.name):
        return 0.0
    return QUIET_AT_FIRST_S - (time.time() - picture.record.created_at)


def _widget_class() -> Callable[[str, Callable[[Any], None]], Any] | None:
    """The class of widgets; None where the renderer or the widget libraries are missing."""
    if not RENDERER.is_file():
        return None
    try:
        from .widget import RunWidget
    except ImportError:
        return None
    return RunWidget


def _on_this_loop() -> Callable[[Callable[[], None]], Any]:
    """Does things on the loop that runs here now: a click may come on any thread, and runs belong to this loop."""
    loop = running_loop()
    if loop is None:
        return lambda action: action()
    return loop.call_soon_threadsafe
