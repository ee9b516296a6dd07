"""Whose loop a run uses."""

from __future__ import annotations

import asyncio
import sys
import threading
from typing import Any


def notebook_loop() -> asyncio.AbstractEventLoop | None:
    """The kernel's own loop, if the caller is a cell (or something else on it); else None."""
    if not in_notebook() or threading.current_thread() is not threading.main_thread():
        return None
    return running_loop()


def in_notebook() -> bool:
    """Whether this process is a Jupyter kernel."""
    return kernel() is not None


def interruption() -> str:
    """Why a run is aborted when whoever waits for it is interrupted, in words that fit where that is."""
    return "The cell was interrupted." if in_notebook() else "It was interrupted with Ctrl-C."


def kernel() -> Any:
    """The Jupyter kernel that this process is, or None. IPython is not imported to find out."""
    ipython = sys.modules.get("IPython")
    return getattr(ipython.get_ipython(), "kernel", None) if ipython is not None else None


def running_loop() -> asyncio.AbstractEventLoop | None:
    """The loop that runs on this thread, or None."""
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None
