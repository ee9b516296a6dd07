"""Sync tasks on threads of the kernel's process."""

from __future__ import annotations

import asyncio
import contextvars
import ctypes
import queue
import sys
import threading
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any

from .._engine.action import Action
from .._engine.blocking import stop_waiting
from .._engine.capacity import Capacity
from .._engine.environment import applied
from .._engine.plan import TaskPlan
from .._engine.ports import Room
from .._task.invocation import active_invoker

IDLE_S = 10.0
POLITE_S = 1.0
ASK_AGAIN_S = 0.02


class ThreadBackend:
    """Runs a function on a thread; as many at once as there are places, not counting those that wait for children.

    A thread cannot be killed. To stop an attempt, `CancelledError` is raised in it at its next line of Python;
    when it does not end in time its thread is left behind and its result is thrown away.

    Parameters
    ----------
    places : int
        How many functions run at once.
    """

    name = "thread"
    by_reference = False
    may_repeat = False

    def __init__(self, places: int = 32) -> None:
        self.capacity: Room | None = Capacity(places, "places is how many functions run at once")
        self._idle: list[_Thread] = []
        self._lock = threading.Lock()

    def check(self, plan: TaskPlan) -> None:
        """See `flyte_nb._engine.ports.Backend`; nothing is refused."""

    async def run(self, action: Action, inputs: dict[str, Any]) -> Any:
        """See `flyte_nb._engine.ports.Backend`."""
        loop = asyncio.get_running_loop()
        ended: asyncio.Future[tuple[bool, Any]] = loop.create_future()
        context = contextvars.copy_context()
        context.run(active_invoker.set, action.scope)
        func, environment = action.plan.func, action.environment

        def work() -> None:
            try:
                if environment is None:
                    outcome = True, context.run(func, **inputs)
                else:
                    with applied(environment):
                        outcome = True, context.run(func, **inputs)
            except BaseException as error:
                outcome = False, error
            try:
                loop.call_soon_threadsafe(_settle, ended, outcome)
            except RuntimeError:
                pass  # the loop is closed and nobody waits

        thread = self._begin(work)
        try:
            returned, value = await asyncio.shield(ended)
        except asyncio.CancelledError:
            action.stop_children("Their parent was stopped.")
            returned, value = await _last_word(action, ended, thread, work)
            if returned:
                raise  # what it made of the end of its calls is no result: a resume would take it for one
        if returned:
            return value
        try:
            raise value
        finally:
            del value

    def _begin(self, work: Callable[[], None]) -> _Thread:
        with self._lock:
            thread = self._idle.pop() if self._idle else _Thread(self._give_back)
        thread.give(work)
        return thread

    def _give_back(self, thread: _Thread, *, leaving: bool) -> bool:
        """A thread is free, or wants to leave; False if it must stay because work was just given to it."""
        with self._lock:
            if not leaving:
                self._idle.append(thread)
                return True
            if thread in self._idle:
                self._idle.remove(thread)
                return True
            return False


async def _last_word(
    action: Action, ended: asyncio.Future[tuple[bool, Any]], thread: _Thread, work: Callable[[], None]
) -> tuple[bool, Any]:
    """What the attempt answers to being stopped, for as long as politeness lasts."""
    interrupted = False
    try:
        async with asyncio.timeout(POLITE_S):
            while not ended.done():
                interrupted = interrupted or thread.interrupt(work, waits_for_calls=action.waits)
                await asyncio.wait([ended], timeout=POLITE_S if interrupted else ASK_AGAIN_S)
    except (TimeoutError, asyncio.CancelledError):
        pass
    return ended.result() if ended.done() else (False, asyncio.CancelledError())


def _settle(ended: asyncio.Future[tuple[bool, Any]], outcome: tuple[bool, Any]) -> None:
    if not ended.done():
        ended.set_result(outcome)


def _frames(ident: int) -> Iterator[FrameType]:
    """What runs on a task thread, the innermost first."""
    frame = sys._current_frames().get(ident)
    while frame is not None and frame.f_code is not _Thread._serve.__code__:
        yield frame
        frame = frame.f_back


def _is_of_engine(frame: FrameType) -> bool:
    """Whether it is code of this package, or of asyncio, that the user's code has called."""
    name = str(frame.f_globals.get("__name__", ""))
    return name.partition(".")[0] in ("flyte_nb", "asyncio", "selectors") and name != __name__


def _cancel_loop(ident: int) -> bool:
    """Cancel what a task thread runs an event loop of its own for; False if it does not."""
    for frame in _frames(ident):
        if frame.f_code is asyncio.BaseEventLoop.run_until_complete.__code__:
            loop, awaited = frame.f_locals["self"], frame.f_locals["future"]
            if asyncio.isfuture(awaited):
                loop.call_soon_threadsafe(awaited.cancel)
                return True
    return False


class _Thread:
    """A thread that does one piece of work after another and leaves when it is idle for long."""

    def __init__(self, give_back: Callable[..., bool]) -> None:
        self._inbox: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._give_back = give_back
        self._lock = threading.Lock()
        self._doing: Callable[[], None] | None = None
        self._thread = threading.Thread(target=self._serve, name="flyte_nb-task", daemon=True)
        self._thread.start()

    def give(self, work: Callable[[], None]) -> None:
        """Do `work` next."""
        self._inbox.put(work)

    def interrupt(self, work: Callable[[], None], *, waits_for_calls: bool) -> bool:
        """Raise `CancelledError` in `work`, if that is what the thread still does; False if it must wait.

        Only code of the user is struck. In the midst of an append to the journal, or of an event loop, an exception
        out of nowhere would break more than the task; what waits there is told to stop. While it waits for calls, it is
        stopped through them: they are stopped already, and may clean up.
        """
        with self._lock:
            ident = self._thread.ident
            if self._doing is not work or ident is None:
                return True
            if any(map(_is_of_engine, _frames(ident))):
                return stop_waiting(ident) or (not waits_for_calls and _cancel_loop(ident))
            ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(ident), ctypes.py_object(asyncio.CancelledError))
            return True

    def _serve(self) -> None:
        while True:
            try:
                work = self._inbox.get(timeout=IDLE_S)
            except queue.Empty:
                if self._give_back(self, leaving=True):
                    return
                continue
            self._doing = work
            try:
                work()
                with self._lock:
                    self._doing = None
            except BaseException:
                self._doing = None  # the interrupt came after the work was done
            work = None  # type: ignore[assignment]
            self._give_back(self, leaving=False)
