"""Code that was stored, beside what a notebook has defined by now: a name means one thing for both."""

from __future__ import annotations

import re
import sys
import types
from collections.abc import Iterable
from typing import Any, NamedTuple

from .ownership import is_of_ipython
from .pickling import forget_classes, tracker_of, unpickled_beside
from .reach import MISSING, MODULE_NAMES, reach_of
from .redefined import NOTEBOOK, is_of_the_notebook
from .values import is_task

_NAMES_OF_CELLS = re.compile(r"_+|_i+|_i?\d+|_[iod]h|In|Out")


class Beside(NamedTuple):
    """Stored code whose names mean what the notebook defines, where it does.

    Attributes
    ----------
    root : object
        What was stored.
    tasks : list
        All tasks that were stored with it.
    names : frozenset of str
        Those that were stored with it.
    """

    root: Any
    tasks: list[Any]
    names: frozenset[str]


def notebook_here() -> dict[str, Any] | None:
    """What the cells of this process have defined; None where it is no notebook: names of a script are its own."""
    module = sys.modules.get(NOTEBOOK)
    return None if module is None or hasattr(module, "__file__") else vars(module)


def unpickled_into(data: bytes, notebook: dict[str, Any]) -> Beside:
    """What `data` is a pickle of; names in it mean what `notebook` defines, and else what was stored.

    Objects of a class that the notebook defines become objects of that class. Other things that a container or a
    closure holds are those that were stored.

    Raises
    ------
    Exception
        Whatever a class in it raises.
    """
    root, things, made = unpickled_beside(data, {})
    defined = _defined(notebook)
    classes = {
        tracker: defined[name]
        for space in _spaces_of(things)
        for name, value in space.items()
        if is_of_the_notebook(value) and is_of_the_notebook(defined.get(name)) and defined[name] is not value
        if (tracker := tracker_of(value))
    }
    if classes:
        forget_classes(made)  # what derives from one of them derives from what takes its place
        root, things, _ = unpickled_beside(data, classes)
    names: set[str] = set()
    for space in _spaces_of(things):
        names.update(space.keys() - MODULE_NAMES)
        space.update(defined)
    return Beside(root, [thing for thing in things if is_task(thing)], frozenset(names))


def lacking(root: Any, names: frozenset[str], notebook: dict[str, Any]) -> dict[str, str]:
    """Which of `names` code of the notebook uses that `root` reaches, though no cell has defined them, and where."""
    return {
        binding.name: binding.holder.__qualname__
        for binding in reach_of(root).bindings
        if binding.place == "globals" and binding.value is MISSING and binding.name in names
        if binding.holder.__globals__ is notebook
    }


def _defined(notebook: dict[str, Any]) -> dict[str, Any]:
    return {
        name: value
        for name, value in notebook.copy().items()
        if name not in MODULE_NAMES and not _NAMES_OF_CELLS.fullmatch(name) and not is_of_ipython(name, value)
    }


def _spaces_of(things: Iterable[Any]) -> list[dict[str, Any]]:
    """The globals of functions that were defined in a notebook or a script, each once."""
    functions = (thing for thing in things if type(thing) is types.FunctionType)
    spaces = {id(function.__globals__): function.__globals__ for function in functions}
    return [space for space in spaces.values() if space.get("__name__") == NOTEBOOK]
