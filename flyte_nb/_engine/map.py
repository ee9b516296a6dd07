"""`flyte.map`: one task over many inputs, results in the order of the inputs."""

from __future__ import annotations

import asyncio
import datetime
import enum
import functools
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Iterator
from typing import Any

from .._aio import finished, with_async_iteration
from .._public import hand_over, public
from .._task.messages import not_a_task
from .._task.task import Task
from ..errors import BaseRuntimeError
from .blocking import wait_blocking
from .calls_ahead import CallsAhead
from .context import open_group
from .scope import Scope, current_scope
from .stepping import can_wait_here

Target = Any


def _map_async(
    func: Target,
    *iterables: Iterable[Any],
    group_name: str | None = None,
    concurrency: int = 0,
    return_exceptions: bool = True,
) -> AsyncIterator[Any]:
    """As `flyte.map`, for ``async for``; works for sync tasks too.

    Specification: *Async and sync task interoperability*.
    """
    task = _checked(func, iterables, concurrency)
    scope = current_scope()
    inner = _grouped(scope, task, group_name) if scope is not None else None
    return _results(inner, task, func, iterables, concurrency, return_exceptions)


@with_async_iteration(_map_async)
def map(
    func: Target,
    *iterables: Iterable[Any],
    group_name: str | None = None,
    concurrency: int = 0,
    return_exceptions: bool = True,
) -> Iterator[Any]:
    """Call a task once for every tuple of inputs and yield the results in order; ``flyte.map.aio`` for ``async for``.

    Parameters
    ----------
    func : task or functools.partial of a task
        Arguments given by the partial are the same for all calls.
    *iterables : iterable
        One per remaining positional parameter; the shortest decides how many calls there are. Inputs are taken where
        results are asked for, so that generators may call tasks themselves.
    group_name : str, optional
        Heading in the tree; by default the name of the task.
    concurrency : int
        How many calls run at once; 0 is no limit. While no result is asked for, no further call begins.
    return_exceptions : bool
        Yield the exception of a failed call in its place; else raise the first one.

    Yields
    ------
    object
        Results, or exceptions. An exception has a note that says which item it is of.

    Raises
    ------
    TypeError
        For something else than a task, or inputs that it does not take.
    ValueError
        For a concurrency below zero.

    Examples
    --------
    >>> results = list(flyte.map(call_llm_api, prompts, concurrency=3))

    Specification: *Controlling parallel execution*.
    """
    task = _checked(func, iterables, concurrency)
    scope = current_scope()
    if scope is None:
        return _plain(task, func, iterables, return_exceptions)
    inner = _grouped(scope, task, group_name)
    return _blocking(inner, task, func, iterables, concurrency, return_exceptions)


async def _results(
    scope: Scope | None,
    task: Task[Any, Any],
    func: Target,
    iterables: tuple[Iterable[Any], ...],
    concurrency: int,
    return_exceptions: bool,
) -> AsyncIterator[Any]:
    calls = _calls(scope, task, func, iterables, concurrency, asyncio.get_running_loop())
    number = 0
    try:
        while calls.any_ahead():
            if not calls.has_next:
                await calls.moved()
                continue
            yield _result(calls, task, func, number, return_exceptions)
            number += 1
    except Exception as error:
        hand_over(error)
        raise
    finally:
        calls.end()


@public
def _blocking(
    scope: Scope,
    task: Task[Any, Any],
    func: Target,
    iterables: tuple[Iterable[Any], ...],
    concurrency: int,
    return_exceptions: bool,
) -> Iterator[Any]:
    loop = asyncio.get_running_loop() if can_wait_here() else scope.action.run.loop
    calls = _calls(scope, task, func, iterables, concurrency, loop)
    number = 0
    try:
        while calls.any_ahead():
            if not calls.has_next:
                wait_blocking(calls.moved(), loop)
                continue
            yield _result(calls, task, func, number, return_exceptions)
            number += 1
    finally:
        calls.end()


def _calls(
    scope: Scope | None,
    task: Task[Any, Any],
    func: Target,
    iterables: tuple[Iterable[Any], ...],
    concurrency: int,
    loop: asyncio.AbstractEventLoop,
) -> CallsAhead:
    return CallsAhead(lambda args: _call(scope, task, func, args), zip(*iterables, strict=False), concurrency, loop)


