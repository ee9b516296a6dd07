"""Waits for a word on its input; when there is none, whoever was to say it is gone, and the container goes too.

A program of its own, which imports nothing of this package: what stands beside every container is to be small.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import time

TRIES = 3
AGAIN_AFTER_S = 1.0


def main(folder: str, container: str, *engine: str) -> None:
    """Guard a container of that name, and a folder."""
    if sys.stdin.buffer.read(1):
        return
    for _ in range(TRIES):  # a command that makes the container may be at work still
        _attempt(*engine, "kill", container)  # Podman's `rm` would be polite for ten seconds
        _attempt(*engine, "rm", "--force", "--volumes", container)
        time.sleep(AGAIN_AFTER_S)
    shutil.rmtree(folder, ignore_errors=True)


def _attempt(*command: str) -> None:
    subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
