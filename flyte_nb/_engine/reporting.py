"""A report while its task writes it: tabs of HTML whose changes become events when it is flushed."""

from __future__ import annotations

import threading
import time
from typing import Any

from .._aio import Waited, with_aio
from .._public import public
from ..models.events import ReportChanged
from ..models.text import checked_text, writable
from ..types.html import render_html
from .caller import Caller

MAIN_TAB = "main"


@public
class Tab:
    """One page of a report.

    Specification: *Reports*.
    """

    def __init__(self, report: Report, name: str) -> None:
        self._report = report
        self.name = name
        self._pending: list[str] = []
        self._replace = False

    @with_aio
    def log(self, content: Any) -> Waited:
        """Append HTML, a figure, a data frame or anything with `_repr_html_`; shown with the next flush."""
        html = render_html(content)
        with self._report.lock:
            self._pending.append(html)
        return Waited()

    @with_aio
    def replace(self, content: Any) -> Waited:
        """Put `content` in the place of all the tab held; shown with the next flush."""
        html = render_html(content)
        with self._report.lock:
            self._pending = [html]
            self._replace = True
        return Waited()

    def take_change(self) -> tuple[bool, str] | None:
        """What changed since the last call: whether all is replaced, and the HTML."""
        if not self._pending and not self._replace:
            return None
        change = (self._replace, "".join(self._pending))
        self._pending, self._replace = [], False
        return change


@public
class Report:
    """The report of one action.

    Parameters
    ----------
    action : Caller
    """

    def __init__(self, action: Caller) -> None:
        self._action = action
        self.lock: threading.Lock = threading.Lock()
        self.tabs: dict[str, Tab] = {MAIN_TAB: Tab(self, MAIN_TAB)}

    def get_tab(self, name: str, create_if_missing: bool = True) -> Tab:
        """The tab of that name.

        Raises
        ------
        TypeError
            If the name is no str.
        ValueError
            If there is none and `create_if_missing` is false.
        """
        if not isinstance(name, str):
            raise TypeError(f"A tab of a report has a name, a str; got {name!r}.")
        checked_text(name, "The name of the tab")
        with self.lock:
            tab = self.tabs.get(name)
            if tab is None:
                if not create_if_missing:
                    raise ValueError(
                        f"The report has no tab {name!r}; it has {', '.join(map(repr, self.tabs))}."
                        " Leave create_if_missing=True to make it."
                    )
                tab = self.tabs[name] = Tab(self, name)
            return tab

    def flush(self) -> None:
        """Make events of all changes; they are durable with the next commit."""
        run = self._action.run
        with self.lock:
            changes = [(name, change) for name, tab in self.tabs.items() if (change := tab.take_change())]
        for name, (replace, html) in changes:
            content = run.keep_text(writable(html))
            run.log.append(ReportChanged(time.time(), self._action.name, name, replace, content))


def report_of(action: Caller) -> Report:
    """The report of `action`, made on first use."""
    if action.report is None:
        action.report = Report(action)
    return action.report
