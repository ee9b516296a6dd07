"""Wait for a run: of this process, from wherever the caller stands, or of another one."""

from __future__ import annotations

import asyncio
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
        wait_here(_done(run))
        return
    interrupted = False

    def abort() -> None:
        nonlocal interrupted
        interrupted = True
        run.abort(interruption())
        strike_if_stuck(run)

    with handled_interrupts(abort):
        if running_loop() is run.loop:
            run_from_within(run.loop, _done(run))
        else:
            run.done.result()
    if interrupted:
        raise KeyboardInterrupt


async def await_live(run: LiveRun) -> None:
    """Await a run of this process; the interrupt of the awaiting cell aborts it, other cancellations do not."""
    watch = watch_of(asyncio.get_running_loop())
    watch.begin()
    try:
        await _done(run)
    except asyncio.CancelledError:
        if watch.interrupted_just_now:
            run.abort(interruption())
            # The kernel is about to draw a traceback, on the loop on which the tree has to stop.
            await asyncio.wait([asyncio.wrap_future(run.done)], timeout=STOPS_WITHIN_S)
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


async def _done(run: LiveRun) -> None:
    await asyncio.shield(asyncio.wrap_future(run.done))
