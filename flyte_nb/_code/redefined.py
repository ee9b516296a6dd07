"""Classes of a notebook: what their names mean, after a cell was run again, and in another process."""

from __future__ import annotations

import ast
import sys
import types
from collections.abc import Iterable, Iterator
from typing import Any, get_args

NOTEBOOK = "__main__"


def is_of_the_notebook(kind: Any) -> bool:
    """Whether something is a class that a cell, or a script, defines at its top level."""
    is_class = isinstance(kind, type) and not isinstance(kind, types.GenericAlias)
    return is_class and kind.__module__ == NOTEBOOK and kind.__qualname__ == kind.__name__


def defined_now(kind: type) -> type:
    """What the name of a class of the notebook means now; any other class is itself."""
    if not is_of_the_notebook(kind):
        return kind
    found = getattr(sys.modules.get(NOTEBOOK), kind.__name__, kind)
    return found if is_of_the_notebook(found) and found.__name__ == kind.__name__ else kind


def names_used_by(annotations: Iterable[Any]) -> dict[str, Any]:
    """What the names mean that stand in textual annotations of the notebook's classes, from class to class.

    Another process gets the classes, but not the notebook that those names are looked up in.
    """
    found: dict[str, Any] = {}
    seen: set[Any] = set()
    waiting = list(annotations)
    while waiting:
        annotation = waiting.pop()
        waiting += get_args(annotation)
        if not is_of_the_notebook(annotation) or annotation in seen:
            continue
        seen.add(annotation)
        for base in annotation.__mro__:
            for text in vars(base).get("__annotations__", {}).values():
                waiting.append(text)
                for name in _names_in(text):
                    value = getattr(sys.modules.get(NOTEBOOK), name, None)
                    if _says_a_type(value):
                        found[name] = value
                        waiting.append(value)
    return found


def _says_a_type(value: Any) -> bool:
    return isinstance(value, type | types.ModuleType) or type(value).__module__ in ("typing", "types")


def _names_in(annotation: Any) -> Iterator[str]:
    if isinstance(annotation, str):
        try:
            parsed = ast.parse(annotation, mode="eval")
        except SyntaxError:
            return
        for node in ast.walk(parsed):
            if isinstance(node, ast.Name):
                yield node.id
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield from _names_in(node.value)


_known: dict[str, Any] = {}


def know_names(names: dict[str, Any]) -> None:
    """Let names of another process's notebook mean here what they mean there."""
    _known.update(names)


def known_names() -> dict[str, Any]:
    """Names of another process's notebook, with what they mean."""
    return _known
