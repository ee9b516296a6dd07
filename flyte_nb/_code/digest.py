"""A digest of what a function does, and of everything it reaches.

Asking again costs about a microsecond: the first answer remembers what was looked up, and the next one only
looks whether it is still there.
"""

from __future__ import annotations

import datetime
import decimal
import marshal
import pathlib
import types
import weakref
from dataclasses import is_dataclass
from functools import partial
from typing import Any, TypeAlias

from .bytecode import short_hash
from .data import is_data
from .mutation import changed_attributes
from .reach import MISSING, Reach, reach_of
from .standard import is_told
from .values import ValueEncoder, is_plain, is_task

_ATOMS = frozenset({type(None), bool, int, float, complex, str, bytes, type(...), type(MISSING)})
_MARSHALLED = frozenset({type(None), bool, int, float, complex, str, bytes})
_CONTAINERS = frozenset({list, tuple, dict, set, frozenset})
_BUILT_IN = (list, tuple, set, frozenset, dict, str, bytes, bytearray, int, float)
_BY_TEXT = (datetime.date, datetime.time, datetime.timedelta, decimal.Decimal, pathlib.PurePath, range, slice)
_entries: dict[int, _Entry] = {}
_Found: TypeAlias = tuple[str, tuple[str, ...], tuple[str, ...]]


def code_digest(func: Any) -> str:
    """32 hex digits that change when `func`, or anything of the user's that it reaches, does something else.

    Parameters
    ----------
    func : callable
        A function, or a task.

    Returns
    -------
    str
        The same in every process of one Python minor version. Comments, docstrings, layout, file names and
        line numbers have no part in it.
    """
    return _known(func)[0]


def known_by_type(func: Any) -> tuple[str, ...]:
    """What `func` reaches whose content has no part in its digest, such as clients and locks: names, with types."""
    return _known(func)[1]


def known_by_source(func: Any) -> tuple[str, ...]:
    """Constants of modules that are imported in a body, and that are found out when that happens: their full names."""
    return _known(func)[2]


def _known(func: Any) -> _Found:
    entry = _entries.get(id(func))
    if entry is not None and entry.owner() is func and entry.holds():
        return entry.found
    reach = reach_of(func)
    found = reach.digest(), reach.known_by_type(), tuple(sorted(reach.imported.unsettled))
    _remember(func, reach, found)
    return found


def code_parts(func: Any) -> dict[str, str]:
    """What `func` reaches, each part with a digest of its own, so that a change can be explained.

    Examples
    --------
    >>> code_parts(process)
    {'process (function)': '5f…', 'clean (function)': '91…', 'LIMIT (constant)': '0c…'}
    """
    return {label: part.hex() for label, part in reach_of(func).parts.items()}


def _remember(func: Any, reach: Reach, found: _Found) -> None:
    key = id(func)

    def forget(owner: weakref.ref[Any]) -> None:
        entry = _entries.get(key)
        if entry is not None and entry.owner is owner:
            del _entries[key]

    try:
        _entries[key] = _Entry(weakref.ref(func, forget), func, reach, found)
    except Exception:
        # Without weak references there is nothing safe to remember it by.
        _entries.pop(key, None)


class _Entry:
    """A digest and what it was made from, held so that no function is kept alive by it."""

    __slots__ = ("found", "functions", "looked", "owner", "spaces")

    def __init__(self, owner: weakref.ref[Any], func: Any, reach: Reach, found: _Found) -> None:
        self.owner = owner
        self.found = found
        spaces: dict[int, _Space] = {}
        own = id(getattr(func, "__globals__", None))
        for binding in reach.bindings:
            space = spaces.get(binding.space)
            if space is None:
                # Cells are looked up by function, so a function is another space than its globals.
                holder = func if binding.space == own else binding.holder
                space = spaces[binding.space] = _Space(holder, binding.place, reach.changes.attributes)
            space.add(binding.name, binding.value)
        self.spaces = list(spaces.values())
        self.looked = list(reach.imported.looked.values())
        self.functions = [
            (weakref.ref(function), function.__code__, _defaults_state(function)) for function in reach.functions
        ]

    def holds(self) -> bool:
        """Whether every name still means what it meant."""
        for reference, code, defaults in self.functions:
            function = reference()
            if function is None or function.__code__ is not code:
                return False
            if defaults is None:
                if function.__defaults__ is not None or function.__kwdefaults__ is not None:
                    return False
            elif _defaults_state(function) != defaults:
                return False
        for space in self.spaces:
            if not space.holds():
                return False
        return all(looked.holds() for looked in self.looked) if self.looked else True


