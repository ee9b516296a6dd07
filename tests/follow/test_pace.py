"""How often a page is sent what changed, by a clock that the tests turn."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable

import pytest

import flyte_nb as flyte
from flyte_nb._follow.live_picture import Follower, LivePicture
from flyte_nb._follow.pace import Pace
from flyte_nb._journal.liveness import this_process
from flyte_nb._runtime.runtime import current_runtime
from flyte_nb._view.wire import Diff, ToPage
from flyte_nb.models.events import ActionQueued, RunStarted, StoredLiterals
from flyte_nb.remote.history import RunHistory

env = flyte.TaskEnvironment("paced")


@env.task
async def goes_on() -> None:
    await asyncio.sleep(600)


class TurnedClock:
    """Only what sleeps lets time pass; `meanwhile` is what others do in it."""

    def __init__(self, meanwhile: Callable[[], None] = lambda: None) -> None:
        self.passed = self.spent = self.had = 0.0
        self._meanwhile = meanwhile

    def monotonic(self) -> float:
        return self.passed

    def thread_time(self) -> float:
        return self.spent

    def process_time(self) -> float:
        return self.had

    def sleep(self, seconds: float) -> None:
        self.passed += seconds
        self._meanwhile()


@pytest.mark.parametrize("is_busy", [False, True])
def test_a_page_is_sent_changes_at_most_ten_times_a_second(is_busy: bool) -> None:
    if is_busy:
        flyte.run(goes_on)
    writer = current_runtime().writer
    log = writer.begin_run("flood", RunStarted(0.0, "paced.flood", this_process()), None)
    log.append(ActionQueued(0.0, "a0", "", "paced.flood", "flood", StoredLiterals(b""), running=True))
    writer.flush()
    number = 0

    def another_action() -> None:
        nonlocal number
        number += 1
        log.append(ActionQueued(0.0, f"a{number}", "a0", "paced.leaf", "leaf", StoredLiterals(b""), running=True))
        writer.flush()

    clock = TurnedClock(another_action)
    picture = LivePicture(RunHistory("flood"), lambda _: None)
    sent_at: list[float] = []

    def take(message: ToPage) -> None:
        if isinstance(message, Diff):
            sent_at.append(clock.monotonic())

    feed = picture.attach(take)
    feed.heard = True
    follower = Follower(clock)
    follower.follow(picture, lambda: clock.monotonic() >= 10)
    thread = follower._thread
    assert thread is not None
    thread.join(timeout=60)

    assert not thread.is_alive() and len(sent_at) > 50
    assert min(later - earlier for earlier, later in itertools.pairwise(sent_at)) >= 0.0999


def paused(clock: TurnedClock, *, passed: float, spent: float, had: float, is_busy: bool, late_s: float) -> float:
    pace = Pace(clock)
    pace.begin()
    clock.passed, clock.spent, clock.had = passed, spent, had
    return pace.pause_s(is_busy=is_busy, late_s=late_s)


@pytest.mark.parametrize(
    ("late_s", "share"),
    [(0.0, 1 / 20), (2.0, 1 / 10)],
)
def test_beside_runs_looking_takes_a_twentieth_of_the_time_and_a_tenth_when_it_is_late(
    late_s: float, share: float
) -> None:
    pause_s = paused(TurnedClock(), passed=0.05, spent=0.05, had=0.05, is_busy=True, late_s=late_s)
    assert 0.05 / (0.05 + pause_s) == pytest.approx(share)


def test_where_the_process_gets_a_third_of_a_core_pauses_are_three_times_as_long() -> None:
    alone = paused(TurnedClock(), passed=0.05, spent=0.05, had=0.05, is_busy=True, late_s=0)
    crowded = paused(TurnedClock(), passed=0.15, spent=0.05, had=0.05, is_busy=True, late_s=0)
    assert crowded == pytest.approx(3 * alone)


def test_where_nothing_runs_a_picture_that_is_late_catches_up() -> None:
    assert paused(TurnedClock(), passed=0.01, spent=0.01, had=0.01, is_busy=False, late_s=2) == pytest.approx(0.01)
