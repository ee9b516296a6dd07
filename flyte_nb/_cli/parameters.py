"""Options of a task, generated from its signature, and the values that people type for them.

A value is text for `str`, and otherwise JSON or what the type reads from text (``2024-05-01``, ``yes``, a path).
``@file`` stands for the content of a file, ``@-`` for the standard input, ``@@`` for a text that begins with @. A file,
a directory or a frame is given by its path, which is copied into the store, or by its address, which is not.
"""

from __future__ import annotations

import enum
import inspect
import json
import os
import re
import sys
import types
import typing
from pathlib import Path
from typing import Annotated, Any, get_args, get_origin

import click

from .._task.task import Task
from ..types.frames import library_of
from ..types.type_text import type_text


def options_of(task: Task[Any, Any]) -> list[click.Parameter]:
    """One option per input of a task."""
    return [_option(name, kind, default) for name, (kind, default) in task.interface.inputs.items()]


def typed_values(task: Task[Any, Any], context: click.Context) -> dict[str, Any]:
    """What was given on the command line; what was left out is left to the task's own defaults."""
    return {
        name: context.params[name]
        for name in task.interface.inputs
        if context.get_parameter_source(name) is click.core.ParameterSource.COMMANDLINE
    }


class Value(click.ParamType):  # type: ignore[type-arg]
    """A value of a Python type, from text.

    Parameters
    ----------
    kind : type
    """

    def __init__(self, kind: Any) -> None:
        self.kind = kind
        self.name = _short(kind)

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str:
        return self.name

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if not isinstance(value, str):
            return value
        try:
            return value_of(value, self.kind)
        except (ValueError, TypeError, OSError) as error:
            self.fail(str(error), param, ctx)


def value_of(text: str, kind: Any) -> Any:
    """The value that `text` means.

    Raises
    ------
    ValueError
        If it means none of that type.
    OSError
        If ``@file`` cannot be read.
    """
    if _is_stored_elsewhere(kind):
        return _referred(text, kind)
    if text.startswith("@@"):
        text = text[1:]
    elif text.startswith("@"):
        text = sys.stdin.read() if text == "@-" else _path(text[1:]).read_text()
    members = get_args(kind) if get_origin(kind) in (typing.Union, types.UnionType) else (kind,)
    if str in members or Any in members:
        return text
    return _parsed(text, kind)


def _parsed(text: str, kind: Any) -> Any:
    from pydantic import TypeAdapter, ValidationError
    from pydantic.errors import PydanticSchemaGenerationError

    try:
        adapter = TypeAdapter(kind)
    except PydanticSchemaGenerationError:
        raise ValueError(f"a {type_text(kind)} cannot be typed; start such a task from Python.") from None
    try:
        return adapter.validate_json(text)
    except ValidationError as error:
        as_json = error
    try:
        return adapter.validate_python(text)
    except ValidationError as error:
        as_text = error
    shown = as_json if text.lstrip()[:1] in ("[", "{", '"') else as_text
    raise ValueError("; ".join(_described(problem) for problem in shown.errors()))


def _described(problem: Any) -> str:
    where = ".".join(str(step) for step in problem["loc"])
    given = problem["input"]
    return f"{f'at {where}: ' if where else ''}{problem['msg']}, got {given!r:.80}"


def _option(name: str, kind: Any, default: Any) -> click.Option:
    required = default is inspect.Parameter.empty
    spelled = name.replace("_", "-")
    plain = get_args(kind)[0] if get_origin(kind) is Annotated else kind
    shown = "" if required else f"[default: {_as_typed(default):.60}]"
    if plain is bool:
        return click.Option(
            [f"--{spelled}/--no-{spelled}", name], required=required, default=None, help=shown, show_default=False
        )
    names = [f"--{spelled}", name] if spelled == name else [f"--{spelled}", f"--{name}", name]
    return click.Option(names, type=Value(plain), required=required, help=shown, show_default=False)


def _as_typed(value: Any) -> str:
    """A default as a person would type it, as far as it can be typed."""
    from pydantic_core import PydanticSerializationError, to_jsonable_python

    if value is None or isinstance(value, bool):
        return {None: "none", True: "yes", False: "no"}[value]
    try:
        plain = to_jsonable_python(value)
    except (PydanticSerializationError, ValueError):
        return repr(value)
    return plain if isinstance(plain, str) and plain else json.dumps(plain, ensure_ascii=False)


def _short(kind: Any) -> str:
    """A type as a help text shows it: choices as they are, classes without their modules."""
    if isinstance(kind, type) and issubclass(kind, enum.Enum):
        return "|".join(str(member.value) for member in kind)
    if get_origin(kind) is typing.Literal:
        return "|".join(map(str, get_args(kind)))
    if get_origin(kind) in (typing.Union, types.UnionType):
        return " | ".join("None" if one is type(None) else _short(one) for one in get_args(kind))
    return re.sub(r"\w+\.", "", type_text(kind))


def _is_stored_elsewhere(kind: Any) -> bool:
    """Whether a value is data that a path or an address stands for: a file, a directory, a frame."""
    return hasattr(get_origin(kind) or kind, "from_existing_remote") or library_of(kind) is not None


def _path(text: str) -> Path:
    """The path that a person typed; one that begins with the name of nobody is a path like any other."""
    return Path(os.path.expanduser(text))


def _referred(text: str, kind: Any) -> Any:
    from ..io import DataFrame

    is_frame = library_of(kind) is not None
    holder: Any = DataFrame if is_frame else kind
    if "://" in text:
        found = holder.from_existing_remote(text)
    elif not _path(text).exists():
        raise ValueError(f"there is no file or folder {text!r}.")
    else:
        found = holder.from_local_sync(_path(text))
    return found.open(kind).all_sync() if is_frame else found
