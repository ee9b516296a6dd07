"""Wait for a run: of this process, from wherever the caller stands, or of another one."""

from __future__ import annotations

import asyncio
import concurrent.futures
import time
from typing import TYPE_CHECKING

from .._engine.blocking import run_from_within
from .._engine.interrupts import handled_interrupts, strike_if_stuck, watch_of
from .._engine.stepping import can_wait_here, wait_here
from .._runtime.notebook_loop import interruption, running_loop

if TYPE_CHECKING:
    from .._engine.live_run import LiveRun
    from .history import RunHistory

POLL_EVERY_S = 0.05
STOPS_WITHIN_S = 2.0


def wait_for_live(run: LiveRun) -> None:
    """Wait for a run of this process; the interrupt of whoever waits aborts it.

    Raises
    ------
    KeyboardInterrupt
        After the run was aborted.
    """
    if run.done.done():
        return
    if can_wait_here():
        wait_here(_as_awaited(run.done))
        return
    interrupted = False
    heard: concurrent.futures.Future[None] = concurrent.futures.Future()

    def hear(_: object) -> None:
        if not heard.done():
            heard.set_result(None)

    def abort() -> None:
        nonlocal interrupted
        interrupted = True
        run.abort(interruption())
        strike_if_stuck(run)
        run.loop.call_soon_threadsafe(lambda: run.loop.create_task(_stopped(run)).add_done_callback(hear))

    run.done.add_done_callback(hear)
    with handled_interrupts(abort):
        if running_loop() is run.loop:
            run_from_within(run.loop, _as_awaited(heard))
        else:
            heard.result()
    if interrupted:
        raise KeyboardInterrupt


async def await_live(run: LiveRun) -> None:
    """Await a run of this process; the interrupt of the awaiting cell aborts it, other cancellations do not."""
    watch = watch_of(asyncio.get_running_loop())
    watch.begin()
    try:
        await _as_awaited(run.done)
    except asyncio.CancelledError:
        if watch.interrupted_just_now:
            run.abort(interruption())
            # The kernel is about to draw a traceback, on the loop on which the tree has to stop.
            await asyncio.wait([asyncio.ensure_future(_stopped(run))], timeout=STOPS_WITHIN_S)
        raise
    finally:
        watch.end()
    if run.interrupted:
        raise KeyboardInterrupt


def wait_for_other(history: RunHistory) -> None:
    """Wait for a run of another process."""
    if can_wait_here():
        wait_here(await_other(history))
        return
    while not history.phase().is_terminal:
        time.sleep(POLL_EVERY_S)


async def await_other(history: RunHistory) -> None:
    """Await a run of another process."""
    while not history.phase().is_terminal:
        await asyncio.sleep(POLL_EVERY_S)


async def _as_awaited(future: concurrent.futures.Future[None]) -> None:
    await asyncio.shield(asyncio.wrap_future(future))


async def _stopped(run: LiveRun) -> None:
    """Wait until a run that was aborted has ended, or only waits for the journal to record so."""
    done = asyncio.wrap_future(run.done)
    while not (done.done() or run.only_waits_for_journal):
        await asyncio.wait([done], timeout=POLL_EVERY_S)
