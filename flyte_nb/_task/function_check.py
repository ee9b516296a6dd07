"""Which functions can be tasks."""

from __future__ import annotations

import functools
import inspect
import types
from collections.abc import Collection

from ..models.text import checked_text
from .cache import Cache
from .messages import got


def check_function(func: object) -> None:
    """Refuse what cannot be a task.

    Raises
    ------
    TypeError
        For anything but a plain or async function with a name of its own; it says what to do instead.
    """
    if isinstance(func, type):
        raise TypeError(
            f"The class {func.__name__} cannot be a task. Write a function that makes and uses it, and decorate that."
        )
    if isinstance(func, functools.partial):
        raise TypeError(
            "A partial cannot be a task. Decorate the function itself, and give map the partial of the task."
        )
    if isinstance(func, (staticmethod, classmethod, types.MethodType)):
        raise TypeError(f"The method {func.__func__.__qualname__} cannot be a task. {_MOVE_OUT}")
    if not isinstance(func, types.FunctionType):
        raise TypeError(f"A task is made from a function, {got(func)}.")
    name = checked_text(func.__name__, "The name of the function")
    if name == "<lambda>":
        raise TypeError("A lambda has no name, so it cannot be a task. Write it as a function with def.")
    if inspect.isgeneratorfunction(func) or inspect.isasyncgenfunction(func):
        raise TypeError(
            f"The generator {name} cannot be a task: a task returns its result once. Return a list instead of"
            " yielding, or write to a File or Dir as it goes."
        )
    outer = func.__qualname__.rpartition(".")[0]
    if outer and not outer.endswith("<locals>"):
        raise TypeError(f"The method {func.__qualname__} cannot be a task. {_MOVE_OUT}")


def check_ignored_inputs(name: str, inputs: Collection[str], cache: Cache | None) -> None:
    """Refuse a cache that ignores inputs which the task does not have.

    Raises
    ------
    ValueError
    """
    for ignored in cache.ignored_inputs if cache is not None else ():
        if ignored not in inputs:
            raise ValueError(
                f"cache ignored_inputs: {name} has no input {ignored!r}; it has"
                f" {', '.join(map(repr, inputs)) or 'none'}."
            )


_MOVE_OUT = "Move it out of the class, and pass what it needs of the object as an input."
