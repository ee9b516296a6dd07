"""`flyte-nb ui` as a process of its own."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest


class Ui:
    """A server on a home, and the address and the token that it printed."""

    def __init__(self, home: Path, variables: dict[str, str]) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "flyte_nb", "--home", str(home), "ui"],
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, **variables},
        )
        assert self.process.stdout is not None
        line = next((line for line in self.process.stdout if "http://" in line), "")
        found = re.fullmatch(r"(.*)/flyte-nb/\?token=(\S+)", line.strip())
        assert found is not None, "the server ended without an address"
        self.address, self.token = found.groups()

    @property
    def headers(self) -> dict[str, str]:
        """What lets a request in."""
        return {"Authorization": f"token {self.token}"}

    def end(self) -> None:
        """As Ctrl-C does; it ends well."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            assert self.process.wait(120) == 0
        assert self.process.stdout is not None
        self.process.stdout.close()


@pytest.fixture
def start_ui() -> Iterator[Callable[..., Ui]]:
    """Starts `flyte-nb ui` on a home, with environment variables; it ends with the test."""
    started: list[Ui] = []

    def start(home: Path, **variables: str) -> Ui:
        started.append(Ui(home, variables))
        return started[-1]

    yield start
    for ui in started:
        ui.end()
