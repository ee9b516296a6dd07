"""Show a run under a cell: live while it lives, then a static picture that stays in the notebook."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable
from typing import Any

from .._runtime.notebook_loop import in_notebook, running_loop
from ..remote import Run
from .live_picture import SETTLE_AFTER_S, LivePicture, follower
from .renderer import RENDERER

UPDATE_EVERY_S = 1.0
PAGE_ASKS_WITHIN_S = 20.0
_METADATA_OF_PAGES = frozenset({"deletedCells", "recordTiming", "trusted"})
WIDGET_MIME = "application/vnd.jupyter.widget-view+json"


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
        print(LivePicture(name, lambda _: None).text())
        return None
    displayed = Displayed(name, expects_page=sent_by_a_page())
    displayed.begin()
    return displayed


class Displayed:
    """One display of a run.

    Parameters
    ----------
    name : str
        Of the run.
    expects_page : bool
        Whether a page with widgets will ask for more.
    handle : optional
        The display to use; by default a new one.
    """

    def __init__(self, name: str, *, expects_page: bool, handle: Any = None) -> None:
        self._picture = LivePicture(name, self._changed)
        self._expects_page = expects_page
        self._widget = _widget(self._picture, self._rerun)
        self._handle = handle
        self._shown_at = self._updated_at = time.monotonic()
        self._settled = False

    def begin(self) -> None:
        """Show it, and follow it while that is needed."""
        from IPython.display import display

        if self._picture.ended and (self._widget is None or not self._expects_page):
            self._settled = True
        if self._handle is not None:
            self._handle.update(self._bundle(), raw=True)
        else:
            self._handle = display(self._bundle(), raw=True, display_id=True)  # type: ignore[no-untyped-call]
        if not self._settled:
            follower.follow(self._picture, self._is_done)

    def finish_headless(self) -> None:
        """The run has ended and its cell is about to: settle now if no page will ask for anything."""
        self._picture.read()
        if self._picture.ended and not self._expects_page and not self._has_page:
            self._settle()

    @property
    def _has_page(self) -> bool:
        return self._widget is not None and self._widget.greeted

    @property
    def _waits_for_page(self) -> bool:
        """Whether a page with widgets may still ask; a display that is updated meanwhile would be drawn anew."""
        waited = time.monotonic() - self._shown_at
        return self._widget is not None and self._expects_page and not self._has_page and waited < PAGE_ASKS_WITHIN_S

    def _bundle(self) -> dict[str, Any]:
        bundle: dict[str, Any] = {"text/plain": self._picture.text(), "text/html": self._picture.html()}
        if self._widget is not None and not self._settled and (self._has_page or self._waits_for_page):
            bundle[WIDGET_MIME] = {"version_major": 2, "version_minor": 0, "model_id": self._widget.model_id}
        return bundle

    def _changed(self, picture: LivePicture) -> None:
        now = time.monotonic()
        if (
            not self._has_page
            and not self._waits_for_page
            and now - self._updated_at >= UPDATE_EVERY_S
            and self._handle is not None
        ):
            self._updated_at = now
            self._handle.update(self._bundle(), raw=True)

    def _is_done(self) -> bool:
        if self._settled:
            return True
        if self._widget is not None:
            self._widget.page.news_of_selection()
        if not self._picture.ended:
            return False
        if self._waits_for_page or (self._has_page and time.monotonic() - self._picture.touched_at < SETTLE_AFTER_S):
            return False
        self._settle()
        return True

    def _settle(self) -> None:
        if self._settled:
            return
        self._settled = True
        self._handle.update(self._bundle(), raw=True)
        self._close()

    def _close(self) -> None:
        if self._widget is not None:
            with contextlib.suppress(Exception):
                self._widget.close()

    def _rerun(self, name: str) -> None:
        """Run it again, and show the new run in this place."""
        from .._start import rerun

        run = rerun(name)
        self._settle()  # JupyterLab hides a place for good in which one widget follows another
        Displayed(run.name, expects_page=self._expects_page, handle=self._handle).begin()


def sent_by_a_page() -> bool:
    """Whether the cell that runs came from a page with widgets, and not from a program such as nbclient."""
    from IPython.core.getipython import get_ipython

    if "google.colab" in sys.modules:
        return True
    kernel: Any = getattr(get_ipython(), "kernel", None)
    metadata = (kernel.get_parent("shell") or {}).get("metadata", {}) if kernel is not None else {}
    return bool(metadata.keys() & _METADATA_OF_PAGES) or str(metadata.get("cellId", "")).startswith("vscode")


def _widget(picture: LivePicture, rerun: Callable[[str], None]) -> Any:
    """A widget for the picture; None where the renderer has not been built or the widget libraries are missing."""
    if not RENDERER.is_file():
        return None
    try:
        from .widget import RunWidget
    except ImportError:
        return None
    return RunWidget(picture, resume=_resume, rerun=rerun, schedule=_on_this_loop())


def _on_this_loop() -> Callable[[Callable[[], None]], Any]:
    """Does things on the loop that runs here now: a click may come on any thread, and runs belong to this loop."""
    loop = running_loop()
    if loop is None:
        return lambda action: action()
    return loop.call_soon_threadsafe


def _resume(name: str) -> None:
    Run.get(name).resume()
