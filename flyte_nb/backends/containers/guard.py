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


@contextlib.contextmanager
def guarded(engine: Engine, container: str, folder: Path) -> Iterator[None]:
    """When this process is killed within the block, a container and a folder are removed all the same."""
    words = [str(folder), container, engine.pickled_settings().hex(), os.pathsep.join(sys.path)]
    guard = subprocess.Popen(
        [sys.executable, "-I", "-S", str(PROGRAM), *words],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,  # who kills a kernel often kills its whole group
    )
    try:
        yield
    finally:
        guard.communicate(b".")
