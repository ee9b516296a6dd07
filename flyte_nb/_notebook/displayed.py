"""One display of a run, and until when it is live.

A picture is followed while its run goes on and for a while after that. Then it gives way to the static picture, which
is what stays; one that somebody has used only rests: it stays as it is, costs nothing, and is followed again as soon as
its page says something. So no silence of a page takes anything away that somebody reads there.
"""

from __future__ import annotations

import contextlib
import threading
import time
import weakref
from collections.abc import Callable
from typing import Any

from .._follow.live_picture import LivePicture, follower
from .._follow.pages import Pages
from .._runtime.notebook_loop import running_loop
from ..remote import Run
from ..remote.history import RunHistory
from .held_messages import Ear, holds_messages, let_through
from .left_pictures import LeftPictures
from .place import NOTHING, Place
from .renderer import RENDERER

UPDATE_EVERY_S = 1.0
UPDATE_BESIDE_WIDGET_S = 5.0
SETTLE_AFTER_S = 30.0
PAGE_ASKS_WITHIN_S = 20.0
QUIET_AT_FIRST_S = 0.4
WIDGET_MIME = "application/vnd.jupyter.widget-view+json"


class Displayed:
    """One display of a run: a widget while somebody may use it, and below it the static picture, which is what stays.

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
    with_widget : bool
        Whether somebody is to use it there; else it is the static picture alone that follows the run.
    """

    def __init__(self, name: str, *, expects_page: bool, within_output: bool = False, with_widget: bool = True) -> None:
        self._name = name
        self._lock = threading.RLock()
        self._read: LivePicture | None = None
        self._pages: Pages | None = None
        self._expects_page = expects_page
        self._make_widget = _widget_class() if expects_page and with_widget else None
        self._is_within_output = within_output and self._make_widget is not None
        self._widget: Any = None
        self._live = Place(is_live=True)
        self._static = Place(is_live=False)
        self._schedule = _on_this_loop()
        self._ear = Ear(running_loop())
        self._shown_at = self._updated_at = time.monotonic()
        self._ended_at: float | None = None
        self._outdated = False
        self._was_asked = False
        self._settled = False

    @property
    def _picture(self) -> LivePicture:
        """The run as it was read so far."""
        with self._lock:
            if self._read is None:
                self._read = LivePicture(RunHistory(self._name), self._changed)
            return self._read

    def begin(self, live: Place | None = None, static: Place | None = None) -> None:
        """Show it, in new outputs or in these, and follow it while that is needed.

        A run that has just started is shown a moment later: drawing takes a page more processor time than a short run.
        """
        may_wait = self._make_widget is not None and not self._is_within_output
        wait_s = _quiet_s(self._picture) if may_wait else 0.0
        self._live, self._static = live or self._live, static or self._static
        if self._make_widget is not None:
            self._let_messages_through()
        _watch_cells()
        if wait_s <= 0:
            self._appear()
            return
        if live is None:
            self._live.fill(NOTHING, self._mark())
            self._static.fill(NOTHING, self._mark())
        timer = threading.Timer(wait_s, self._appear)
        timer.daemon = True
        timer.start()

    def _appear(self) -> None:
        self._shown_at = self._updated_at = time.monotonic()
        if self._make_widget is not None:
            self._widget = self._make_widget(self._name, self._take)
            self._pages = self._new_pages()
            widget = {"version_major": 2, "version_minor": 0, "model_id": self._widget.model_id}
            self._live.fill({WIDGET_MIME: widget, "text/plain": ""}, self._mark())
        if not self._is_within_output:
            self._static.fill(self._bundle(), self._mark())
        if self._widget is None:
            _without_page.append(self)
        else:
            _with_pages.add(self)
        self._follow()

    def _follow(self) -> None:
        follower.follow(self._picture, self._is_done)

    def _new_pages(self) -> Pages:
        return Pages(self._picture, self._widget.send, resume=resume, rerun=self._rerun, schedule=self._schedule)

    def _let_messages_through(self) -> None:
        from IPython.core.getipython import get_ipython

        kernel, loop = getattr(get_ipython(), "kernel", None), running_loop()
        if loop is not None and holds_messages(kernel):
            self._letting_through = loop.create_task(let_through(kernel, lambda: not self._settled))

    def _take(self, content: Any) -> None:
        """A page has said something: it is answered, and the run is followed for it."""
        with self._lock:
            if self._settled:
                return
            self._was_asked = True
            self._pages = self._pages or self._new_pages()
            if self._pages.take(content) and self._pages.were_left:
                self._ended_at, self._outdated = None, True  # a page that was loaded has what was saved before
            if not self._settled:
                self._follow()

    def finish_cell(self) -> bool:
        """A cell has ended, and no page will ask for more: the picture is what it is now. Whether it is final."""
        self._picture.read()
        if self._picture.ended:
            self._settle()
        else:
            self._update()
        return self._settled

    def look_again(self) -> None:
        """A cell has ended, which may have gone on with the run."""
        with self._lock:
            if self._read is not None and not self._settled:
                self._follow()

    def expect_news(self, name: str) -> None:
        """Somebody has gone on with the run of that name in this kernel."""
        with self._lock:
            if name == self._name and self._read is not None:
                self._read.touched_at = time.monotonic()
                self.look_again()

    def _bundle(self) -> dict[str, Any]:
        html = self._picture.html()
        if self._widget is not None:
            html = f'<div class="fnb-static-{self._widget.picture}">{html}</div>'
        return {"text/plain": self._picture.text(), "text/html": html}

    def _mark(self) -> dict[str, Any]:
        """Which run this is, and which picture."""
        shown = self._widget.picture if self._widget is not None else ""
        return {"run": self._name, "created_at": self._picture.history.created_at, "picture": shown}

    def _changed(self, picture: LivePicture) -> None:
        self._outdated = True

    def _update_when_due(self) -> None:
        due_at = self._updated_at + (UPDATE_BESIDE_WIDGET_S if self._was_asked else UPDATE_EVERY_S)
        if self._outdated and time.monotonic() >= due_at:
            self._update()

    def _update(self) -> None:
        with self._lock:
            if not self._settled and not self._is_within_output:
                self._updated_at, self._outdated = time.monotonic(), False
                self._static.fill(self._bundle(), self._mark())

    def _is_done(self) -> bool:
        """Whether the picture needs not be followed, unless a page says something; asked after every round."""
        if self._settled:
            return True
        pages = self._pages
        if pages is not None:
            pages.news_of_selection()
        self._update_when_due()
        if self._is_within_output and self._was_asked and self._forget_if_left():
            return True
        if not self._picture.ended:
            self._ended_at = None
            return False
        if self._ended_at is None:
            self._ended_at = time.monotonic()
            self._update()
        if self._may_be_looked_at(self._ended_at):
            return False
        if not (self._is_out_of_reach or (pages is not None and pages.are_used)):
            self._settle()
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

    def _forget_if_left(self) -> bool:
        """Keep nothing of a run that no page shows, until one does; whether that is so."""
        with self._lock:
            if self._pages is not None and self._pages.are_open:
                return False
            if self._pages is not None:
                self._pages.close()
            self._pages = self._read = None
            return True

    def _settle(self, *, for_another: bool = False) -> None:
        """Leave the static picture, for good unless another run takes the place."""
        with self._lock:
            if self._settled:
                return
            mark = {**self._mark(), "makes_room": True} if for_another else None
            if not self._is_within_output:
                self._static.fill(self._bundle(), mark)
            self._settled = True
            if self._pages is not None:
                self._pages.close()
            if self._widget is not None:
                self._live.fill(NOTHING, mark)
                with contextlib.suppress(Exception):
                    self._widget.close()
            if mark is None and self._expects_page and not self._is_within_output:
                _left.leave(self._name, self._live, self._static)

    def _rerun(self, name: str) -> str:
        """Run it again, and show the new run in this place if that can be; its name if not."""
        from .._start import rerun

        if self._settled:
            return ""  # another page asked too: its run is in this place
        run = rerun(name)
        if self._is_out_of_reach:
            return run.name
        self._settle(for_another=True)  # JupyterLab hides a place for good in which one widget follows another
        Displayed(run.name, expects_page=self._make_widget is not None).begin(self._live, self._static)
        return ""


