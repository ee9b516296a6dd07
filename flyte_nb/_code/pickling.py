"""Code by value: cloudpickle's way, but with the names of files, and without touching what is defined here."""

from __future__ import annotations

import functools
import io
import pickle
import types
import weakref
from collections import ChainMap
from collections.abc import Callable, Iterable, Mapping
from typing import Any, ClassVar, NamedTuple

import cloudpickle
from cloudpickle import cloudpickle as parts_of_pickles

from .lines import lines_of, show_lines

_copies: weakref.WeakSet[type] = weakref.WeakSet()
"""Classes that came here by value, and may come again as they are by then where they were defined."""


class Unpickled(NamedTuple):
    """What a pickle is of, all that is in it, and which classes it made."""

    value: Any
    things: list[Any]
    made: list[type]


def pickled(value: Any) -> bytes:
    """`value` as cloudpickle pickles it; its code keeps its files and lines, for tracebacks elsewhere."""
    buffer = io.BytesIO()
    _Pickler(buffer).dump(value)
    return buffer.getvalue()


def unpickled(data: bytes, *, made_here: bool = False) -> Any:
    """What `data` is a pickle of; a class that was defined in this process stays as it is.

    By itself, cloudpickle would set all its methods anew: copies, to which later edits of the notebook mean nothing.

    Parameters
    ----------
    made_here : bool
        Whether this process has pickled it: then no class in it can be another one than it is here.

    Raises
    ------
    Exception
        Whatever a class in it raises.
    """
    return _Unpickler(data, may_set_copies=not made_here).load()


def unpickled_code(data: bytes) -> Any:
    """As `unpickled`, for code that is this process's own from now on: its classes count as defined here."""
    return unpickled_beside(data, {}).value


def unpickled_beside(data: bytes, classes: Mapping[str, type]) -> Unpickled:
    """As `unpickled_code`, and all that is in it.

    Parameters
    ----------
    classes : mapping of str to type
        What takes the place of classes in it, by what `tracker_of` gives for those.
    """
    unpickler = _Unpickler(data, may_set_copies=True, classes=classes)
    loaded = unpickler.load()
    for made in unpickler.made:
        _copies.discard(made)
    return Unpickled(loaded, list(unpickler.memo.copy().values()), unpickler.made)


def forget_classes(made: Iterable[type]) -> None:
    """Have pickles of these classes make them anew."""
    for kind in made:
        parts_of_pickles._DYNAMIC_CLASS_TRACKER_BY_ID.pop(tracker_of(kind), None)


def tracker_of(kind: type) -> str:
    """What a class that travels by value is known by; empty for one that did not travel yet."""
    return str(parts_of_pickles._DYNAMIC_CLASS_TRACKER_BY_CLASS.get(kind, ""))


class _Unpickler(pickle.Unpickler):
    """What a pickle calls to make a class and to fill it, but for classes that are to stay as they are."""

    _CLASS_MAKERS: ClassVar[dict[str, int]] = {"_make_skeleton_class": 4, "_make_skeleton_enum": 5}
    """With the place of the class's identity among the arguments."""

    def __init__(self, data: bytes, *, may_set_copies: bool, classes: Mapping[str, type] | None = None) -> None:
        super().__init__(io.BytesIO(data))
        self._may_set_copies = may_set_copies
        self._classes = classes or {}
        self._left_alone: list[type] = []
        self.made: list[type] = []

    def find_class(self, module: str, name: str) -> Any:
        found = super().find_class(module, name)
        if module == parts_of_pickles.__name__:
            if name in self._CLASS_MAKERS:
                return functools.partial(self._class, found, self._CLASS_MAKERS[name])
            if name == "_class_setstate":
                return functools.partial(self._fill, found)
        return found

    def _class(self, make: Callable[..., type], place: int, *arguments: Any) -> type:
        if (instead := self._classes.get(arguments[place])) is not None:
            self._left_alone.append(instead)
            return instead
        known: type | None = parts_of_pickles._DYNAMIC_CLASS_TRACKER_BY_ID.get(arguments[place])
        if known is None:
            made = make(*arguments)
            self.made.append(made)
            _copies.add(made)
            return made
        if known not in _copies or not self._may_set_copies:
            self._left_alone.append(known)
        return known

    def _fill(self, fill: Callable[[type, Any], Any], kind: type, state: Any) -> type:
        if not any(kind is known for known in self._left_alone):
            fill(kind, state)
        return kind


def _with_file(code: types.CodeType) -> tuple[Any, tuple[Any, ...]]:
    make, parts = cloudpickle.Pickler.dispatch_table[types.CodeType](code)
    named = tuple(code.co_filename if type(part) is str and part == _NO_FILE else part for part in parts)
    lines = lines_of(code)
    return (_with_lines, (make, named, code.co_filename, lines)) if lines else (make, named)


def _with_lines(
    make: Callable[..., types.CodeType], parts: tuple[Any, ...], file: str, lines: dict[int, str]
) -> types.CodeType:
    show_lines(file, lines)
    return make(*parts)


_NO_FILE = "<dynamic-code>"


class _Pickler(cloudpickle.Pickler):  # type: ignore[misc]
    dispatch_table: ClassVar[Any] = ChainMap({types.CodeType: _with_file}, cloudpickle.Pickler.dispatch_table)
