"""A digest of what a function does, and of everything it reaches.

Asking again costs about a microsecond: the first answer remembers what was looked up, and the next one only
looks whether it is still there.
"""

from __future__ import annotations

import enum
import marshal
import types
import weakref
from collections.abc import Callable
from functools import partial
from typing import Any

from .bytecode import short_hash
from .reach import MISSING, Binding, Reach, reach_of
from .values import ValueEncoder, is_task

_ATOMS = frozenset({type(None), bool, int, float, complex, str, bytes, type(...), type(MISSING)})
_MARSHALLED = frozenset({type(None), bool, int, float, complex, str, bytes})
_CONTAINERS = frozenset({list, tuple, dict, set, frozenset})
_known: dict[int, KnownCode] = {}

_GONE = object()

SMALL = 1_000
"""So many values in a constant may be looked at for every call."""


class Depth(enum.IntEnum):
    """How far a look goes: what names mean; what is in small constants as well; or in all of them."""

    NAMES = 0
    SMALL = 1
    ALL = 2


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
    return known_code(func).digest


def code_parts(func: Any) -> dict[str, str]:
    """What `func` reaches, each part with a digest of its own, so that a change can be explained.

    Examples
    --------
    >>> code_parts(process)
    {'process (function)': '5f…', 'clean (function)': '91…', 'LIMIT (constant)': '0c…'}
    """
    return {label: part.hex() for label, part in reach_of(func).parts.items()}


def known_code(func: Any, depth: Depth = Depth.ALL) -> KnownCode:
    """What is known of the code of `func` as it is now; the same object as long as nothing was changed.

    Parameters
    ----------
    depth : Depth
        How far is looked.
    """
    known = _known.get(id(func))
    if known is None or known.owner() is not func or not known.holds(depth):
        known = KnownCode(func, reach_of(func))
        if known.can_look:
            _known[id(func)] = known
    return known


def _forget(key: int, owner: weakref.ref[Any]) -> None:
    known = _known.get(key)
    if known is not None and known.owner is owner:
        del _known[key]


class KnownCode:
    """What was found out about the code of a function, and where; no function is kept alive by it.

    Attributes
    ----------
    digest : str
        As `code_digest` gives it.
    by_type : tuple of str
        What is reached whose content has no part in the digest, such as clients and locks: names, with types.
    by_source : tuple of str
        Constants of modules that are imported in a body, and that are found out when that happens: their full names.
    is_whole : bool
        Whether all that is reached has a part in the digest: then the same digest means the same values.
    can_look : bool
        Whether `holds` can tell that something was changed.
    owner : weak reference
        To the function.
    """

    def __init__(self, func: Any, reach: Reach) -> None:
        self.digest: str = reach.digest()
        self.by_type: tuple[str, ...] = reach.known_by_type()
        self.by_source: tuple[str, ...] = tuple(sorted(reach.imported.unsettled))
        self.is_whole: bool = not reach.leaves_out
        self.can_look: bool = True
        try:
            self.owner: weakref.ref[Any] = weakref.ref(func, partial(_forget, id(func)))
            self._spaces = _spaces(func, reach)
            self._functions = [_Function(function) for function in reach.functions]
        except TypeError:  # without weak references there is nothing safe to remember it by
            self._spaces, self._functions, self.can_look = [], [], False
        self._codes = [(function.function, function.code) for function in self._functions]
        self._looked = list(reach.imported.looked.values())
        self._tasks = [weakref.ref(task) for task in reach.tasks]

    def tasks(self) -> list[Any]:
        """The tasks that are reached and still there."""
        return [task for reference in self._tasks if (task := reference()) is not None]

    def holds(self, depth: Depth = Depth.ALL) -> bool:
        """Whether nothing was changed, as far as is looked; where that cannot be told, nothing was."""
        if depth is Depth.NAMES:
            return self.names_hold()
        if not self.can_look:
            return True
        for function in self._functions:
            if not function.holds(depth):
                return False
        for space in self._spaces:
            if not space.holds(depth):
                return False
        return depth is not Depth.ALL or all(looked.holds() for looked in self._looked)

    def names_hold(self) -> bool:
        """As `holds`, of what names mean and functions do; it takes less than a microsecond, so every call may ask."""
        for function, code in self._codes:
            found = function()
            if found is None or found.__code__ is not code:
                return False
        for space in self._spaces:  # noqa: SIM110
            if not space.names_hold():
                return False
        return True


def _spaces(func: Any, reach: Reach) -> list[_Space]:
    spaces: dict[tuple[str, int], _Space] = {}
    own = ("globals", id(getattr(func, "__globals__", None)))
    for binding in reach.bindings:
        space = spaces.get(binding.space)
        if space is None:
            # Cells are looked up by function, so a function is another space than its globals.
            holder = func if binding.space == own else binding.holder
            space = spaces[binding.space] = _Space(holder, binding.place, reach.changes.attributes)
        space.add(binding)
    return list(spaces.values())


