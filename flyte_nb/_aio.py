"""Every blocking call has an awaitable twin, `.aio`, and its result may be awaited too.

Readers of the journal take microseconds, so there is one synchronous way and a thin door for `await`.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import functools
import math
import threading
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Generator, Iterator
from typing import TYPE_CHECKING, Any, Generic, ParamSpec, TypeVar, overload

from ._public import ends_tracebacks, hand_over, public

if TYPE_CHECKING:
    from concurrent.futures import Future

P = ParamSpec("P")
T = TypeVar("T")

PIECE_S = 0.5


def finished(coroutine: Coroutine[Any, Any, T]) -> T:
    """The result of a coroutine, for a caller that blocks; it runs on a loop of its own, on another thread.

    Where the caller is interrupted, the coroutine is cancelled.
    """
    from concurrent.futures import Future

    result: Future[T] = Future()
    cancel: Future[Callable[[], object]] = Future()

    async def cancellable() -> T:
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        assert task is not None
        cancel.set_result(lambda: loop.call_soon_threadsafe(task.cancel))
        return await coroutine

    def run() -> None:
        if not result.set_running_or_notify_cancel():
            return
        try:
            value = asyncio.run(cancellable())
        except BaseException as error:
            result.set_exception(error)
        else:
            result.set_result(value)

    thread = threading.Thread(target=contextvars.copy_context().run, args=(run,), name="flyte_nb-sync")
    try:
        thread.start()
        wait_in_pieces(result)
        return result.result()
    except BaseException:
        if result.cancel():  # an interrupt may strike within `start`, when nobody can tell whether it runs
            coroutine.close()
        elif not result.done():
            with contextlib.suppress(RuntimeError):  # it has ended just now
                cancel.result()()
            wait_in_pieces(result)
        raise


def wait_in_pieces(future: Future[Any], limit_s: float | None = None) -> None:
    """Wait in pieces: an interrupt that comes just before Python waits for a lock is heard when that wait has ended."""
    from concurrent.futures import wait

    end = math.inf if limit_s is None else time.monotonic() + limit_s
    while not future.done() and (left_s := end - time.monotonic()) > 0:
        wait([future], timeout=min(left_s, PIECE_S))


class AwaitedAsItself:
    """Result of a blocking call: ``await run.details()`` gives what ``run.details()`` gives."""

    def __await__(self) -> Generator[Any, None, Any]:
        return self
        yield


class Waited(AwaitedAsItself):
    """What a call without a result gives; a notebook shows nothing for it."""

    def _ipython_display_(self) -> None:
        """Show nothing."""

    def __repr__(self) -> str:
        return "None"

    def __bool__(self) -> bool:
        return False

    def __await__(self) -> Generator[Any, None, Any]:
        return None
        yield


class Text(str, AwaitedAsItself):
    """A text that may be awaited."""

    __slots__ = ()


class Lines(list[str], AwaitedAsItself):
    """Lines of text that may be awaited."""

    __slots__ = ()

    def last(self, count: int | None) -> list[str]:
        """The last `count` lines, or all."""
        return self if count is None else self[max(len(self) - count, 0) :]


class Listed(AwaitedAsItself, Iterator[T]):
    """What a call that lists gives: an iterator that may be awaited."""

    def __init__(self, items: Iterator[T]) -> None:
        self._items = items

    def __next__(self) -> T:
        return next(self._items)


class BlockingCall(Generic[P, T]):
    """A function with its awaitable twin.

    Parameters
    ----------
    blocking : function
    awaitable : coroutine function, optional
        The twin where waiting must leave the loop free; by default the blocking function, called at once.
    """

    def __init__(
        self, blocking: Callable[P, T], awaitable: Callable[..., Coroutine[Any, Any, T]] | None = None
    ) -> None:
        functools.update_wrapper(self, blocking)
        self._blocking = blocking
        self._awaitable = awaitable

    @ends_tracebacks
    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return self._blocking(*args, **kwargs)
        except BaseException as error:
            hand_over(error, self._blocking, args, kwargs)
            raise

    @ends_tracebacks
    async def aio(self, *args: P.args, **kwargs: P.kwargs) -> T:
        """Await what a plain call would wait for."""
        try:
            if self._awaitable is not None:
                return await self._awaitable(*args, **kwargs)
            return self._blocking(*args, **kwargs)
        except BaseException as error:
            hand_over(error, self._blocking, args, kwargs)
            raise

    def awaitable(self, twin: Callable[..., Coroutine[Any, Any, T]]) -> BlockingCall[P, T]:
        """Decorator that gives the twin."""
        return BlockingCall(self._blocking, twin)

    def __get__(self, instance: Any, owner: type | None = None) -> BlockingCall[..., T]:
        if instance is None:
            return self
        awaitable = functools.partial(self._awaitable, instance) if self._awaitable is not None else None
        return BlockingCall(functools.partial(self._blocking, instance), awaitable)

    def __repr__(self) -> str:
        return f"<{getattr(self, '__qualname__', 'call')}, also .aio>"


class ClassCall(BlockingCall[P, T]):
    """A class method with its awaitable twin; the function gets the class first."""

    def __get__(self, instance: Any, owner: type | None = None) -> BlockingCall[..., T]:
        blocking: Callable[..., T] = self._blocking
        return BlockingCall(functools.partial(blocking, owner))


class IteratingCall(Generic[P, T]):
    """A function that gives an iterator, with `.aio` that gives an asynchronous one.

    Parameters
    ----------
    blocking, asynchronous : function
    """

    def __init__(self, blocking: Callable[P, Iterator[T]], asynchronous: Callable[..., AsyncIterator[T]]) -> None:
        functools.update_wrapper(self, blocking)
        self._blocking = blocking
        self._asynchronous = asynchronous

    @ends_tracebacks
    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> Iterator[T]:
        try:
            return self._blocking(*args, **kwargs)
        except BaseException as error:
            hand_over(error, self._blocking, args, kwargs)
            raise

    @ends_tracebacks
    def aio(self, *args: P.args, **kwargs: P.kwargs) -> AsyncIterator[T]:
        """The same for ``async for``."""
        try:
            return self._asynchronous(*args, **kwargs)
        except BaseException as error:
            hand_over(error, self._blocking, args, kwargs)
            raise

    def __get__(self, instance: Any, owner: type | None = None) -> IteratingCall[..., T]:
        if instance is None:
            return self
        return IteratingCall(
            functools.partial(self._blocking, instance), functools.partial(self._asynchronous, instance)
        )


class ListingCall(IteratingCall[P, T]):
    """A class method that lists, with `.aio` that lists in the same way for ``async for``.

    Parameters
    ----------
    listing : function
        Gets the class first.
    """

    def __init__(self, listing: Callable[P, Iterator[T]]) -> None:
        async def listed(*args: P.args, **kwargs: P.kwargs) -> AsyncIterator[T]:
            for one in listing(*args, **kwargs):
                yield one

        super().__init__(listing, public(listed))

    def __get__(self, instance: Any, owner: type | None = None) -> IteratingCall[..., T]:
        listing: Callable[..., Iterator[T]] = functools.partial(self._blocking, owner)  # type: ignore[arg-type]

        def listed(*args: Any, **kwargs: Any) -> Listed[T]:
            return Listed(listing(*args, **kwargs))

        functools.update_wrapper(listed, self._blocking)
        listed.__wrapped__ = listing  # type: ignore[attr-defined]  # without the class, which nobody gives
        return IteratingCall(listed, functools.partial(self._asynchronous, owner))


@overload
def with_aio(function: Callable[P, T]) -> BlockingCall[P, T]: ...
@overload
def with_aio(*, in_thread: bool) -> Callable[[Callable[P, T]], BlockingCall[P, T]]: ...
@overload
def with_aio(*, twin: Callable[..., Coroutine[Any, Any, T]]) -> Callable[[Callable[P, T]], BlockingCall[P, T]]: ...
def with_aio(
    function: Callable[P, T] | None = None,
    *,
    in_thread: bool = False,
    twin: Callable[..., Coroutine[Any, Any, T]] | None = None,
) -> Any:
    """Decorator: give a blocking function its `.aio`.

    Parameters
    ----------
    in_thread : bool
        Whether the twin does the work on a thread, so that the loop goes on.
    twin : coroutine function, optional
        What is awaited instead, with the same arguments.
    """

    def decorate(blocking: Callable[P, T]) -> BlockingCall[P, T]:
        if not in_thread:
            return BlockingCall(blocking, twin)

        async def on_thread(*args: P.args, **kwargs: P.kwargs) -> T:
            return await asyncio.to_thread(blocking, *args, **kwargs)

        return BlockingCall(blocking, on_thread)

    return decorate(function) if function is not None else decorate


def with_async_iteration(
    twin: Callable[..., AsyncIterator[T]],
) -> Callable[[Callable[P, Iterator[T]]], IteratingCall[P, T]]:
    """Decorator: give a function that iterates its `.aio`, which is `twin` with the same arguments."""

    def decorate(blocking: Callable[P, Iterator[T]]) -> IteratingCall[P, T]:
        return IteratingCall(blocking, twin)

    return decorate
