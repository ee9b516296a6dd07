"""When what finished becomes durable."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any, cast

import pytest

from flyte_nb._engine.ticks import TickCommits
from flyte_nb.errors import JournalWriteError


class CountingJournal:
    def __init__(self) -> None:
        self.flushes = 0

    def flush(self, wait_s: float | None = None) -> None:
        self.flushes += 1


def commits_with(journal: Any) -> TickCommits:
    log: Any = SimpleNamespace(lost=None)
    return TickCommits(asyncio.get_running_loop(), journal, log)


def test_what_ends_alone_is_committed_at_once() -> None:
    async def end_alone(journal: CountingJournal) -> bool:
        return commits_with(journal).committed_at_once()

    journal = CountingJournal()

    assert asyncio.run(end_alone(journal))
    assert journal.flushes == 1


def test_the_loop_of_this_interpreter_tells_what_it_does_next() -> None:
    """`_ready` is private to asyncio; where this fails, every end waits for a tick, and calls are slower."""

    async def look() -> tuple[bool, bool]:
        loop: Any = asyncio.get_running_loop()
        before = bool(loop._ready)
        loop.call_soon(lambda: None)
        return before, bool(loop._ready)

    assert asyncio.run(look()) == (False, True)


def test_on_a_loop_that_does_not_tell_what_ends_alone_waits_for_the_tick_too() -> None:
    async def end_alone(journal: CountingJournal) -> bool:
        loop = asyncio.get_running_loop()
        silent: Any = SimpleNamespace(create_future=loop.create_future, call_soon=loop.call_soon)
        log: Any = SimpleNamespace(lost=None)
        commits = TickCommits(silent, cast(Any, journal), log)
        at_once = commits.committed_at_once()
        await commits.committed()
        return at_once

    journal = CountingJournal()

    assert not asyncio.run(end_alone(journal))
    assert journal.flushes == 1


def test_what_ends_beside_others_waits_for_the_one_commit_of_the_tick() -> None:
    async def end_beside_others(journal: CountingJournal) -> bool:
        commits = commits_with(journal)
        asyncio.get_running_loop().call_soon(lambda: None)
        at_once = commits.committed_at_once()
        await asyncio.gather(commits.committed(), commits.committed())
        return at_once

    journal = CountingJournal()

    assert not asyncio.run(end_beside_others(journal))
    assert journal.flushes == 1


class InterruptedJournal(CountingJournal):
    """The first commit is struck by an interrupt."""

    def flush(self, wait_s: float | None = None) -> None:
        super().flush(wait_s)
        if self.flushes == 1:
            raise KeyboardInterrupt


def test_whoever_waits_for_a_commit_that_an_interrupt_struck_gets_the_next_one() -> None:
    journal = InterruptedJournal()
    loop = asyncio.new_event_loop()
    try:
        commits = TickCommits(loop, cast(Any, journal), cast(Any, SimpleNamespace(lost=None)))
        waiting = commits.committed()
        with pytest.raises(KeyboardInterrupt):
            loop.run_until_complete(waiting)
        loop.run_until_complete(asyncio.wait_for(waiting, 20))
    finally:
        loop.close()
    assert journal.flushes == 2


class HeldJournal(CountingJournal):
    """Another process keeps it."""

    patience_s = 0.05

    def flush(self, wait_s: float | None = None) -> None:
        super().flush(wait_s)
        error = JournalWriteError("Another process holds it.")
        error.is_held = True
        raise error


def test_whoever_waits_for_a_journal_that_is_held_hears_of_it_when_patience_is_over_and_is_waited_for_anew() -> None:
    async def wait_twice(journal: HeldJournal) -> tuple[int, bool, int]:
        commits = commits_with(journal)
        with pytest.raises(JournalWriteError, match="holds it"):
            await asyncio.wait_for(commits.committed(), 20)
        first, was_held = journal.flushes, commits.is_held
        with pytest.raises(JournalWriteError, match="holds it"):
            await asyncio.wait_for(commits.committed(), 20)
        return first, was_held, journal.flushes - first

    first, was_held, second = asyncio.run(wait_twice(HeldJournal()))

    assert first > 1
    assert second > 1
    assert not was_held
