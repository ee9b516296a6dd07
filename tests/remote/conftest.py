"""Runs that another process drives."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

PROGRAM = Path(__file__).with_name("owner_program.py")


class OtherProcess:
    """A process with one run, which stands at its gate until `open_gate` is called."""

    def __init__(self, home: Path, name: str, task: str) -> None:
        self.name = name
        self.process = subprocess.Popen(
            [sys.executable, str(PROGRAM), str(home), name, task],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert self.process.stdout is not None
        printed = []
        for line in self.process.stdout:
            if line == "at the gate\n":
                return
            printed.append(line)
        pytest.fail(f"The process never came to its gate:\n{''.join(printed)}")

    def open_gate(self) -> None:
        """Let the run go on to its end."""
        assert self.process.stdin is not None
        self.process.stdin.write("go on\n")
        self.process.stdin.flush()

    def finish(self) -> None:
        """Let the run and its process end."""
        self.open_gate()
        self.process.communicate(timeout=60)

    def kill(self) -> None:
        """End the process as `kill -9` does."""
        self.process.kill()
        self.process.communicate(timeout=60)


@pytest.fixture
def other_process(home: Path) -> Iterator[Callable[..., OtherProcess]]:
    """Starts processes; returns when their run stands at its gate."""
    started: list[OtherProcess] = []

    def start(task: str = "good", name: str = "theirs") -> OtherProcess:
        started.append(OtherProcess(home, name, task))
        return started[-1]

    yield start
    for other in started:
        other.kill()
