"""Objects of the standard library whose content Python itself tells: as a copy or a pickle of them would be made."""

from __future__ import annotations

import functools
import sys
from typing import Any, NamedTuple

from .ownership import is_own, is_standard_or_own, is_user_module

_NO_CONTENT = ("abc", "collections.abc", "typing")
"""Modules of classes that only say what others can do."""
# With one of these a class of the user's would be called to tell its content.
_TELLERS = frozenset(
    {
        *("__reduce_ex__", "__reduce__", "__getstate__", "__getnewargs__", "__getnewargs_ex__"),
        *(
            "__getattribute__",
            "__getattr__",
            "__iter__",
            "__len__",
            "__getitem__",
            "items",
            "keys",
            "__repr__",
            "__str__",
        ),
    }
)


class Told(NamedTuple):
    """What an object would be made of again.

    Attributes
    ----------
    made_by : tuple
        What is called, with its arguments.
    attributes : dict of str to object
    state : object
        What is set otherwise.
    items : tuple
        What is appended.
    pairs : tuple of (object, object)
        What is set under keys.
    """

    made_by: tuple[Any, ...]
    attributes: dict[str, Any]
    state: Any
    items: tuple[Any, ...]
    pairs: tuple[tuple[Any, Any], ...]


def is_told(kind: type) -> bool:
    """Whether objects of that class are values, or stand in for functions, and nobody's code has to run to tell which.

    Classes that compare by content are values; what can be called, or gives something as an attribute of a class,
    stands in for a function. Anything else (a lock, a queue, a generator of random numbers) is changed by its use.
    """
    bases = [base for base in kind.__mro__[:-1] if base.__module__ not in _NO_CONTENT]
    users = [base for base in bases if is_user_module(base.__module__)]
    others = [base for base in bases if not is_user_module(base.__module__)]
    if not others or others[0].__module__ == "builtins" or not all(map(_is_standard, others)):
        return False
    if any(not _TELLERS.isdisjoint(vars(base)) for base in users) or _has(kind, "__next__"):
        return False
    return any(_has(others[0], name) for name in ("__eq__", "__call__", "__get__"))


def _is_standard(kind: type) -> bool:
    return is_standard_or_own(kind.__module__) and not is_own(kind.__module__)


def _has(kind: type, name: str) -> bool:
    return any(name in vars(base) for base in kind.__mro__[:-1])


def told(value: Any) -> Told | None:
    """The content of `value`, of a class that `is_told`; None for what a library holds itself, such as `os.environ`.

    Raises
    ------
    TypeError
        If Python cannot tell it.
    """
    kind = type(value)
    if any(held is value for held in vars(sys.modules[kind.__module__]).values()):
        return None
    found = value.__reduce_ex__(4)
    if isinstance(found, str):
        return None
    function, arguments, state, items, pairs = (*found, None, None, None, None)[:5]
    slots: Any = None
    if type(state) is tuple and len(state) == 2 and all(type(part) in (dict, type(None)) for part in state):
        state, slots = state
    attributes = {**state, **(slots or {})} if type(state) is dict else dict(slots or {})
    return Told(
        (function, *arguments),
        {key: item for key, item in attributes.items() if key not in _remembered(kind)},
        None if type(state) is dict else state,
        tuple(items or ()),
        tuple(pairs or ()),
    )


def _remembered(kind: type) -> set[str]:
    """Names under which properties remember what they have found."""
    return {
        name
        for base in kind.__mro__
        for name, attribute in vars(base).items()
        if isinstance(attribute, functools.cached_property)
    }