class _Function:
    """A function, with what belongs to it and is no name in it."""

    __slots__ = ("code", "defaults", "function", "keywords", "names")

    def __init__(self, function: types.FunctionType) -> None:
        self.function = weakref.ref(function)
        self.code = function.__code__
        self.names = tuple(function.__dict__)
        self.defaults = _Constant(function.__defaults__) if function.__defaults__ is not None else None
        self.keywords = _Constant(function.__kwdefaults__) if function.__kwdefaults__ is not None else None

    def holds(self, depth: Depth) -> bool:
        function = self.function()
        if function is None or function.__code__ is not self.code:
            return False
        if (names := function.__dict__) and tuple(names) != self.names:
            return False
        for value, seen in ((function.__defaults__, self.defaults), (function.__kwdefaults__, self.keywords)):
            if value is not None if seen is None else not seen.holds(value, depth):
                return False
        return True


class _Space:
    """What was seen in one namespace: by identity where that is enough, by state where it is not."""

    __slots__ = ("atoms", "constants", "holder", "place", "skipped", "things")

    def __init__(self, holder: Any, place: str, skipped: frozenset[tuple[str, str]]) -> None:
        self.holder = weakref.ref(holder)
        self.place = place
        self.skipped = skipped  # attributes that do not count
        self.atoms: list[tuple[str, Any]] = []
        self.things: list[tuple[str, weakref.ref[Any]]] = []
        self.constants: list[tuple[str, _Constant]] = []

    def add(self, binding: Binding) -> None:
        name, value = binding.name, binding.value
        if type(value) in _ATOMS:
            self.atoms.append((name, value))
        elif _is_thing(value):
            self.things.append((name, weakref.ref(value)))
        else:
            self.constants.append((name, _Constant(value, self.skipped)))

    def names_hold(self) -> bool:
        return self._names_hold(self._look_up())

    def holds(self, depth: Depth) -> bool:
        look_up = self._look_up()
        if not self._names_hold(look_up, whatever_constants_are=True):
            return False
        for name, constant in self.constants:  # noqa: SIM110
            if not constant.holds(look_up(name, MISSING), depth):
                return False
        return True

    def _look_up(self) -> Callable[[str, Any], Any]:
        holder = self.holder()
        if holder is None:
            return _nothing
        if self.place == "globals":
            found: Callable[[str, Any], Any] = holder.__globals__.get
            return found
        return holder.__dict__.get if self.place == "attributes" else partial(_cell, holder)

    def _names_hold(self, look_up: Callable[[str, Any], Any], *, whatever_constants_are: bool = False) -> bool:
        for name, value in self.atoms:
            if look_up(name, MISSING) is not value:
                return False
        for name, reference in self.things:
            if look_up(name, MISSING) is not reference():
                return False
        if not whatever_constants_are:
            for name, constant in self.constants:
                if not constant.is_still(look_up(name, MISSING)):
                    return False
        return True


def _nothing(name: str, missing: Any) -> Any:
    return _GONE


def _is_thing(value: Any) -> bool:
    """Whether identity is all there is to compare."""
    return isinstance(value, (types.FunctionType, type, types.ModuleType)) or is_task(value)


class _Constant:
    """A value, and what it was seen to hold."""

    __slots__ = ("_identity", "_value", "is_small", "seen", "skipped")

    def __init__(self, value: Any, skipped: frozenset[tuple[str, str]] = frozenset()) -> None:
        self.skipped = skipped
        self.seen, size, is_data = _seen(value, skipped)
        self.is_small = size <= SMALL
        self._identity = id(value)
        # Another object may get the identity of one that is gone. Of what has no weak references, only small data is
        # kept: nothing that was replaced may go on taking much memory.
        self._value: Callable[[], Any] | None
        try:
            self._value = weakref.ref(value)
        except TypeError:
            self._value = (lambda: value) if is_data and self.is_small else None

    def is_still(self, value: Any) -> bool:
        """Whether `value` is the same object, whatever it holds."""
        return id(value) == self._identity and (self._value is None or self._value() is value)

    def holds(self, value: Any, depth: Depth) -> bool:
        if depth is Depth.ALL or (depth is Depth.SMALL and self.is_small):
            return bool(_seen(value, self.skipped)[0] == self.seen)
        return self.is_still(value)


def _seen(value: Any, skipped: frozenset[tuple[str, str]]) -> tuple[Any, int, bool]:
    """What counts of `value`, how many values that is, and whether all of it is data.

    What is a thing of its own in it counts by identity.
    """
    kind = type(value)
    if kind in _ATOMS:
        return (kind, value), 1, True
    if kind in _CONTAINERS and _is_flat(value):
        return marshal.dumps(value, 2), len(value), True
    things: list[weakref.ref[Any]] = []

    def refer(thing: Any, _: str) -> bytes:
        things.append(weakref.ref(thing))
        return b"thing"

    encoder = ValueEncoder(refer, skipped)
    content = short_hash(encoder.encode(value, ""))
    return (content, things), encoder.size, not (things or encoder.by_type)


def _is_flat(value: Any) -> bool:
    """Whether a container holds nothing but atoms; what holds itself must not be marshalled."""
    items = (*value.keys(), *value.values()) if type(value) is dict else value
    return all(type(item) in _MARSHALLED for item in items)


def _cell(function: types.FunctionType, name: str, missing: Any) -> Any:
    try:
        cells = function.__closure__ or ()
        return cells[function.__code__.co_freevars.index(name)].cell_contents
    except (ValueError, IndexError):
        return missing
