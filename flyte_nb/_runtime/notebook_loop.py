"""Whose loop a run uses."""

from __future__ import annotations

import asyncio
import sys
import threading


def notebook_loop() -> asyncio.AbstractEventLoop | None:
    """The kernel's own loop, if the caller is a cell (or something else on it); else None."""
    if not in_notebook() or threading.current_thread() is not threading.main_thread():
        return None
    return running_loop()


def in_notebook() -> bool:
    """Whether this process is a Jupyter kernel. IPython is not imported to find out."""
    ipython = sys.modules.get("IPython")
    if ipython is None:
        return False
    shell = ipython.get_ipython()
    return shell is not None and getattr(shell, "kernel", None) is not None


def running_loop() -> asyncio.AbstractEventLoop | None:
    """The loop that runs on this thread, or None."""
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None
