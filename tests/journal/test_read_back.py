"""An event that was appended is read back wherever it is: queued, on its way, or committed."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from flyte_nb import errors
from flyte_nb._journal import Home, JournalReader, JournalWriter, RunLog
from flyte_nb._journal.liveness import this_process
from flyte_nb.models import events as ev

Listen = Callable[[Callable[[str], None]], AbstractContextManager[None]]

ELSEWHERE = ev.Owner("elsewhere", 41, 1.0)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return Home(tmp_path / "journal_home").journal_path


def begun(writer: JournalWriter) -> RunLog:
    return writer.begin_run("run", ev.RunStarted(time.time(), "env.main", this_process()), None)


def stall(action: str) -> ev.StallNoticed:
    return ev.StallNoticed(1.0, action, 2.0)


def test_an_event_is_the_same_before_and_after_its_commit(path: Path) -> None:
    writer = JournalWriter(path)
    log = begun(writer)
    numbers = [log.append_numbered(stall(f"a{index}")) for index in range(10)]

    assert [log.read_back(number) for number in numbers] == [stall(f"a{index}") for index in range(10)]
    writer.flush()
    log.append(stall("later"))
    assert [log.read_back(number) for number in numbers] == [stall(f"a{index}") for index in range(10)]


def test_an_event_that_is_being_committed_is_waited_for(path: Path, at_write_points: Listen) -> None:
    writer = JournalWriter(path)
    log = begun(writer)
    number = log.append_numbered(stall("a"))
    found: list[ev.AnyEvent] = []
    reading = threading.Thread(target=lambda: found.append(log.read_back(number)))

    def at(point: str) -> None:
        if point == "before_commit":
            reading.start()

    with at_write_points(at):
        writer.flush()
    reading.join(20)

    assert found == [stall("a")]


def test_an_event_that_never_was_committed_because_the_run_was_taken_over_is_that_error(path: Path) -> None:
    writer = JournalWriter(path)
    log = begun(writer)
    number = log.append_numbered(stall("a"))
    other = JournalWriter(path)
    rightful = other.take_over_run(ev.RunResumed(time.time(), ELSEWHERE), JournalReader(path).run("run"))
    while rightful.append_numbered(stall("another")) < number:
        pass
    other.flush()
    assert log.read_back(number) == stall("a")
    writer.flush()

    with pytest.raises(errors.RunTakenOverError):
        log.read_back(number)
