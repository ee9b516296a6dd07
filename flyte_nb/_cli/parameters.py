"""Options of a task, generated from its signature, and the values that people type for them.

A value is text for `str`, and otherwise JSON or what the type reads from text (``2024-05-01``, ``yes``, a path).
``@file`` stands for the content of a file, ``@-`` for the standard input, ``@@`` for a text that begins with @. A file,
a directory or a frame is given by its path, which is copied into the store, or by its address, which is not; several
of them as JSON with such texts. Where nothing may be given, ``none`` means that.
"""

from __future__ import annotations

import enum
import functools
import inspect
import json
import operator
import os
import re
import sys
import types
import typing
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, get_args, get_origin

import click

from .._task.task import Task
from ..types.frames import library_of
from ..types.type_text import type_text

_NOTHING = ("none", "null")
_MISREAD = re.compile(r"_(type|parsing|parsing_size|from_float|from_date_parsing|from_datetime_parsing)$")
"""How Pydantic ends its code for what is none of a type; the code begins with the type."""
_WANTED = {
    "int": "int",
    "float": "float",
    "bool": "bool: yes or no",
    "string": "str",
    "date": "a date such as 2024-02-29",
    "datetime": "a time such as 2024-02-29T12:30",
    "time": "a time of day such as 12:30",
    "time_delta": "seconds, or a duration such as PT1H30M",
    "list": "a list as JSON, such as [1, 2]",
    "dict": 'a dictionary as JSON, such as {"a": 1}',
}


def options_of(task: Task[Any, Any]) -> list[click.Parameter]:
    """One option per input of a task."""
    inputs = task.interface.inputs
    return [
        _option(name, kind, default, is_flag=_plain(kind) is bool and f"no_{name}" not in inputs)
        for name, (kind, default) in inputs.items()
    ]


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
    members = get_args(kind) if _is_union(kind) else (kind,)
    if text.startswith("@@"):
        text = text[1:]
    elif text.startswith("@") and not any(map(_is_stored_elsewhere, members)):
        text = sys.stdin.read() if text == "@-" else _path(text[1:]).read_text()
    if str in members or Any in members:
        return text
    if types.NoneType in members and text.strip().lower() in _NOTHING:
        return None
    return _parsed(text, kind)


def _parsed(text: str, kind: Any) -> Any:
    from pydantic import TypeAdapter, ValidationError
    from pydantic.errors import PydanticSchemaGenerationError

    try:
        adapter = TypeAdapter(_as_typed_in(kind))
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
    problems = [problem for problem in shown.errors() if problem["type"] != "none_required"] or shown.errors()
    raise ValueError("; ".join(dict.fromkeys(map(_described, problems))))


def _as_typed_in(kind: Any) -> Any:
    """A type for Pydantic in whose place people type something else: the path of a file, the name of a member."""
    from pydantic import PlainValidator, WrapValidator

    if _is_stored_elsewhere(kind):
        return Annotated[Any, PlainValidator(functools.partial(_referred_or_read, kind=kind))]
    if isinstance(kind, type) and issubclass(kind, enum.Enum):
        return Annotated[kind, WrapValidator(functools.partial(_value_or_name, kind=kind))]
    if get_origin(kind) is typing.Literal:
        return kind
    parts = get_args(kind)
    within = tuple(map(_as_typed_in, parts))
    if within == parts:
        return kind
    return functools.reduce(operator.or_, within) if _is_union(kind) else get_origin(kind)[within]


def _referred_or_read(given: Any, kind: Any) -> Any:
    from pydantic import TypeAdapter

    if not isinstance(given, str):
        if library_of(kind) is not None:
            raise ValueError(f"a {type_text(kind)} is given by its path or its address")
        return TypeAdapter(kind).validate_python(given)
    try:
        return _referred(given, kind)
    except OSError as error:
        raise ValueError(str(error)) from error


def _value_or_name(given: Any, read: Callable[[Any], Any], kind: type[enum.Enum]) -> Any:
    try:
        return read(given)
    except ValueError:
        if isinstance(given, str) and given in kind.__members__:
            return kind[given]
        raise


def _described(problem: Any) -> str:
    where = ".".join(str(step) for step in problem["loc"] if not str(step).startswith("function-"))
    given, said = problem["input"], problem["msg"].removeprefix("Value error, ").removesuffix(".")
    wanted = _WANTED.get(_MISREAD.sub("", problem["type"]))
    if wanted is not None:
        said = f"expected {wanted}"
    elif said.startswith("Input should be "):
        said = f"expected {said.removeprefix('Input should be ')}"
    return f"{f'at {where}: ' if where else ''}{said}, got {given!r:.80}"


def _option(name: str, kind: Any, default: Any, *, is_flag: bool) -> click.Option:
    required = default is inspect.Parameter.empty
    spellings = list(dict.fromkeys((name if name.startswith("_") else name.replace("_", "-"), name)))
    shown = "" if required else f"[default: {_as_typed(default):.60}]"
    if is_flag:
        pairs = [f"--{one}/--no{'_' if '_' in one else '-'}{one}" for one in spellings]
        return click.Option([*pairs, name], required=required, default=None, help=shown, show_default=False)
    names = [f"--{one}" for one in spellings]
    return click.Option([*names, name], type=Value(_plain(kind)), required=required, help=shown, show_default=False)


def _plain(kind: Any) -> Any:
    return get_args(kind)[0] if get_origin(kind) is Annotated else kind


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
    if _is_union(kind):
        return " | ".join("None" if one is type(None) else _short(one) for one in get_args(kind))
    return re.sub(r"\w+\.", "", type_text(kind))


def _is_union(kind: Any) -> bool:
    return get_origin(kind) in (typing.Union, types.UnionType)


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
