"""Show a run under a cell: live while it lives, then a static picture that stays in the notebook."""

from __future__ import annotations

import contextlib
import sys
import threading
import time
from collections.abc import Callable
from functools import partial
from typing import Any

from .._follow.live_picture import LivePicture, follower
from .._public import public
from .._runtime.notebook_loop import in_notebook, running_loop
from ..errors import BaseRuntimeError
from ..remote import Run
from ..remote.history import RunHistory
from .held_messages import holds_messages, let_through
from .output_widget import is_within_output_widget
from .renderer import RENDERER

UPDATE_EVERY_S = 1.0
UPDATE_BESIDE_WIDGET_S = 5.0
SETTLE_AFTER_S = 30.0
READER_IS_GONE_AFTER_S = 150.0
PAGE_ASKS_WITHIN_S = 20.0
QUIET_AT_FIRST_S = 0.4
_METADATA_OF_PAGES = frozenset({"deletedCells", "recordTiming", "trusted"})
WIDGET_MIME = "application/vnd.jupyter.widget-view+json"
NOTHING = {"text/html": "", "text/plain": ""}


@public
def show(run: Run | str) -> None:
    """Show a run: of this kernel, of another one, or of yesterday.

    Parameters
    ----------
    run : Run or str
        The run, or its name. Outside a notebook its summary is printed.

    Raises
    ------
    RunNotFoundError
        If there is no such run.

    Examples
    --------
    >>> flyte.show("r2d4kq0v7m1zp")

    Specification: *Notebooks*.
    """
    name = run if isinstance(run, str) else run.name
    Run.get(name)
    display_picture(name)


def display_picture(name: str) -> Displayed | None:
    """Display the run of that name and keep it up to date; None where there is no notebook."""
    if not in_notebook():
        print(LivePicture(RunHistory(name), lambda _: None).text())
        return None
    displayed = Displayed(name, expects_page=sent_by_a_page(), within_output=is_within_output_widget(_request_id()))
    _displayed_by_this_cell().add(name)
    displayed.begin()
    return displayed


