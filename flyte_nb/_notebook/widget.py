"""The widget: a thin pipe between whoever shows a run and the renderer in ``static/widget.js``."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import anywidget
import traitlets

from .renderer import RENDERER


class RunWidget(anywidget.AnyWidget):
    """A run, live.

    Parameters
    ----------
    name : str
        Of the run.
    heard : callable
        Called with every message of a page.
    """

    _esm = RENDERER.read_text(encoding="utf-8")  # of a path, anywidget keeps every widget that ever was
    name = traitlets.Unicode().tag(sync=True)
    picture = traitlets.Unicode().tag(sync=True)

    def __init__(self, name: str, heard: Callable[[Any], None]) -> None:
        super().__init__(name=name, picture=uuid.uuid4().hex)
        self.on_msg(lambda widget, content, buffers: heard(content))
        _answer_on_the_asking_thread(self.comm)

    def close(self) -> None:
        """Give up all that belongs to it."""
        self.layout.close()
        super().close()

    def __repr__(self) -> str:
        return "RunWidget()"


def _answer_on_the_asking_thread(comm: Any) -> None:
    """Let clicks through while a cell blocks, on ipykernel 7.4, which otherwise answers where it published last."""
    if hasattr(comm, "_reply_subshell_for"):
        comm._reply_subshell_for = lambda data, default: default
