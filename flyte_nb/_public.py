"""Where users' code calls ours: an error that leaves here shows the user's lines.

Every public call ends in `hand_over`: by the decorator `public`, or, where calls are too frequent for it, by hand::

    @ends_tracebacks
    def call(...):
        try:
            ...
        except Exception as error:
            hand_over(error)
            raise

The ``raise`` must be a bare one; see `_frames`. Whoever sets the log level to DEBUG sees all frames.
"""

from __future__ import annotations

import contextlib
import functools
import inspect
import logging
import sys
from collections.abc import AsyncGenerator, Callable, Generator, Mapping, Sequence
from typing import Any, TypeVar

from ._frames import hide_own_frames, is_own
from ._misfit import misfits_of

logger = logging.getLogger("flyte_nb")

F = TypeVar("F", bound=Callable[..., Any])

_SPECIAL = frozenset(
    {
        "__init__",
        "__call__",
        "__enter__",
        "__exit__",
        "__aenter__",
        "__aexit__",
        "__anext__",
        "__await__",
        "__getattr__",
    }
)
_MARK = "__ends_tracebacks__"


def public(target: F) -> F:
    """Decorator of what users call: a function, or a class, whose public methods are meant then.

    Errors that leave it show no frames of ours, unless the fault is ours, and arguments that do not fit are named.
    Calls from within the package are left alone.
    """
    if isinstance(target, type):
        for name, member in list(vars(target).items()):
            if not name.startswith("_") or name in _SPECIAL:
                _protect(target, name, member)
        return target
    return _protected(target)


def ends_tracebacks(function: F) -> F:
    """Decorator of a public call that calls `hand_over` itself."""
    setattr(function, _MARK, function.__code__)  # a decorator's `wraps` copies the mark, and is none
    return function


def is_public(target: Any) -> bool:
    """Whether errors that leave `target` are handed over."""
    return getattr(target, _MARK, target) is getattr(target, "__code__", None)


def hand_over(
    error: BaseException,
    call: Callable[..., Any] | None = None,
    args: Sequence[Any] = (),
    kwargs: Mapping[str, Any] | None = None,
) -> None:
    """Make `error` ready to leave the public call that has caught it and raises it again.

    Parameters
    ----------
    call, args, kwargs
        What the public call has called in its turn. Where that did not even begin, the user gave what it does not take.

    Raises
    ------
    TypeError
        In place of `error`, where code of ours gave wrong arguments on behalf of the user.
    """
    if isinstance(error, (StopIteration, StopAsyncIteration, GeneratorExit)):
        return
    boundary = sys._getframe(1)
    caller = boundary.f_back
    called_by_us = caller is not None and is_own(caller)
    if call is not None and isinstance(error, TypeError):
        misfit = misfits_of(call, args, kwargs or {})
        if misfit and called_by_us:
            raise TypeError(misfit) from None
        if misfit:
            error.args = (misfit,)
            error.__traceback__ = None
    if not called_by_us and not logger.isEnabledFor(logging.DEBUG):
        hide_own_frames(error)


def _protect(owner: type, name: str, member: Any) -> None:
    if isinstance(member, (staticmethod, classmethod)):
        setattr(owner, name, type(member)(_protected(member.__func__)))
    elif isinstance(member, property) and member.fget is not None:
        setattr(owner, name, property(_protected(member.fget), member.fset, member.fdel, member.__doc__))
    elif inspect.isfunction(member):
        setattr(owner, name, _protected(member))


def _protected(function: F) -> F:
    if is_public(function):
        return function
    wrapper: Callable[..., Any]
    if inspect.iscoroutinefunction(function):

        @functools.wraps(function)
        async def wrapper(*args: Any, **kwargs: Any) -> Any:
            try:
                return await function(*args, **kwargs)
            except BaseException as error:
                hand_over(error, function, args, kwargs)
                raise

    elif inspect.isgeneratorfunction(function):

        @functools.wraps(function)
        def wrapper(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
            try:
                return _yielded(function(*args, **kwargs))
            except TypeError as error:
                hand_over(error, function, args, kwargs)
                raise

    elif inspect.isasyncgenfunction(function):

        @functools.wraps(function)
        def wrapper(*args: Any, **kwargs: Any) -> AsyncGenerator[Any, Any]:
            try:
                return _yielded_async(function(*args, **kwargs))
            except TypeError as error:
                hand_over(error, function, args, kwargs)
                raise

    else:

        @functools.wraps(function)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            try:
                return function(*args, **kwargs)
            except BaseException as error:
                hand_over(error, function, args, kwargs)
                raise

    return ends_tracebacks(wrapper)  # type: ignore[return-value]


def _yielded(items: Generator[Any, Any, Any]) -> Generator[Any, Any, Any]:
    try:
        return (yield from items)
    except BaseException as error:
        hand_over(error)
        raise


async def _yielded_async(items: AsyncGenerator[Any, Any]) -> AsyncGenerator[Any, Any]:
    try:
        async with contextlib.aclosing(items):
            async for item in items:
                yield item
    except BaseException as error:
        hand_over(error)
        raise
