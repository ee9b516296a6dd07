"""Show a run under a cell: live while it lives, then a static picture that stays in the notebook."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from typing import Any

from .._runtime.notebook_loop import in_notebook, running_loop
from ..remote import Run
from .live_picture import SETTLE_AFTER_S, LivePicture, follower
from .renderer import RENDERER

UPDATE_EVERY_S = 1.0
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
    displayed = Displayed(name)
    displayed.begin()
    return displayed


class Displayed:
    """One display of a run."""

    def __init__(self, name: str) -> None:
        self._picture = LivePicture(name, self._changed)
        self._widget = _widget(self._picture)
        self._handle: Any = None
        self._updated_at = 0.0
        self._settled = False

    def begin(self) -> None:
        """Show it, and follow it while that is needed."""
        from IPython.display import display

        if self._picture.ended and self._widget is None:
            self._settled = True
        self._handle = display(self._bundle(), raw=True, display_id=True)  # type: ignore[no-untyped-call]
        if not self._settled:
            follower.follow(self._picture, self._is_done)

    def finish_headless(self) -> None:
        """The run has ended and its cell is about to: settle now if no page has asked for anything."""
        self._picture.read()
        if self._picture.ended and not self._has_page:
            self._settle()

    @property
    def _has_page(self) -> bool:
        return self._widget is not None and self._widget.greeted

    def _bundle(self) -> dict[str, Any]:
        bundle: dict[str, Any] = {"text/plain": self._picture.text(), "text/html": self._picture.html()}
        if self._widget is not None and not self._settled:
            bundle[WIDGET_MIME] = {"version_major": 2, "version_minor": 0, "model_id": self._widget.model_id}
        return bundle

    def _changed(self, picture: LivePicture) -> None:
        now = time.monotonic()
        if not self._has_page and now - self._updated_at >= UPDATE_EVERY_S and self._handle is not None:
            self._updated_at = now
            self._handle.update(self._bundle(), raw=True)

    def _is_done(self) -> bool:
        if self._settled:
            return True
        if self._widget is not None:
            self._widget.page.news_of_selection()
        if not self._picture.ended:
            return False
        if self._has_page and time.monotonic() - self._picture.touched_at < SETTLE_AFTER_S:
            return False
        self._settle()
        return True

    def _settle(self) -> None:
        if self._settled:
            return
        self._settled = True
        self._handle.update(self._bundle(), raw=True)
        if self._widget is not None:
            with contextlib.suppress(Exception):
                self._widget.close()


def _widget(picture: LivePicture) -> Any:
    """A widget for the picture; None where the renderer has not been built or the widget libraries are missing."""
    if not RENDERER.is_file():
        return None
    try:
        from .widget import RunWidget
    except ImportError:
        return None
    return RunWidget(picture, resume=_on_this_loop(_resume), rerun=_on_this_loop(_rerun))


def _on_this_loop(function: Callable[[str], Any]) -> Callable[[str], Any]:
    """Do it on the loop that runs here now: a click may arrive on any thread, and runs belong to the kernel's loop."""
    loop = running_loop()
    if loop is None:
        return function
    return lambda name: loop.call_soon_threadsafe(function, name)


def _resume(name: str) -> None:
    Run.get(name).resume()


def _rerun(name: str) -> None:
    from .._start import rerun

    show(rerun(name))