def _result(calls: CallsAhead, task: Task[Any, Any], func: Target, number: int, return_exceptions: bool) -> Any:
    args, value, error = calls.take()
    return value if error is None else _failed(error, _item(task, func, args), number, return_exceptions)


def _call(scope: Scope | None, task: Task[Any, Any], func: Target, args: tuple[Any, ...]) -> Coroutine[Any, Any, Any]:
    fixed, named = (func.args, func.keywords) if isinstance(func, functools.partial) else ((), {})
    if scope is None:
        return task.aio(*fixed, *args, **named)
    return scope.call_async(task, (*fixed, *args), dict(named))


@public
def _plain(
    task: Task[Any, Any], call: Callable[..., Any], iterables: tuple[Iterable[Any], ...], return_exceptions: bool
) -> Iterator[Any]:
    for number, args in enumerate(zip(*iterables, strict=False)):
        try:
            result = call(*args)
            if asyncio.iscoroutine(result):
                result = _value_of(result)
        except Exception as error:
            result = _failed(error, _item(task, call, args), number, return_exceptions)
        yield result


def _value_of(coroutine: Coroutine[Any, Any, Any]) -> Any:
    """What a coroutine returns, for code of no run: in a cell too, whose loop cannot be run again from there."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(coroutine)
    return finished(coroutine)


def _failed(error: BaseException, item: str, number: int, return_exceptions: bool) -> BaseException:
    """What stands for an item that failed."""
    error.add_note(f"It is of item [{number}] of flyte.map: {item}.")
    if isinstance(error, BaseRuntimeError):
        error.item = item
    if not return_exceptions:
        raise error
    return error


def _item(task: Task[Any, Any], func: Target, args: tuple[Any, ...]) -> str:
    """The call of one item, with the inputs that are its own: ``shop.price(name='a', n=2)``."""
    fixed = len(func.args) if isinstance(func, functools.partial) else 0
    names = list(task.interface.inputs)[fixed:]
    return f"{task.name}({', '.join(f'{name}={_shown(value)}' for name, value in zip(names, args, strict=False))})"


def _shown(value: Any) -> str:
    """A plain value, cut short; of others their kind and size, for their own text may be long in coming."""
    if value is None or isinstance(value, (bool, int, float, str, bytes, enum.Enum, datetime.date, datetime.timedelta)):
        return f"{value!r:.60}"
    size = f" of {len(value):,}" if isinstance(value, (list, tuple, dict, set)) else ""
    return f"<{type(value).__name__}{size}>"


def _grouped(scope: Scope, task: Task[Any, Any], group_name: str | None) -> Scope:
    name = group_name or f"map {task.short_name}"
    return scope.in_group(open_group(scope, name))


def _checked(func: Target, iterables: tuple[Iterable[Any], ...], concurrency: int) -> Task[Any, Any]:
    """The task that is mapped, if the iterables are inputs of it."""
    task = func.func if isinstance(func, functools.partial) else func
    if not isinstance(task, Task):
        raise TypeError(f"flyte.map maps a task, or a functools.partial of one; {not_a_task(task)}")
    if not isinstance(concurrency, int) or concurrency < 0:
        raise ValueError(f"concurrency is how many calls run at once, 0 for no limit; got {concurrency!r}.")
    if not iterables:
        raise TypeError(
            f"flyte.map over {task.name} got no inputs. Give one iterable for each parameter of"
            f" {task.interface.taken}: flyte.map(task, [1, 2, 3])."
        )
    for place, iterable in enumerate(iterables, 1):
        if not isinstance(iterable, Iterable):
            raise TypeError(
                f"flyte.map over {task.name}: its inputs are iterables such as lists; number {place} is"
                f" {type(iterable).__name__}: {iterable!r:.120}. What is the same for all items goes into a"
                " functools.partial of the task."
            )
    fixed, named = (func.args, func.keywords) if isinstance(func, functools.partial) else ((), {})
    if problems := task.interface.misfits(len(fixed) + len(iterables), named):
        raise TypeError(f"flyte.map over {task.name}: {problems}. It takes {task.interface.taken}.")
    return task
