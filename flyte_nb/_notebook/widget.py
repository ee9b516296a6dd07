"""The widget: a thin pipe between `Pages` and the renderer in ``static/widget.js``."""

from __future__ import annotations

import uuid
from typing import Any

import anywidget
import traitlets

from .._follow.live_picture import LivePicture
from .._follow.pages import Pages
from .renderer import RENDERER


class RunWidget(anywidget.AnyWidget):
    """A run, live.

    Parameters
    ----------
    picture : LivePicture
    resume, rerun : callable
        What the buttons do; get the run's name.
    """

    _esm = RENDERER.read_text(encoding="utf-8")  # of a path, anywidget keeps every widget that ever was
    name = traitlets.Unicode().tag(sync=True)
    picture = traitlets.Unicode().tag(sync=True)

    def __init__(self, picture: LivePicture, **actions: Any) -> None:
        super().__init__(name=picture.name, picture=uuid.uuid4().hex)
        self.pages = Pages(picture, self.send, **actions)
        self.greeted = False
        self.on_msg(self._take)
        _answer_on_the_asking_thread(self.comm)

    def _take(self, widget: Any, content: Any, buffers: Any) -> None:
        self.greeted = True
        self.pages.take(content)

    def close(self) -> None:
        """Give up all that belongs to it."""
        self.pages.close()
        self.layout.close()
        super().close()

    def __repr__(self) -> str:
        return "RunWidget()"


def _answer_on_the_asking_thread(comm: Any) -> None:
    """Let clicks through while a cell blocks, on ipykernel 7.4, which otherwise answers where it published last."""
    if hasattr(comm, "_reply_subshell_for"):
        comm._reply_subshell_for = lambda data, default: default
