"""One process at a time."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path

POLL_S = 0.2


@contextlib.contextmanager
def locked(path: Path, wait: Callable[[float], None]) -> Iterator[None]:
    """Hold the lock at `path`; it is free again when this process ends, however it ends.

    Parameters
    ----------
    wait : callable
        Called with some seconds as long as another process holds it; may raise to give up.
    """
    import fcntl

    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                wait(POLL_S)
        yield
    finally:
        os.close(descriptor)
