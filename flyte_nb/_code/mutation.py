"""What a piece of code changes itself: that is state, and no constant."""

from __future__ import annotations

import abc
import dis
import sys
from collections import deque
from collections.abc import Callable, Iterable
from functools import lru_cache
from types import BuiltinFunctionType, CellType, CodeType, FunctionType, ModuleType
from typing import Any, Literal, NamedTuple, TypeAlias

from .bytecode import split
from .data import is_changed_by
from .standard import is_told

Name: TypeAlias = tuple[int, str]
Kind = Literal["global", "cell", "local", "made", "attribute", ""]
MUTATORS = frozenset(
    {
        *("add", "append", "appendleft", "clear", "difference_update", "discard", "extend", "extendleft", "insert"),
        *("intersection_update", "pop", "popitem", "popleft", "remove", "reverse", "setdefault", "sort"),
        *("symmetric_difference_update", "update", "move_to_end", "rotate", "subtract"),
    }
)
_LOADS: dict[str, Kind] = {
    "LOAD_GLOBAL": "global",
    "LOAD_NAME": "global",
    "LOAD_DEREF": "cell",
    "LOAD_FAST": "local",
    "LOAD_FAST_CHECK": "local",
    "LOAD_FAST_BORROW": "local",
}
_LOCAL_STORES = frozenset({"STORE_FAST", "STORE_DEREF"})
_ATTRIBUTES = frozenset({"LOAD_ATTR", "LOAD_METHOD"})
_STORES = frozenset({"STORE_SUBSCR", "DELETE_SUBSCR"})
_ATTRIBUTE_STORES = frozenset({"STORE_ATTR", "DELETE_ATTR"})
_REBINDS: dict[str, Kind] = {"STORE_GLOBAL": "global", "STORE_DEREF": "cell"}
_NOISE = frozenset({"CACHE", "EXTENDED_ARG", "NOP", "PRECALL", "RESUME", "PUSH_NULL", "KW_NAMES"})
_BUILDS = frozenset({"BUILD_TUPLE", "BUILD_LIST", "BUILD_SET", "BUILD_STRING"})
# What simple instructions take from the stack and give to it; at anything else the search ends.
_EFFECTS = {
    "LOAD_CONST": (0, 1),
    "LOAD_FAST": (0, 1),
    "LOAD_FAST_CHECK": (0, 1),
    "LOAD_FAST_BORROW": (0, 1),
    "LOAD_SMALL_INT": (0, 1),
    "LOAD_GLOBAL": (0, 1),
    "LOAD_NAME": (0, 1),
    "LOAD_DEREF": (0, 1),
    "LOAD_ATTR": (1, 1),
    "LOAD_METHOD": (1, 1),
    "BINARY_SUBSCR": (2, 1),
    "BINARY_OP": (2, 1),
    "FORMAT_VALUE": (1, 1),
    "FORMAT_SIMPLE": (1, 1),
    "UNARY_NEGATIVE": (1, 1),
}


_CONSTRUCTORS = frozenset({"__init__", "__new__", "__post_init__", "__setstate__"})
_CONTAINERS = (list, dict, set, bytearray, deque)
_UNCHANGEABLE = frozenset({type(None), bool, int, float, complex, str, bytes, tuple, frozenset})


ANY_CLASS = "builtins.object"


class Changes(NamedTuple):
    """What code changes.

    Attributes
    ----------
    names : frozenset of (int, str)
        Globals and closure variables that are rebound, or whose objects are changed, each with the identity of its
        namespace, as `global_of` and `cell_of` give it.
    objects : frozenset of int
        Identities of the objects that are changed, by whatever names they are known.
    attributes : frozenset of (str, str)
        Names of attributes that are set or changed after their object was made, each with the class, by its full name,
        whose objects they are set on: `ANY_CLASS` where that cannot be told.
    """

    names: frozenset[Name] = frozenset()
    objects: frozenset[int] = frozenset()
    attributes: frozenset[tuple[str, str]] = frozenset()

    def is_state(self, name: Name | None, value: Any) -> bool:
        """Whether what a name, if it is one, holds, `value` now, is changed by the code."""
        owner = value.__self__ if type(value) is BuiltinFunctionType else value
        return name in self.names or id(owner) in self.objects


def global_of(space: dict[str, Any], name: str) -> Name:
    """A name in the globals of functions, which are the attributes of their module."""
    return id(space), name


def cell_of(function: FunctionType, name: str) -> Name | None:
    """A closure variable, which functions may share."""
    cell = _cell(function, name)
    return (id(cell), name) if cell is not None else None


def _cell(function: FunctionType, name: str) -> CellType | None:
    return dict(zip(function.__code__.co_freevars, function.__closure__ or (), strict=False)).get(name)


def changed_attributes(kind: type, attributes: frozenset[tuple[str, str]]) -> frozenset[str]:
    """Which of `attributes`, as `Changes` has them, are those of objects of the class `kind`."""
    if not attributes:
        return frozenset()
    names = {_full_name(base) for base in kind.__mro__}
    return frozenset(attribute for attribute, owner in attributes if owner in names)


