"""`init` leaves nothing of the home before it, and says what is wrong with the new one."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path

import psutil

import flyte_nb as flyte
from flyte_nb._runtime.background_loop import BackgroundLoop

env = flyte.TaskEnvironment("homes")


@env.task
async def on_the_loop(x: int) -> int:
    return x


def open_files_and_threads() -> tuple[int, int]:
    return psutil.Process().num_fds(), threading.active_count()


def use_home(folder: Path) -> None:
    flyte.init(home=folder)
    assert flyte.run(on_the_loop, 1).outputs() == 1


def test_twenty_homes_one_after_another_leave_neither_files_nor_threads_open(tmp_path: Path) -> None:
    use_home(tmp_path / "first")
    before = open_files_and_threads()
    for number in range(20):
        use_home(tmp_path / f"home{number}")
    assert open_files_and_threads() == before


def test_what_runs_on_a_loop_that_is_closed_is_cancelled_and_may_clean_up() -> None:
    background, cleaned = BackgroundLoop(), threading.Event()

    async def lasts() -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            cleaned.set()

    begun = threading.Event()
    loop = background.get()
    asyncio.run_coroutine_threadsafe(lasts(), loop)
    assert begun.wait(20)
    background.close()
    background.close()
    assert cleaned.is_set() and loop.is_closed()
    assert background.get() is not loop
    background.close()
