"""What a container task was declared with, checked."""

from __future__ import annotations

import functools
import posixpath
import re
from dataclasses import dataclass, field
from typing import Any

from .._task.image import Image
from .._task.messages import got
from ..types.type_text import type_text
from .templates import inputs_named
from .value_files import FORMATS, ValueFile, value_file_for

_FILE_NAME = re.compile(r"[\w.-]+\Z")


@dataclass(frozen=True)
class ContainerRecipe:
    """How a container task makes its outputs of its inputs. Everything here belongs to the digest of its code.

    Attributes
    ----------
    command, arguments : tuple of str
        The first word of `command` takes the place of the image's entry point.
    inputs, outputs : dict of str to type
    """

    name: str
    image: str
    command: tuple[str, ...]
    arguments: tuple[str, ...]
    inputs: dict[str, Any] = field(hash=False)
    outputs: dict[str, Any] = field(hash=False)
    input_data_dir: str
    output_data_dir: str
    metadata_format: str
    network: str | None

    def __post_init__(self) -> None:
        _check_names(self.name, "input", self.inputs)
        _check_names(self.name, "output", self.outputs)
        for name in inputs_named((*self.command, *self.arguments)):
            if name not in self.inputs:
                raise ValueError(
                    f"Container task {self.name!r}: its command refers to {{{{.inputs.{name}}}}}, and there is no input"
                    f" {name!r}; there is {', '.join(map(repr, self.inputs)) or 'none'}. Declare it in inputs=."
                )
        _check_apart(self.name, self.input_data_dir, self.output_data_dir)
        if self.metadata_format not in FORMATS:
            raise ValueError(
                f"Container task {self.name!r}: metadata_format is one of {', '.join(FORMATS)}, got"
                f" {self.metadata_format!r}."
            )
        self.input_files, self.output_files  # noqa: B018  (their types are checked now, not when they are needed)

    @functools.cached_property
    def input_files(self) -> dict[str, ValueFile | None]:
        """How each input is written; None for a `File` or `Dir`."""
        return self._files("input", self.inputs)

    @functools.cached_property
    def output_files(self) -> dict[str, ValueFile | None]:
        """How each output is read; None for a `File` or `Dir`."""
        return self._files("output", self.outputs)

    def _files(self, what: str, types: dict[str, Any]) -> dict[str, ValueFile | None]:
        found: dict[str, ValueFile | None] = {}
        for name, python_type in types.items():
            try:
                is_reference = reference_class(python_type) is not None
                found[name] = None if is_reference else value_file_for(python_type, self.metadata_format)
            except TypeError as error:
                raise TypeError(
                    f"Container task {self.name!r}: {what} {name!r} is a {type_text(python_type)}, which only Python"
                    f" can read ({str(error).partition('. ')[0]}). Use a text, a number, a moment, a File, a Dir, a"
                    " dataclass or a Pydantic model."
                ) from error
        return found


def reference_class(python_type: Any) -> Any:
    """`File` or `Dir`, or what derives from them, for such a type; None for others."""
    from ..io.parameters import class_of

    cls = class_of(python_type)
    if not isinstance(cls, type) or not hasattr(cls, "__flyte_converter__"):
        return None
    from ..io.reference import Reference

    return cls if issubclass(cls, Reference) else None


def image_reference(task_name: str, image: object) -> str:
    """What the engine calls the image.

    Raises
    ------
    TypeError, ValueError
        If it is none, or one that would have to be built.
    """
    if isinstance(image, Image):
        made_of = image.base if " " not in image.base and image.base != Image.auto().base else ""
        if not made_of or image.name or image.registry or image.python_version or image.layers:
            raise ValueError(
                f"Container task {task_name!r}: the image {image.describe()!r} would have to be built, and images are"
                " not built here. Name one that exists: Image.from_base('alpine:3.18') or 'alpine:3.18'."
            )
        image = made_of
    if not isinstance(image, str):
        raise TypeError(f"Container task {task_name!r}: image is a text or an Image, {got(image)}.")
    if not image or image.startswith("-") or any(sign.isspace() or sign == "\0" for sign in image):
        raise ValueError(
            f"Container task {task_name!r}: {image!r} cannot be an image. Write one such as 'alpine:3.18'."
        )
    return image


def words(task_name: str, what: str, given: object) -> tuple[str, ...]:
    """The words of a command.

    Raises
    ------
    TypeError, ValueError
        If it is no list of texts.
    """
    if given is None:
        return ()
    if isinstance(given, str) or not isinstance(given, (list, tuple)):
        hint = f" Split it: {given.split()!r}." if isinstance(given, str) and given.strip() else ""
        raise TypeError(f"Container task {task_name!r}: {what} is a list of texts, {got(given)}.{hint}")
    for word in given:
        if not isinstance(word, str):
            raise TypeError(f"Container task {task_name!r}: {what} is a list of texts, and {word!r} is none.")
        if "\0" in word:
            raise ValueError(
                f"Container task {task_name!r}: {what} holds the character NUL, which no program can take."
            )
    if what == "command" and given and not given[0]:
        raise ValueError(f"Container task {task_name!r}: the first word of command is the program; it is empty.")
    return tuple(given)


def _check_names(task_name: str, what: str, types: dict[str, Any]) -> None:
    for name in types:
        if not isinstance(name, str) or not _FILE_NAME.match(name) or name in (".", ".."):
            raise ValueError(
                f"Container task {task_name!r}: {name!r} cannot be the name of an {what}, because a file is called by"
                " it. Use letters, digits, '_', '-' and '.'."
            )


def _check_apart(task_name: str, inputs: str, outputs: str) -> None:
    for what, path in (("input_data_dir", inputs), ("output_data_dir", outputs)):
        if not isinstance(path, str):
            raise TypeError(f"Container task {task_name!r}: {what} is a path, {got(path)}.")
        if posixpath.normpath(path) != path or not path.startswith("/") or path == "/" or set(path) & set(':,"\0\n'):
            raise ValueError(
                f"Container task {task_name!r}: {what} is an absolute path in the container such as '/var/inputs', got"
                f" {path!r}."
            )
    if f"{inputs}/".startswith(f"{outputs}/") or f"{outputs}/".startswith(f"{inputs}/"):
        raise ValueError(
            f"Container task {task_name!r}: inputs in {inputs!r} and outputs in {outputs!r} must lie apart, because"
            " inputs cannot be written to."
        )
