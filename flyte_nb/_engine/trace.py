"""Checkpoints inside a task: calls of helper functions that are recorded, and not repeated on resume."""

from __future__ import annotations

import asyncio
import functools
import inspect
import time
from collections.abc import AsyncGenerator, Callable, Coroutine, Generator, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from .._code.digest import KnownCode, known_code
from .._public import public
from .._task.invocation import active_invoker
from ..models.events import RerunDecided, StoredLiterals, TraceEnded
from ..types.interface import REFUSED, Interface, carried_hints
from .blocking import wait_blocking
from .failure import as_runtime_error, record_of
from .naming import child_name
from .refusals import check_is_going_on
from .scope import Scope, current_scope
from .whole import damage_of

if TYPE_CHECKING:
    from ..types.interface import Prepared
    from .caller import EarlierTraces

F = TypeVar("F", bound=Callable[..., Any])

_END = object()


@public
def trace(func: F) -> F:
    """Record every call of `func` made by a task; a recorded call is not made again when the run resumes.

    Parameters
    ----------
    func : function
        Coroutine function, async generator function, function or generator function. Annotated like a task.

    Returns
    -------
    function
        Called outside a run it is simply `func`. A call that raises is recorded for the eye, and is no
        checkpoint. A generator that is left early is none either; one that returns something, or is sent something,
        is refused.

    Examples
    --------
    >>> @flyte.trace
    ... async def call_llm(prompt: str) -> str: ...

    Specification: *Traces*.
    """
    if inspect.isasyncgenfunction(func):
        wrapper: Any = _trace_async_generator(func)
    elif inspect.iscoroutinefunction(func):
        wrapper = _trace_coroutine(func)
    elif inspect.isgeneratorfunction(func):
        wrapper = _trace_generator(func)
    elif inspect.isfunction(func):
        wrapper = _trace_function(func)
    else:
        raise TypeError(f"flyte.trace decorates functions; got {type(func).__name__}: {func!r}.")
    functools.update_wrapper(wrapper, func)
    return wrapper  # type: ignore[no-any-return]


def _trace_coroutine(func: Callable[..., Any]) -> Callable[..., Any]:
    traced = _Traced(func)

    async def call(*args: Any, **kwargs: Any) -> Any:
        scope = current_scope()
        if scope is None:
            return await func(*args, **kwargs)
        one = await traced.begin(scope, args, kwargs)
        if one.recorded is not None:
            return await one.value()
        with one.entered():
            value = await func(*args, **kwargs)
        return await one.succeeded(value)

    return call


def _trace_async_generator(func: Callable[..., Any]) -> Callable[..., Any]:
    traced = _Traced(func)

    async def call(*args: Any, **kwargs: Any) -> AsyncGenerator[Any, Any]:
        scope = current_scope()
        if scope is None:
            async for item in func(*args, **kwargs):
                _refuse_sent(traced, (yield item))
            return
        one = await traced.begin(scope, args, kwargs)
        if one.recorded is not None:
            for item in await one.value():
                _refuse_sent(traced, (yield item))
            return
        items = []
        generator = func(*args, **kwargs)
        try:
            while True:
                with one.entered():  # not while the caller has an item: what it does meanwhile is not traced
                    item = await anext(generator, _END)
                if item is _END:
                    break
                items.append(item)
                _refuse_sent(traced, (yield item))
        finally:
            with one.entered():
                await generator.aclose()
        await one.succeeded(items)

    return call


def _trace_function(func: Callable[..., Any]) -> Callable[..., Any]:
    traced = _Traced(func)

    def call(*args: Any, **kwargs: Any) -> Any:
        scope = current_scope()
        if scope is None:
            return func(*args, **kwargs)
        one = _now(traced.begin(scope, args, kwargs), scope)
        if one.recorded is not None:
            return _now(one.value(), scope)
        with one.entered():
            value = func(*args, **kwargs)
        return _now(one.succeeded(value), scope)

    return call


