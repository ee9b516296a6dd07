"""One process at a time; and what is in use, so that nobody removes it."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path

POLL_S = 0.2

_held: dict[Path, int] = {}


def hold(target: Path) -> None:
    """Note that `target` is used now, and keep it from being removed until this process ends, however it ends."""
    import fcntl

    mark = _mark_of(target)
    if mark not in _held:
        mark.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = _held.setdefault(mark, os.open(mark, os.O_RDWR | os.O_CREAT, 0o600))
        fcntl.flock(descriptor, fcntl.LOCK_SH)
    os.utime(mark)


def used_at(target: Path) -> float:
    """When some process began to use `target`, or to make it; seconds since the epoch."""
    mark = _mark_of(target)
    return (mark if mark.exists() else target).stat().st_mtime


@contextlib.contextmanager
def unused(target: Path) -> Iterator[bool]:
    """Whether no process uses `target`; none begins to before the block ends."""
    import fcntl

    descriptor = os.open(_mark_of(target), os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True
    finally:
        os.close(descriptor)


def _mark_of(target: Path) -> Path:
    return target.with_name(f"{target.name}.used")


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
