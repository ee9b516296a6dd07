"""Every test has a home of its own."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

import flyte_nb as flyte
from flyte_nb._runtime.runtime import current_runtime
from flyte_nb._write_points import listen
from tests.timers import timers as timers
from tests.ui import start_ui as start_ui

# A busy machine draws examples slowly, which is no fault of a strategy; the home of a test may serve all its examples.
_OF_TIME_AND_HOME = [HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
settings.register_profile("flyte_nb", deadline=None, suppress_health_check=_OF_TIME_AND_HOME)
settings.load_profile("flyte_nb")

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # a shell's background job: what tests interrupt is to hear it
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A fresh home folder, in use; also where a test says `init` anew."""
    folder = tmp_path / "home"
    monkeypatch.setenv("FLYTE_NB_HOME", str(folder))
    flyte.init(home=folder)
    yield folder
    for run in list(current_runtime().controller.runs.values()):
        run.abort("The test is over.")
        run.done.result(timeout=10)


@contextmanager
def _listening(listener: Callable[[str], None]) -> Iterator[None]:
    listen(listener)
    try:
        yield
    finally:
        listen(None)


@pytest.fixture
def at_write_points() -> Callable[[Callable[[str], None]], AbstractContextManager[None]]:
    """A block in which a function is called whenever this process is about to write something, or just has."""
    return _listening
