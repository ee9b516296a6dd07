"""Classes of a notebook whose cell was run again: what an annotation means is what its name means now.

A task keeps the class it was annotated with, while its body finds the new one under the same name. Given values of the
old class, ``isinstance`` and ``case Shade.DARK:`` in the body would quietly be false.
"""

from __future__ import annotations

import functools
import operator
import types
from collections.abc import Iterable
from typing import Annotated, Any, Union, get_args, get_origin

from .._code.redefined import classes_used_by, defined_now
from .stored_schema import NOT_SCHEMAS


class NotebookClasses:
    """The classes of the notebook that some types mention, and those that their fields do."""

    def __init__(self, python_types: Iterable[Any]) -> None:
        self._known = tuple(classes_used_by(python_types).items())

    def are_current(self) -> bool:
        """Whether none of them was defined again since."""
        return not self._known or all(defined_now(kind) is found for kind, found in self._known)


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


def with_classes_of_now(schema: Any) -> Any:
    """A core schema of Pydantic's, in which fields have the notebook's classes as they are now; itself if they have.

    A field keeps the class of its own cell, although only the cell of that class was run again.
    """
    if isinstance(schema, list):
        items = [with_classes_of_now(item) for item in schema]
        return items if any(new is not old for new, old in zip(items, schema, strict=True)) else schema
    if not isinstance(schema, dict):
        return schema
    kind = schema.get("cls")
    if isinstance(kind, type) and defined_now(kind) is not kind:
        from pydantic import TypeAdapter

        found = with_classes_of_now(TypeAdapter(defined_now(kind)).core_schema)
        return {**found, "ref": schema["ref"]} if "ref" in schema else found
    parts = {key: value if key in NOT_SCHEMAS else with_classes_of_now(value) for key, value in schema.items()}
    return parts if any(parts[key] is not schema[key] for key in schema) else schema
