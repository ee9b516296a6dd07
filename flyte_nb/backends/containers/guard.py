"""A process that outlives this one by a moment, so that no container does."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from .engine import Engine

PROGRAM = Path(__file__).with_name("guard_main.py")


class Guard:
    """Removes a container and a folder when this process is killed, or could not remove the container itself."""

    def __init__(self) -> None:
        self.is_needed = True


@contextlib.contextmanager
def guarded(engine: Engine, container: str, folder: Path) -> Iterator[Guard]:
    """All is removed also when this process is killed within the block, or when `is_needed` holds after it."""
    words = [str(folder), container, engine.settings_as_json(), os.pathsep.join(sys.path)]
    guard = Guard()
    process = subprocess.Popen(
        [sys.executable, "-I", "-S", str(PROGRAM), *words],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,  # who kills a kernel often kills its whole group
    )
    assert process.stdin is not None
    try:
        yield guard
    finally:
        if guard.is_needed:
            process.stdin.close()
        else:
            process.communicate(b".")
