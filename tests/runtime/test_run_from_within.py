"""The kernel's loop is run from within a cell that waits for a run."""

from __future__ import annotations

import asyncio

import pytest

from flyte_nb._engine.blocking import run_from_within


@pytest.mark.parametrize("times", [1, 2])
def test_what_was_ready_beside_the_cell_is_done_once_and_the_loop_goes_on(times: int) -> None:
    done: list[str] = []

    async def wait() -> None:
        while len(done) < 3:
            await asyncio.sleep(0)

    def cell() -> None:
        run_from_within(loop, wait())
        done.append("cell")

    loop = asyncio.new_event_loop()
    try:
        for _ in range(times):
            done.clear()
            loop.call_soon(cell)
            for name in ("first", "second", "third"):
                loop.call_soon(done.append, name)
            loop.call_later(0.01, loop.stop)
            loop.run_forever()

            assert done == ["first", "second", "third", "cell"]
    finally:
        loop.close()


def test_a_wait_that_fails_leaves_the_loop_as_well() -> None:
    told: list[str] = []

    async def fail() -> None:
        await asyncio.sleep(0)
        raise LookupError("nothing there")

    def cell() -> None:
        try:
            run_from_within(loop, fail())
        except LookupError as error:
            told.append(str(error))

    loop = asyncio.new_event_loop()
    try:
        loop.call_soon(cell)
        for _ in range(3):
            loop.call_soon(lambda: None)
        loop.call_later(0.01, loop.stop)
        loop.run_forever()
    finally:
        loop.close()

    assert told == ["nothing there"]