_without_page: list[Displayed] = []
_with_pages: weakref.WeakSet[Displayed] = weakref.WeakSet()
_left = LeftPictures()


def _watch_cells() -> None:
    """Have pictures told of the end of cells: where no page asks, nothing is stored that comes after the last one."""
    from IPython.core.getipython import get_ipython

    shell: Any = get_ipython()
    if shell is not None and _cell_has_ended not in shell.events.callbacks["post_run_cell"]:
        shell.events.register("post_run_cell", _cell_has_ended)


def _cell_has_ended(_: Any) -> None:
    _without_page[:] = [displayed for displayed in _without_page if not displayed.finish_cell()]
    for displayed in list(_with_pages):
        displayed.look_again()
    _draw_left_ones_anew()


def _draw_left_ones_anew() -> None:
    """Static pictures whose run goes on follow it, without a widget, and are left anew when it has ended."""
    for left in _left.take_outdated():
        Displayed(left.record.name, expects_page=True, with_widget=False).begin(left.live, left.static)


def _quiet_s(picture: LivePicture) -> float:
    """For how long the run, which may have just been started here, should be left alone."""
    records = picture.history.records
    if not records.drives(picture.name):
        return 0.0
    return QUIET_AT_FIRST_S - (time.time() - picture.history.record().created_at)


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


def resume(name: str) -> None:
    """Go on with a run in this kernel; all that shows it here follows it.

    Parameters
    ----------
    name : str

    Raises
    ------
    RunNotFoundError, RunStateError, CodeBundleError
        As `Run.resume`.
    """
    Run.get(name).resume()
    for displayed in list(_with_pages):
        displayed.expect_news(name)
    _draw_left_ones_anew()
