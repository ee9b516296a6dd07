"""Types as text: in messages, and in keys that must be the same tomorrow."""

from __future__ import annotations

import sys
import types
from typing import Annotated, Any, get_args, get_origin


def type_text(python_type: Any) -> str:
    """`python_type` as a person would write it, classes of modules other than builtins with their module."""
    origin = get_origin(python_type)
    if origin is Annotated:
        return type_text(get_args(python_type)[0])
    if isinstance(python_type, type) and not isinstance(python_type, types.GenericAlias):
        if python_type is type(None):
            return "None"
        if python_type.__module__ == "builtins":
            return python_type.__qualname__
        return f"{python_type.__module__}.{python_type.__qualname__}"
    if origin is not None:
        arguments = ", ".join(_argument_text(argument) for argument in get_args(python_type))
        name = getattr(origin, "__qualname__", None) or str(origin)
        return f"{name}[{arguments}]"
    return str(python_type)


def public_text(kind: type) -> str:
    """`kind` by the shortest name that it is imported by, for messages: ``polars.DataFrame``."""
    steps = kind.__module__.split(".")
    for count in range(1, len(steps)):
        module = ".".join(steps[:count])
        if getattr(sys.modules.get(module), kind.__qualname__, None) is kind:
            return f"{module}.{kind.__qualname__}"
    return type_text(kind)


def _argument_text(argument: Any) -> str:
    if argument is Ellipsis:
        return "..."
    if isinstance(argument, (str, bytes, int)):
        return repr(argument)
    if isinstance(argument, list):
        return "[" + ", ".join(map(_argument_text, argument)) + "]"
    return type_text(argument)


def shown(value: Any) -> str:
    """`value` for a message: at most 120 characters, also of an object that cannot describe itself."""
    try:
        text = repr(value)
    except Exception:
        text = f"<{type(value).__qualname__}>"
    return text if len(text) <= 120 else text[:117] + "..."
