"""Wait for a run: of this process, from wherever the caller stands, or of another one; for ever, or for a time."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import math
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from .._aio import wait_in_pieces
from .._engine.blocking import run_from_within, wait_unless_stopped
from .._engine.interrupts import handled_interrupts, strike_if_stuck, watch_of
from .._engine.scope import current_scope
from .._engine.stepping import can_wait_here, own_task, wait_here
from .._runtime.notebook_loop import interruption, running_loop
from .._task.duration import Duration, seconds

if TYPE_CHECKING:
    from .._engine.live_run import LiveRun
    from .history import RunHistory

POLL_EVERY_S = 0.05
STOPS_WITHIN_S = 2.0


def limit_of(timeout: Duration | None, quiet: object = True) -> float | None:
    """A time limit in seconds, None for none; errors as `seconds`, and for one in the place of `quiet`."""
    if not isinstance(quiet, bool):
        raise TypeError(f"wait(): quiet is True or False; got {quiet!r:.80}. A time limit is timeout={quiet!r:.80}.")
    return None if timeout is None else seconds(timeout, "timeout")


def raise_if_late(what: str, ended: bool, limit_s: float | None) -> None:
    """Raise `TimeoutError` if what was waited for up to a limit has not ended."""
    if limit_s is not None and not ended:
        raise TimeoutError(
            f"{what} has not ended after {limit_s:g} s; it goes on. Wait again, or stop it with abort()."
        )


def wait_for_live(run: LiveRun, limit_s: float | None = None) -> None:
    """Wait for a run of this process, or until the time is over; the interrupt of whoever waits aborts it.

    Raises
    ------
    KeyboardInterrupt
        After the run was aborted.
    """
    if run.done.done():
        return
    if can_wait_here():
        wait_here(_until_done(run.done, limit_s))
        return
    if _on_a_tasks_thread():
        wait_unless_stopped(_until_done(run.done, limit_s), run.loop)
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
        run.loop.call_soon_threadsafe(lambda: own_task(_stopped(run)).add_done_callback(hear))

    run.done.add_done_callback(hear)
    with handled_interrupts(abort):
        if running_loop() is run.loop:
            run_from_within(run.loop, _until_done(heard, limit_s))
        else:
            wait_in_pieces(heard, limit_s)
    if interrupted:
        raise KeyboardInterrupt


async def await_live(run: LiveRun, limit_s: float | None = None) -> None:
    """As `wait_for_live`; the interrupt of the awaiting cell aborts the run, other cancellations do not."""
    watch = watch_of(asyncio.get_running_loop())
    watch.begin()
    try:
        await _until_done(run.done, limit_s)
    except asyncio.CancelledError:
        if watch.interrupted_just_now:
            run.abort(interruption())
            # The kernel is about to draw a traceback, on the loop on which the tree has to stop.
            await asyncio.wait([own_task(_stopped(run))], timeout=STOPS_WITHIN_S)
        raise
    finally:
        watch.end()
    if run.interrupted:
        raise KeyboardInterrupt


def wait_for_other(history: RunHistory, limit_s: float | None = None) -> None:
    """Wait for a run of another process, or until the time is over."""
    if can_wait_here():
        wait_here(await_other(history, limit_s))
        return
    if _on_a_tasks_thread():
        wait_unless_stopped(await_other(history, limit_s), history.runtime.loop.get())
        return
    passed = _limit(limit_s)
    while not (history.phase().is_terminal or passed()):
        time.sleep(POLL_EVERY_S)


async def await_other(history: RunHistory, limit_s: float | None = None) -> None:
    """As `wait_for_other`."""
    await until(lambda: history.phase().is_terminal, limit_s)


async def until(ended: Callable[[], bool], limit_s: float | None = None) -> None:
    """Look again and again until something has ended, or the time is over."""
    passed = _limit(limit_s)
    while not (ended() or passed()):
        await asyncio.sleep(POLL_EVERY_S)


def _on_a_tasks_thread() -> bool:
    return current_scope() is not None and threading.current_thread() is not threading.main_thread()


def _limit(limit_s: float | None) -> Callable[[], bool]:
    """Says whether a time that begins now is over."""
    end = math.inf if limit_s is None else time.monotonic() + limit_s
    return lambda: time.monotonic() >= end


async def _until_done(future: concurrent.futures.Future[None], limit_s: float | None) -> None:
    """Await a future of any thread, or the end of the time; whoever gives up leaves it alone."""
    loop = asyncio.get_running_loop()
    heard = loop.create_future()

    def hear(_: object) -> None:
        with contextlib.suppress(RuntimeError):  # of a loop that was closed since
            loop.call_soon_threadsafe(lambda: None if heard.done() else heard.set_result(None))

    future.add_done_callback(hear)
    await asyncio.wait([heard], timeout=limit_s)


async def _stopped(run: LiveRun) -> None:
    """Wait until a run that was aborted has ended, or only waits for the journal to record so."""
    done = asyncio.wrap_future(run.done)
    while not (done.done() or run.only_waits_for_journal):
        await asyncio.wait([done], timeout=POLL_EVERY_S)