class _Space:
    """What was seen in one namespace: by identity where that is enough, by state where it is not."""

    __slots__ = ("atoms", "holder", "place", "skipped", "states", "things")

    def __init__(self, holder: Any, place: str, skipped: frozenset[tuple[str, str]]) -> None:
        self.holder = weakref.ref(holder)
        self.place = place
        self.skipped = skipped  # attributes that do not count
        self.atoms: list[tuple[str, Any]] = []
        self.things: list[tuple[str, weakref.ref[Any]]] = []
        self.states: list[tuple[str, Any]] = []

    def add(self, name: str, value: Any) -> None:
        if type(value) in _ATOMS:
            self.atoms.append((name, value))
        elif _is_thing(value):
            self.things.append((name, weakref.ref(value)))
        else:
            self.states.append((name, _state(value, self.skipped)))

    def holds(self) -> bool:
        holder = self.holder()
        if holder is None:
            return False
        if self.place == "globals":
            look_up = holder.__globals__.get
        elif self.place == "attributes":
            look_up = holder.__dict__.get
        else:
            look_up = partial(_cell, holder)
        for name, value in self.atoms:
            if look_up(name, MISSING) is not value:
                return False
        for name, reference in self.things:
            thing = look_up(name, MISSING)
            if thing is not reference():
                return False
        for name, state in self.states:  # noqa: SIM110
            if _state(look_up(name, MISSING), self.skipped) != state:
                return False
        return True


class _Same:
    """A weak reference that equals only references to the very same object."""

    __slots__ = ("about", "reference")
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, thing: Any, about: object = None) -> None:
        self.reference = weakref.ref(thing)
        self.about = about

    def __eq__(self, other: object) -> bool:
        return type(other) is _Same and self.reference is other.reference and self.about == other.about


def _is_thing(value: Any) -> bool:
    """Whether identity is all there is to compare."""
    return isinstance(value, (types.FunctionType, type, types.ModuleType)) or is_task(value)


def _state(value: Any, skipped: frozenset[tuple[str, str]] = frozenset()) -> Any:
    """Something cheap that compares unequal once `value` was replaced or changed in place."""
    kind = type(value)
    if kind in _ATOMS:
        return (kind, value)
    if kind in _CONTAINERS and _is_flat(value):
        return marshal.dumps(value, 2)
    return _deep_state(value, (), skipped)


def _is_flat(value: Any) -> bool:
    """Whether a container holds nothing but atoms; what holds itself must not be marshalled."""
    items = (*value.keys(), *value.values()) if type(value) is dict else value
    return all(type(item) in _MARSHALLED for item in items)


def _deep_state(value: Any, above: tuple[int, ...], skipped: frozenset[tuple[str, str]]) -> Any:
    kind = type(value)
    if kind in _ATOMS:
        return (kind, value)
    if id(value) in above or len(above) > 100:
        return len(above)
    above = (*above, id(value))
    if is_data(value) or is_plain(kind) or is_told(kind) or kind is memoryview or _has_added(value, kind):
        return (kind.__qualname__, id(value), _content(value, skipped))
    if issubclass(kind, (list, tuple, set, frozenset)):
        return (kind.__qualname__, [_deep_state(item, above, skipped) for item in value])
    if issubclass(kind, dict):
        return (
            kind.__qualname__,
            [(_deep_state(k, above, skipped), _deep_state(v, above, skipped)) for k, v in value.items()],
        )
    if issubclass(kind, (str, bytes, bytearray, int, float)):
        return (kind.__qualname__, bytes(value) if issubclass(kind, bytearray) else repr(value))
    if issubclass(kind, _BY_TEXT):
        return (kind.__qualname__, repr(value))
    if issubclass(kind, partial):
        return (kind.__qualname__, [_deep_state(p, above, skipped) for p in (value.func, value.args, value.keywords)])
    if kind is types.MethodType:
        return (kind.__qualname__, [_deep_state(part, above, skipped) for part in (value.__func__, value.__self__)])
    about = None
    if is_dataclass(kind) or hasattr(kind, "__pydantic_fields__"):
        held = getattr(value, "__dict__", None) or {}
        state = changed_attributes(kind, skipped)
        about = _deep_state({key: item for key, item in held.items() if key not in state}, above, skipped)
    try:
        return _Same(value, about)
    except TypeError:
        return (_Same(kind), id(value), about)


def _has_added(value: Any, kind: type) -> bool:
    """Whether `value` derives from a built-in value, with attributes of its own."""
    return isinstance(value, _BUILT_IN) and kind not in _BUILT_IN and bool(getattr(value, "__dict__", None))


def _content(value: Any, skipped: frozenset[tuple[str, str]]) -> bytes:
    """What is in an array, a frame or a plain object; the functions and classes in it are watched elsewhere."""
    return short_hash(ValueEncoder(lambda thing, _: b"%d" % id(thing), skipped).encode(value, ""))


def _defaults_state(function: types.FunctionType) -> Any:
    defaults, keywords = function.__defaults__, function.__kwdefaults__
    return None if defaults is None and keywords is None else (_state(defaults), _state(keywords))


def _cell(function: types.FunctionType, name: str, missing: Any) -> Any:
    try:
        cells = function.__closure__ or ()
        return cells[function.__code__.co_freevars.index(name)].cell_contents
    except (ValueError, IndexError):
        return missing
