"""The pages that look at one picture through one channel, each with its own open branches and its own selection.

A notebook may be open in several browsers, and all of them hear what a widget sends. So a page says with each message
which `view` it is, and what is for it alone carries the same. It also says whether it `keeps` the outputs of a notebook
that was loaded from its file, so that they can be filled anew: JupyterLab does with its extension, and others do not.
"""

from __future__ import annotations

import threading
from functools import partial
from typing import Any

from .live_picture import LivePicture
from .page import Page, Send

MOST_PAGES = 8


class Pages:
    """Pages by their view. Until one has been heard, there is one that speaks to all.

    Parameters
    ----------
    picture : LivePicture
    send : callable
        Takes a message as JSON-like builtins; everybody hears it.
    actions : callable
        What else a `Page` needs.

    Attributes
    ----------
    were_left : bool
        Whether a page that was heard has left. The next one may have been loaded from a file.
    """

    def __init__(self, picture: LivePicture, send: Send, **actions: Any) -> None:
        self._picture = picture
        self._send = send
        self._actions = {**actions, "under_way": {}}
        self._lock = threading.Lock()
        self._pages = {"": self._page("")}
        self._keeping: set[str] = set()
        self.were_left: bool = False

    def take(self, content: Any) -> bool:
        """Take a message of a page; whether it is the first one of that page."""
        said = content if isinstance(content, dict) else {}
        view = str(said.get("view", "")).encode(errors="replace").decode()  # it comes back with all that is sent there
        is_new = view not in self._pages
        page = self._page_of(view)
        if said.get("keeps") is True:
            self._keeping.add(view)
        page.take(content)
        if page.has_left:
            self.were_left = True
            with self._lock:
                self._pages.pop(view, None)
        return is_new

    def news_of_selection(self) -> None:
        """Send every page what is new about its selected action."""
        for page in self._all():
            page.news_of_selection()

    @property
    def are_open(self) -> bool:
        """Whether a page that was heard has not left."""
        return any(view for view in tuple(self._pages))

    @property
    def lose_outputs(self) -> bool:
        """Whether a page is open that does not keep the outputs of a notebook that was loaded."""
        return any(view and view not in self._keeping for view in tuple(self._pages))

    @property
    def are_used(self) -> bool:
        """Whether somebody has done something with the picture on a page that has not left."""
        return any(page.is_used for page in self._all())

    def close(self) -> None:
        """All pages are gone."""
        for page in self._all():
            page.leave()

    def _all(self) -> list[Page]:
        with self._lock:
            return list(self._pages.values())

    def _page_of(self, view: str) -> Page:
        """The page of that view, as the one heard last; the one not heard for longest leaves where there are many."""
        with self._lock:
            page = self._pages.pop(view, None) or self._page(view)
            gone = [self._pages.pop("")] if "" in self._pages else []
            while len(self._pages) >= MOST_PAGES:
                gone.append(self._pages.pop(next(iter(self._pages))))
            self._pages[view] = page
        for one in gone:
            one.leave()
        return page

    def _page(self, view: str) -> Page:
        return Page(self._picture, partial(self._send_to, view), **self._actions)

    def _send_to(self, view: str, message: dict[str, Any]) -> None:
        self._send({**message, "view": view} if view else message)