def _trace_generator(func: Callable[..., Any]) -> Callable[..., Any]:
    traced = _Traced(func)

    def call(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
        scope = current_scope()
        if scope is None:
            return (yield from func(*args, **kwargs))
        one = _now(traced.begin(scope, args, kwargs), scope)
        if one.recorded is not None:
            for item in _now(one.value(), scope):
                _refuse_sent(traced, (yield item))
            return None
        items = []
        generator = func(*args, **kwargs)
        try:
            while True:
                with one.entered():
                    try:
                        item = next(generator)
                    except StopIteration as end:
                        _refuse_returned(traced, end.value)
                        break
                items.append(item)
                _refuse_sent(traced, (yield item))
        finally:
            with one.entered():
                generator.close()
        _now(one.succeeded(items), scope)
        return None

    return call


def _refuse_sent(traced: _Traced, sent: Any) -> None:
    if sent is not None:
        raise TypeError(
            f"Traced generator {traced.name!r} was sent {sent!r:.120}: a replay gives the items that it gave, whatever"
            " is sent. Pass it what it needs as an argument, or trace the functions that it calls."
        )


def _refuse_returned(traced: _Traced, value: Any) -> None:
    if value is not None:
        raise TypeError(
            f"Traced generator {traced.name!r} returned {value!r:.120}: what is recorded of it is what it yields. Yield"
            " it, or trace a function that returns it."
        )


class _Traced:
    """A traced function: its interface and the digest of its code, worked out on first use.

    A notebook's function that was carried to another process keeps what can only be found out where it comes from:
    what its annotations mean, and the digest of all it reaches.
    """

    def __init__(self, func: Callable[..., Any], hints: dict[str, Any] | None = None, digest: str = "") -> None:
        self.func = func
        self._hints = hints
        self._digest = digest
        self.name: str = func.__qualname__.rpartition("<locals>.")[2]
        self._interface: Interface | None = None

    def __reduce__(self) -> tuple[Any, ...]:
        return _Traced, (self.func, self._hints or carried_hints(self.func), self.digest)

    @property
    def digest(self) -> str:
        """Of the function's code."""
        return self._digest or known_code(self.func).digest

    @property
    def interface(self) -> Interface:
        if self._interface is None:
            self._interface = Interface.from_function(self.func, self.name, self._hints, kind="traced function")
        return self._interface

    async def begin(self, scope: Scope, args: tuple[Any, ...], kwargs: dict[str, Any]) -> _TracedCall:
        check_is_going_on(scope, f"Traced function {self.name!r}")
        arguments = self.interface.bind(args, kwargs)
        prepared = self.interface.prepare_inputs_nowait(arguments)
        if prepared is None:
            prepared = await self.interface.prepare_inputs(arguments)
        action = scope.action
        with action.run.reading():
            known = None if self._digest else known_code(self.func)
        digest = known.digest if known is not None else self._digest
        check_is_going_on(scope, f"Traced function {self.name!r}")
        kind = scope.kind_of_call(f"trace:{self.name}:{digest}")
        key = child_name(action.known_as, kind, prepared.digest, action.counts)
        return _TracedCall(self, scope, key, prepared, digest, known)


class _TracedCall:
    """One call of a traced function."""

    def __init__(
        self, traced: _Traced, scope: Scope, key: str, prepared: Prepared, digest: str, known: KnownCode | None
    ) -> None:
        self._traced = traced
        self._scope = scope
        self._key = key
        self._inputs = prepared.serialized
        self._digest = digest
        self._known = known
        self._started_at = time.time()
        run = scope.action.run
        results = scope.action.results
        self.recorded: StoredLiterals | None = results.get(key) if results is not None else None
        if self.recorded is None and run.finished is not None:
            self._take(run.finished)

    def _take(self, finished: EarlierTraces) -> None:
        """Have what an earlier try recorded, if it is whole."""
        action = self._scope.action
        run = action.run
        found = finished.trace(action.name, self._key)
        if found is None:
            return
        damage = damage_of(found, run.store)
        if damage:
            reason = f"What it had given is not whole: {damage}."
            run.log.append(RerunDecided(time.time(), action.name, self._traced.name, reason))
            return
        self.recorded = found
        if finished.from_other_run:
            self._append(run.keep(run.fetch(found)), reused=True)

    @contextmanager
    def entered(self) -> Iterator[None]:
        """Inside the block the traced code runs; what it raises is recorded."""
        scope = self._scope
        token = active_invoker.set(scope.in_trace(self._traced.name))
        try:
            yield
        except BaseException as error:
            self.failed(error)
            raise
        finally:
            active_invoker.reset(token)

    async def value(self) -> Any:
        """The recorded value."""
        assert self.recorded is not None
        serialized = self._scope.action.run.fetch(self.recorded)
        value = self._traced.interface.read_outputs_nowait(serialized)
        return await self._traced.interface.read_outputs(serialized) if value is REFUSED else value

    async def succeeded(self, value: Any) -> Any:
        """Record `value`, make it durable, and hand it on."""
        interface = self._traced.interface
        outputs = interface.prepare_outputs_nowait(value)
        if outputs is None:
            outputs = await interface.prepare_outputs(value)
        action = self._scope.action
        kept = action.run.keep(outputs.serialized)
        with action.run.reading():
            edited = self._was_edited()
        self._append(kept, edited=edited)
        await action.run.commit()
        if action.may_repeat and not edited:
            action.remember(self._key, kept)
        return outputs.values

    def _was_edited(self) -> bool:
        """Whether what the function reaches is other code than it was when the call began."""
        known = self._known
        return known is not None and not known.names_hold() and self._traced.digest != self._digest

    def failed(self, error: BaseException) -> None:
        """Record that the call raised."""
        if isinstance(error, (GeneratorExit, asyncio.CancelledError)):
            return
        self._append(None, error=error)

    def _append(
        self,
        outputs: StoredLiterals | None,
        *,
        error: BaseException | None = None,
        reused: bool = False,
        edited: bool = False,
    ) -> None:
        action = self._scope.action
        run = action.run
        run.log.append(
            TraceEnded(
                time.time(),
                action.name,
                self._key,
                self._traced.name,
                self._started_at,
                run.keep(self._inputs),
                outputs,
                record_of(as_runtime_error(error)) if error is not None else None,
                self._digest,
                self._scope.group,
                reused,
                edited,
            )
        )


def _now(coroutine: Coroutine[Any, Any, Any], scope: Scope) -> Any:
    return wait_blocking(coroutine, scope.action.run.loop)