def changes_of(
    functions: Iterable[FunctionType],
    classes_of: Callable[[FunctionType], Iterable[type]] = lambda function: (),
    codes: Iterable[tuple[str, CodeType]] = (),
) -> Changes:
    """What all of `functions` change.

    Parameters
    ----------
    classes_of : callable
        The classes that a function is a method of.
    codes : iterable of (str, code object)
        Further code, with the name of its module: what it rebinds and changes there is state as well.
    """
    found = _Found(set(), set())
    attributes: set[tuple[str, str]] = set()
    for module, code in codes:
        if module in sys.modules:
            found.add(_changes_in(code), vars(sys.modules[module]), None)
    for function in functions:
        changes = _changes_in(function.__code__)
        found.add(changes, function.__globals__, function)
        for attribute, receiver in changes.attributes:
            owners = _classes(receiver, function, classes_of) or (object,)
            attributes.update((attribute, _full_name(owner)) for owner in owners)
    return Changes(frozenset(found.names), frozenset(found.objects), frozenset(attributes))


class _Found(NamedTuple):
    """Names and objects that are changed, as `Changes` has them."""

    names: set[Name]
    objects: set[int]

    def add(self, changes: _CodeChanges, space: dict[str, Any], function: FunctionType | None) -> None:
        """What code changes whose globals are in `space`, and whose closure, if it has one, is that of `function`."""
        for kind, called in (*changes.rebound, *changes.stored):
            name = global_of(space, called) if kind == "global" else function and cell_of(function, called)
            if name is not None:
                self.names.add(name)
        for kind, called in changes.stored:
            self._change(_held(kind, called, space, function))
        for kind, called, method in changes.called:
            value = _held(kind, called, space, function)
            if _changes(value, method):
                self._change(value)

    def _change(self, value: Any) -> None:
        if type(value) not in _UNCHANGEABLE:
            self.objects.add(id(value))


def _held(kind: Kind, name: str, space: dict[str, Any], function: FunctionType | None) -> Any:
    """What a global or a closure variable holds; None if it holds nothing."""
    if kind == "global":
        return space.get(name)
    cell = _cell(function, name) if function is not None else None
    return _content(cell)


def _content(cell: CellType | None) -> Any:
    try:
        return cell.cell_contents if cell is not None else None
    except ValueError:
        return None


def _full_name(kind: type) -> str:
    return f"{kind.__module__}.{kind.__qualname__}"


def _changes(value: Any, method: str) -> bool:
    return isinstance(value, _CONTAINERS) or is_told(type(value)) or is_changed_by(value, method)


class _Origin(NamedTuple):
    """Where a value on the stack came from: a name, and the instruction that loads it.

    `made`: from a call of that global. `attribute`: from that attribute of something. Of no kind where the
    way is not simple to see.
    """

    kind: Kind = ""
    name: str = ""
    position: int = 0


class _Receiver(NamedTuple):
    """The name that holds an object of which an attribute is set."""

    kind: Kind = ""
    name: str = ""


class _CodeChanges(NamedTuple):
    """What a code object changes, by names alone: which are rebound, have an item set, have a method called."""

    rebound: frozenset[tuple[Kind, str]]
    stored: frozenset[tuple[Kind, str]]
    called: frozenset[tuple[Kind, str, str]]
    attributes: frozenset[tuple[str, _Receiver]]


_UNKNOWN = _Receiver()


def _classes(
    receiver: _Receiver, function: FunctionType, classes_of: Callable[[FunctionType], Iterable[type]]
) -> Iterable[type]:
    """The classes that an object may be of, any subclass included; none where that cannot be told."""
    kind, name = receiver
    if kind == "local":
        if name == function.__code__.co_varnames[0] and (classes := tuple(classes_of(function))):
            return classes
        return _said_by(function.__annotations__.get(name), function)
    if kind == "cell":
        return _class_of(_content(_cell(function, name)))
    found = function.__globals__.get(name)
    if kind == "global":
        return _class_of(found)
    return (found,) if kind == "made" and isinstance(found, type) else ()


def _class_of(value: Any) -> Iterable[type]:
    return () if value is None or isinstance(value, (type, ModuleType)) else (type(value),)


def _said_by(annotation: Any, function: FunctionType) -> Iterable[type]:
    """The class that an annotation names, unless other classes may pass for it."""
    kind = function.__globals__.get(annotation.strip("'\"")) if isinstance(annotation, str) else annotation
    return (kind,) if isinstance(kind, type) and not isinstance(kind, abc.ABCMeta) else ()