def display_result(name: str) -> None:
    """Display the run that is the value of a cell, unless the cell has displayed it already.

    That it cannot be had here, because its home is another one or was removed, is said and fails nothing.
    """
    if in_notebook() and name in _displayed_by_this_cell():
        return
    try:
        display_picture(name)
    except BaseRuntimeError as error:
        print(f"Run {name} cannot be shown: {error}")


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
    """

    def __init__(self, name: str, *, expects_page: bool, within_output: bool = False) -> None:
        self._picture = LivePicture(RunHistory(name), self._changed)
        self._make_widget = _widget_maker(self._picture, self._rerun) if expects_page else None
        self._is_within_output = within_output and self._make_widget is not None
        self._widget: Any = None
        self._live: Any = None
        self._static: Any = None
        self._lock = threading.RLock()
        self._shown_at = self._updated_at = time.monotonic()
        self._ended_at: float | None = None
        self._outdated = False
        self._settled = False

    def begin(self, live: Any = None, static: Any = None) -> None:
        """Show it, in new outputs or in these, and follow it while that is needed.

        A run that has just started is shown a moment later: drawing takes a page more processor time than a short run.
        """
        may_wait = self._make_widget is not None and not self._is_within_output
        wait_s = _quiet_s(self._picture) if may_wait else 0.0
        self._live, self._static = live, static
        if self._make_widget is not None:
            self._let_messages_through()
        if wait_s <= 0:
            self._appear()
            return
        self._live, self._static = (_shown(NOTHING, handle) if handle is None else handle for handle in (live, static))
        timer = threading.Timer(wait_s, self._appear)
        timer.daemon = True
        timer.start()

    def _appear(self) -> None:
        self._shown_at = self._updated_at = time.monotonic()
        if self._make_widget is not None:
            self._widget = self._make_widget()
            widget = {"version_major": 2, "version_minor": 0, "model_id": self._widget.model_id}
            self._live = _shown({WIDGET_MIME: widget, "text/plain": ""}, self._live)
        if not self._is_within_output:
            self._static = _shown(self._bundle(), self._static)
        if self._widget is None:
            _without_page.append(self)
            _watch_cells()
        follower.follow(self._picture, self._is_done)

    def _let_messages_through(self) -> None:
        from IPython.core.getipython import get_ipython

        kernel, loop = getattr(get_ipython(), "kernel", None), running_loop()
        if loop is not None and holds_messages(kernel):
            self._letting_through = loop.create_task(let_through(kernel, lambda: not self._settled))

    def finish_cell(self) -> bool:
        """A cell ends, and no page will ask for more: the picture is what it is now. Whether it is final."""
        self._picture.read()
        if self._picture.ended:
            self._settle()
        else:
            self._update()
        return self._settled

    def _bundle(self) -> dict[str, Any]:
        html = self._picture.html()
        if self._widget is not None:
            html = f'<div class="fnb-static-{self._widget.picture}">{html}</div>'
        return {"text/plain": self._picture.text(), "text/html": html}

    def _changed(self, picture: LivePicture) -> None:
        self._outdated = True

    def _update_when_due(self) -> None:
        watched = self._widget is not None and self._widget.greeted
        due_at = self._updated_at + (UPDATE_BESIDE_WIDGET_S if watched else UPDATE_EVERY_S)
        if self._outdated and time.monotonic() >= due_at:
            self._update()

    def _update(self) -> None:
        with self._lock:
            if not self._settled and self._static is not None:
                self._updated_at, self._outdated = time.monotonic(), False
                self._static.update(self._bundle(), raw=True)

    def _is_done(self) -> bool:
        if self._settled:
            return True
        if self._widget is not None:
            self._widget.pages.news_of_selection()
        self._update_when_due()
        if not self._picture.ended:
            return False
        if self._ended_at is None:
            self._ended_at = time.monotonic()
            self._update()
        if self._is_in_use(self._ended_at):
            return False
        self._settle()
        return True

    def _is_in_use(self, ended_at: float) -> bool:
        """Whether somebody may look into the widget, or a page may still be about to ask for it."""
        if self._widget is None:
            return False
        now = time.monotonic()
        if not self._widget.greeted:
            return now - self._shown_at < PAGE_ASKS_WITHIN_S
        if self._is_within_output:
            return bool(self._widget.pages.are_open)
        patience_s = READER_IS_GONE_AFTER_S if self._widget.pages.have_details else SETTLE_AFTER_S
        return now - max(ended_at, self._picture.touched_at) < patience_s

    def _settle(self) -> None:
        with self._lock:
            if self._settled:
                return
            self._update()
            self._settled = True
            if self._widget is not None:
                self._live.update(NOTHING, raw=True)
                with contextlib.suppress(Exception):
                    self._widget.close()

    def _rerun(self, name: str) -> str:
        """Run it again, and show the new run in this place if that can be; its name if not."""
        from .._start import rerun

        run = rerun(name)
        if self._is_within_output:
            return run.name
        self._settle()  # JupyterLab hides a place for good in which one widget follows another
        Displayed(run.name, expects_page=self._make_widget is not None).begin(self._live, self._static)
        return ""


_without_page: list[Displayed] = []


def _watch_cells() -> None:
    """Have pictures that no page asks about finished with the cell: nothing is stored that comes after the last one."""
    from IPython.core.getipython import get_ipython

    shell: Any = get_ipython()
    if shell is not None and _finish_cells not in shell.events.callbacks["post_run_cell"]:
        shell.events.register("post_run_cell", _finish_cells)


def _finish_cells(_: Any) -> None:
    _without_page[:] = [displayed for displayed in _without_page if not displayed.finish_cell()]


def _shown(bundle: dict[str, Any], handle: Any) -> Any:
    """Show a bundle where `handle` is, or in a new output; the handle."""
    from IPython.display import display

    if handle is None:
        return display(bundle, raw=True, display_id=True)  # type: ignore[no-untyped-call]
    handle.update(bundle, raw=True)
    return handle


def sent_by_a_page() -> bool:
    """Whether the cell that runs came from a page with widgets, and not from a program such as nbclient."""
    if "google.colab" in sys.modules:
        return True
    metadata = _request().get("metadata", {})
    return bool(metadata.keys() & _METADATA_OF_PAGES) or str(metadata.get("cellId", "")).startswith("vscode")


def _request() -> dict[str, Any]:
    """The message that had the cell run."""
    from IPython.core.getipython import get_ipython

    kernel: Any = getattr(get_ipython(), "kernel", None)
    return (kernel.get_parent("shell") if kernel is not None else None) or {}


def _request_id() -> str:
    return str(_request().get("header", {}).get("msg_id", ""))


_displayed: dict[str, set[str]] = {}


def _displayed_by_this_cell() -> set[str]:
    """Names of the runs that the cell has displayed."""
    cell = _request_id()
    if cell not in _displayed:
        _displayed.clear()
    return _displayed.setdefault(cell, set())


def _quiet_s(picture: LivePicture) -> float:
    """For how long the run, which may have just been started here, should be left alone."""
    records = picture.history.records
    if not records.drives(picture.name):
        return 0.0
    return QUIET_AT_FIRST_S - (time.time() - picture.history.record().created_at)


def _widget_maker(picture: LivePicture, rerun: Callable[[str], str]) -> Callable[[], Any] | None:
    """What makes a widget for the picture; None where the renderer or the widget libraries are missing."""
    if not RENDERER.is_file():
        return None
    try:
        from .widget import RunWidget
    except ImportError:
        return None
    return partial(RunWidget, picture, resume=_resume, rerun=rerun, schedule=_on_this_loop())


def _on_this_loop() -> Callable[[Callable[[], None]], Any]:
    """Does things on the loop that runs here now: a click may come on any thread, and runs belong to this loop."""
    loop = running_loop()
    if loop is None:
        return lambda action: action()
    return loop.call_soon_threadsafe


def _resume(name: str) -> None:
    Run.get(name).resume()
