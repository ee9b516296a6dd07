"""What Dask workers of `DaskBackend.local` load as they start.

A notebook's interrupt reaches all processes of the kernel's group. The kernel stops what it has at the workers; they
themselves stay, so that the next cell finds them.
"""

from __future__ import annotations

import multiprocessing
import signal
import threading
from typing import Any


def dask_setup(worker: Any) -> None:
    """See `distributed`'s preload modules; a worker on a thread of the kernel leaves the kernel's signals alone."""
    if multiprocessing.parent_process() is not None and threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, signal.SIG_IGN)
