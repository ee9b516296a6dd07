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
    found = _meaning(kind.__name__)
    return found if is_of_the_notebook(found) and found.__name__ == kind.__name__ else kind


def classes_used_by(annotations: Iterable[Any]) -> dict[type, type]:
    """Classes of the notebook that annotations mention, from class to class, and what each of them is now."""
    return {kind: defined_now(kind) for kind, _ in _reached_from(annotations)}


def names_used_by(annotations: Iterable[Any]) -> dict[str, Any]:
    """What the names mean that annotations of the notebook's classes go by, from class to class.

    Another process gets the classes, but not the notebook where those names are looked up and classes defined again.
    """
    found: dict[str, Any] = {}
    for kind, names in _reached_from(annotations):
        found.update(names)
        if defined_now(kind) is not kind:
            found[kind.__name__] = defined_now(kind)
    return found


def _reached_from(annotations: Iterable[Any]) -> Iterator[tuple[type, dict[str, Any]]]:
    """Classes of the notebook, as they were and as they are, and what names in their textual annotations mean."""
    seen: set[Any] = set()
    waiting = list(annotations)
    while waiting:
        annotation = waiting.pop()
        waiting += get_args(annotation)
        if not is_of_the_notebook(annotation) or annotation in seen:
            continue
        seen.add(annotation)
        waiting.append(defined_now(annotation))
        names: dict[str, Any] = {}
        for base in annotation.__mro__:
            for text in vars(base).get("__annotations__", {}).values():
                waiting.append(text)
                for name in _names_in(text):
                    value = _meaning(name)
                    if _says_a_type(value):
                        names[name] = value
                        waiting.append(value)
        yield annotation, names


def _meaning(name: str) -> Any:
    return getattr(sys.modules.get(NOTEBOOK), name, _known.get(name))


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
