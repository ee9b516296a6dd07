"""The synchronous door: wait for a coroutine without `await`, wherever the caller stands."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import contextvars
import threading
from collections.abc import Coroutine, Iterator, Sized
from typing import Any, TypeVar

from .._task.invocation import active_invoker
from ..errors import RuntimeUserError
from .stepping import can_wait_here, own_task, wait_here

T = TypeVar("T")

_patch_lock = threading.Lock()
_left_when_stopped: dict[int, concurrent.futures.Future[Any]] = {}
"""What threads wait for in `wait_unless_stopped`, by their identity."""


def wait_blocking(coroutine: Coroutine[Any, Any, T], loop: asyncio.AbstractEventLoop) -> T:
    """Run `coroutine` on `loop` and return its result.

    Inside an async task only that task waits. On a thread without that loop the thread waits. On the loop's
    own thread outside any task (a notebook cell), the loop is run from within.
    """
    if can_wait_here() and asyncio.get_running_loop() is not None:
        return wait_here(coroutine)
    if runs_here(loop):
        return run_from_within(loop, coroutine)
    future = asyncio.run_coroutine_threadsafe(coroutine, loop)
    try:
        return future.result()
    except BaseException:
        future.cancel()
        raise


def wait_unless_stopped(coroutine: Coroutine[Any, Any, T], loop: asyncio.AbstractEventLoop) -> T:
    """As `wait_blocking`, for a wait that ends when the task whose thread waits is to be stopped.

    Calls are not waited for in this way: they have to end before their caller does.

    Raises
    ------
    asyncio.CancelledError
        If the task is to be stopped.
    """
    if can_wait_here() or runs_here(loop):
        return wait_blocking(coroutine, loop)
    thread = threading.get_ident()
    future = asyncio.run_coroutine_threadsafe(coroutine, loop)
    _left_when_stopped[thread] = future
    try:
        return future.result()
    except concurrent.futures.CancelledError:
        raise asyncio.CancelledError from None
    except BaseException:
        future.cancel()
        raise
    finally:
        del _left_when_stopped[thread]


def stop_waiting(thread: int) -> bool:
    """Have a thread that is in `wait_unless_stopped` leave it; False if it is not, or has just left."""
    future = _left_when_stopped.get(thread)
    return future is not None and future.cancel()


def run_from_within(loop: asyncio.AbstractEventLoop, coroutine: Coroutine[Any, Any, T]) -> T:
    """Run the loop that the caller, code of no run, is a callback of until `coroutine` is done.

    Raises
    ------
    RuntimeUserError
        In the code of a task. Waits that are run from within end last in, first out, and may wait for each other.
    """
    if active_invoker.get() is not None:
        coroutine.close()
        raise RuntimeUserError(
            "WaitsInCallback",
            "A sync task, flyte.map, or another call that waits was made in a callback of the event loop (of call_soon,"
            " call_later, add_done_callback), where nothing can wait. Have the callback start an asyncio task for it:"
            " loop.create_task(task.aio(...)), or one of an async function that makes the call.",
        )
    make_reentrant(loop)
    task = own_task(coroutine, contextvars.copy_context())
    with _as_many_ready_afterwards(loop):
        return loop.run_until_complete(task)


def make_reentrant(loop: asyncio.AbstractEventLoop) -> None:
    """Let `loop` be run from within one of its own callbacks.

    Of nest-asyncio2 only what it does to a loop is used, on a class that this one loop has: all it replaces beside
    (`asyncio.run`, tasks, futures, `get_event_loop`, other loops) stays as it is.
    """
    with _patch_lock:
        if hasattr(loop, "_nest_patched"):
            return
        import nest_asyncio2

        plain = type(loop)
        loop.__class__ = type(plain.__name__, (plain,), {"__module__": plain.__module__})
        nest_asyncio2._patch_loop(loop)


@contextlib.contextmanager
def _as_many_ready_afterwards(loop: asyncio.AbstractEventLoop) -> Iterator[None]:
    """Have what is ready on `loop` not get less in the block.

    The round of the loop that the caller is in has counted what is ready before it goes through it. If it is plain
    asyncio's, because the loop was made reentrant within it, it would fail, and a kernel end, for what is gone by then.
    """
    ready: Sized = getattr(loop, "_ready", ())
    count = len(ready)
    try:
        yield
    finally:
        for _ in range(count - len(ready)):
            loop.call_soon(_nothing)


def _nothing() -> None:
    pass


def runs_here(loop: asyncio.AbstractEventLoop) -> bool:
    """Whether `loop` runs on this thread."""
    try:
        return asyncio.get_running_loop() is loop
    except RuntimeError:
        return False
