"""Classes of a notebook whose cell was run again: what an annotation means is what its name means now.

A task keeps the class it was annotated with, while its body finds the new one under the same name. Given values of the
old class, ``isinstance`` and ``case Shade.DARK:`` in the body would quietly be false.
"""

from __future__ import annotations

import functools
import operator
import types
from collections.abc import Iterable, Iterator
from typing import Annotated, Any, Union, get_args, get_origin

from .._code.redefined import defined_now, is_of_the_notebook


class NotebookClasses:
    """The classes of the notebook that some types mention."""

    def __init__(self, python_types: Iterable[Any]) -> None:
        self._known = tuple({kind for python_type in python_types for kind in _classes_in(python_type)})

    def are_current(self) -> bool:
        """Whether none of them was defined again."""
        return not self._known or all(defined_now(kind) is kind for kind in self._known)


def as_defined_now(python_type: Any) -> Any:
    """A type with the notebook's classes in it as they are defined now."""
    if isinstance(python_type, type) and not isinstance(python_type, types.GenericAlias):
        return defined_now(python_type)
    arguments = get_args(python_type)
    current = tuple(map(as_defined_now, arguments))
    if all(new is old for new, old in zip(current, arguments, strict=True)):
        return python_type
    origin = get_origin(python_type)
    if origin is Union or origin is types.UnionType:
        return functools.reduce(operator.or_, current)
    if origin is Annotated:
        return Annotated[(current[0], *python_type.__metadata__)]
    return python_type.copy_with(current) if hasattr(python_type, "copy_with") else origin[current]


def _classes_in(python_type: Any) -> Iterator[type]:
    if is_of_the_notebook(python_type):
        yield python_type
    for argument in get_args(python_type):
        yield from _classes_in(argument)
