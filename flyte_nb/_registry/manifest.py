"""What is known of a deployed environment: its tasks, their interfaces, the files of their code, what they require.

It is JSON, and its digest is that of its content. Nothing in it is a pickle: who reads it runs nothing.
"""

from __future__ import annotations

import json
import re
from pathlib import PurePosixPath
from typing import Any, TypeVar

import msgspec

from ..errors import StorageError
from ..storage.store import checksum_of

FORMAT = 1
T = TypeVar("T")
_CHECKSUM = re.compile(r"[0-9a-f]{32}\Z")


class Requirements(msgspec.Struct, frozen=True, kw_only=True):
    """Packages that code needs, and where they come from.

    Attributes
    ----------
    packages : tuple of str
        Lines of a requirements file.
    index_url, extra_index_urls, extra_args : str
        As pip and uv take them.
    python : str
        A version of Python, ``"3.12"``, or empty where any will do.
    """

    packages: tuple[str, ...] = ()
    index_url: str = ""
    extra_index_urls: tuple[str, ...] = ()
    extra_args: str = ""
    pre: bool = False
    python: str = ""


class DeployedInput(msgspec.Struct, frozen=True, kw_only=True):
    """An input: what it may be, and, where it may be left out, the default as a person reads it."""

    type: dict[str, Any]
    required: bool
    default: str = ""


class DescribedTask(msgspec.Struct, frozen=True, kw_only=True):
    """A task as its callers need to know it.

    Attributes
    ----------
    name : str
        What its own code calls it.
    outputs : list of dict
        Types; see `flyte_nb._registry.descriptions`.
    several : bool
        Whether it gives a tuple of its outputs.
    options : dict
        See `flyte_nb._registry.options`.
    """

    name: str
    inputs: dict[str, DeployedInput]
    outputs: tuple[dict[str, Any], ...]
    several: bool
    options: dict[str, Any]
    is_async: bool = True
    documentation: str = ""


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """One environment, as it was deployed.

    Attributes
    ----------
    tasks : dict of str to DescribedTask
        By the names that others call them by.
    modules : tuple of str
        To be imported, so that the tasks are declared.
    files : dict of str to str
        Paths of the code, each with the checksum of its content.
    compat : bool
        Whether ``import flyte`` in the code means flyte_nb.
    """

    format: int = FORMAT
    environment: str
    description: str = ""
    tasks: dict[str, DescribedTask]
    modules: tuple[str, ...]
    files: dict[str, str]
    requirements: Requirements = Requirements()
    env_vars: dict[str, str] = {}
    compat: bool = False

    def as_bytes(self) -> bytes:
        """It as JSON, laid out to be read and compared; the same for equal ones."""
        return json.dumps(msgspec.to_builtins(self), indent=1, ensure_ascii=False).encode() + b"\n"


class Publication(msgspec.Struct, frozen=True, kw_only=True):
    """That an environment was deployed as a version; this object makes it so.

    Attributes
    ----------
    manifest : str
        Checksum of the manifest.
    """

    format: int = FORMAT
    environment: str
    version: str
    manifest: str
    published_at: str
    project: str = ""
    domain: str = ""
    made_with: dict[str, str] = {}


def read_manifest(data: bytes, checksum: str) -> Manifest:
    """The manifest that `Manifest.as_bytes` wrote.

    Raises
    ------
    StorageError
        If it is damaged, of a newer format, or names a file outside its own folder.
    """
    if checksum_of(data) != checksum:
        raise StorageError(f"the manifest {checksum} is damaged")
    manifest = _decoded(data, Manifest)
    for path, content in manifest.files.items():
        check_inside(path)
        check_is_checksum(content)
    return manifest


def read_publication(data: bytes) -> Publication:
    """The publication that was written.

    Raises
    ------
    StorageError
        If it is damaged or of a newer format.
    """
    return _decoded(data, Publication)


def check_inside(path: str) -> None:
    """Refuse a path that could lead out of the folder it is relative to.

    Raises
    ------
    StorageError
    """
    parts = PurePosixPath(path).parts
    if not parts or path.startswith("/") or "\\" in path or "\0" in path or ":" in parts[0] or ".." in parts:
        raise StorageError(f"{path!r} is not the path of a file inside a folder")


def check_is_checksum(text: str) -> None:
    """Refuse what is no checksum, because objects are called by it.

    Raises
    ------
    StorageError
    """
    if not _CHECKSUM.match(text):
        raise StorageError(f"{text!r:.80} is no checksum")


def _decoded(data: bytes, kind: type[T]) -> T:
    try:
        found = msgspec.json.decode(data)
        if found["format"] > FORMAT:
            raise StorageError(f"it was written by a newer flyte_nb (format {found['format']}, known: {FORMAT})")
        return msgspec.convert(found, kind)
    except (msgspec.DecodeError, msgspec.ValidationError, KeyError, TypeError) as error:
        raise StorageError(f"it is incomplete or damaged ({error})") from None
