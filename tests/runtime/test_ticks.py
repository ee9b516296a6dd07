"""When what finished becomes durable."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any, cast

from flyte_nb._engine.ticks import TickCommits


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