@lru_cache(maxsize=1024)
def _changes_in(code: CodeType) -> _CodeChanges:
    """What `code`, or code inside it, changes."""
    instructions = [part for one in dis.get_instructions(code) if one.opname not in _NOISE for part in split(one)]
    makers = _makers(instructions)
    rebound: set[tuple[Kind, str]] = set()
    stored: set[tuple[Kind, str]] = set()
    called: set[tuple[Kind, str, str]] = set()
    attributes: set[tuple[str, _Receiver]] = set()
    own = frozenset(code.co_cellvars)
    constructs = code.co_name in _CONSTRUCTORS

    def note(origin: _Origin) -> bool:
        """Whether a global or cell is changed; of an attribute that is changed, note whose it is."""
        if origin.kind == "attribute" and not constructs:
            attributes.add((origin.name, receiver(origin.position)))
        return origin.kind == "global" or (origin.kind == "cell" and origin.name not in own)

    def receiver(position: int) -> _Receiver:
        origin = _origin(instructions, position, below=0, items=False)
        if origin.kind in ("local", "cell") and origin.name in makers:
            return makers[origin.name]
        return _of_arguments(_Receiver(origin.kind, origin.name), code)

    for position, instruction in enumerate(instructions):
        if instruction.opname in _REBINDS and instruction.argval not in own:
            rebound.add((_REBINDS[instruction.opname], instruction.argval))
        elif instruction.opname in _ATTRIBUTE_STORES:
            if not constructs:
                attributes.add((instruction.argval, receiver(position)))
        elif instruction.opname in _STORES:
            origin = _origin(instructions, position, below=1)
            if note(origin):
                stored.add((origin.kind, origin.name))
        elif instruction.opname in _ATTRIBUTES and instruction.argval in MUTATORS:
            origin = _origin(instructions, position, below=0)
            if note(origin):
                called.add((origin.kind, origin.name, instruction.argval))
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            inner = _changes_in(constant)
            rebound |= {one for one in inner.rebound if not _is_own(one, own)}
            stored |= {one for one in inner.stored if not _is_own(one, own)}
            called |= {one for one in inner.called if not _is_own(one, own)}
            attributes |= {(name, _seen_from(code, found, makers)) for name, found in inner.attributes}
    return _CodeChanges(frozenset(rebound), frozenset(stored), frozenset(called), frozenset(attributes))


def _is_own(changed: tuple[Kind, str, *tuple[str, ...]], own: frozenset[str]) -> bool:
    """Whether what code inside a function changes is a variable of that function."""
    return changed[0] == "cell" and changed[1] in own


def _makers(instructions: list[dis.Instruction]) -> dict[str, _Receiver]:
    """Variables that are assigned here: to what a call of a global gives, if that is all they are assigned to."""
    found: dict[str, _Receiver] = {}
    for position, instruction in enumerate(instructions):
        if instruction.opname in _LOCAL_STORES:
            origin = _origin(instructions, position, below=0, items=False)
            made = _Receiver("made", origin.name) if origin.kind == "made" else _UNKNOWN
            found[instruction.argval] = made if instruction.argval not in found else _UNKNOWN
    return found


def _of_arguments(receiver: _Receiver, code: CodeType) -> _Receiver:
    """What a name of `code` holds is known if it is an argument, a variable of a function around it, or a global."""
    arguments = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
    if receiver.kind == "local" or receiver.name in code.co_cellvars:
        return _Receiver("local", receiver.name) if receiver.name in arguments else _UNKNOWN
    return receiver if receiver.kind in ("cell", "global") else _UNKNOWN


def _seen_from(code: CodeType, receiver: _Receiver, makers: dict[str, _Receiver]) -> _Receiver:
    """What `receiver`, as code inside `code` knows it, is there."""
    if receiver.kind == "local":
        return _UNKNOWN
    if receiver.kind == "cell" and receiver.name in code.co_cellvars:
        return makers.get(receiver.name) or _of_arguments(receiver, code)
    return receiver


def _origin(instructions: list[dis.Instruction], position: int, below: int, *, items: bool = True) -> _Origin:
    """Where a value on the stack came from: `below` places under the top, before `position`.

    Parameters
    ----------
    items : bool
        Whether an item of a container leads to the container; otherwise it is of no kind.
    """
    made = False
    for at in range(position - 1, -1, -1):
        instruction = instructions[at]
        name, argument = instruction.opname, instruction.arg or 0
        if name == "SWAP":
            if below in (0, argument - 1):
                below = argument - 1 - below
            continue
        if name == "COPY":
            below = argument - 1 if below == 0 else below - 1
            continue
        if name == "CALL":
            taken, given = argument + 1, 1
        elif name in _BUILDS:
            taken, given = argument, 1
        elif name in _EFFECTS:
            taken, given = _EFFECTS[name]
        else:
            return _Origin()
        if below >= given:
            below += taken - given
        elif name == "CALL" and not made:
            made, below = True, argument
        elif made:
            return _Origin("made", instruction.argval, at) if name in ("LOAD_GLOBAL", "LOAD_NAME") else _Origin()
        elif name == "BINARY_SUBSCR" and items:
            below = 1
        elif name in _ATTRIBUTES:
            return _Origin("attribute", instruction.argval, at)
        else:
            return _Origin(_LOADS[name], str(instruction.argval), at) if name in _LOADS else _Origin()
    return _Origin()
