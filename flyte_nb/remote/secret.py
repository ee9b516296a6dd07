"""Secrets kept in the home folder, for tasks that ask for them by name."""

from __future__ import annotations

import datetime
import itertools
import os
from collections.abc import Iterator
from pathlib import Path

from .._aio import AwaitedAsItself, ClassCall, ListingCall, Waited
from .._public import public
from .._runtime.runtime import current_runtime
from .._task.secret import Secret as Request
from ..errors import RuntimeUserError
from .details import moment


@public
class Secret(AwaitedAsItself):
    """A secret that is kept; its value is given to tasks and shown to nobody.

    Kept as a file in the home folder, which only its owner may read; it is not encrypted.

    Attributes
    ----------
    name : str
        ``"key"`` or ``"group/key"``.

    Examples
    --------
    >>> flyte.remote.Secret.create("openai/api-key", getpass())
    >>> env = flyte.TaskEnvironment("etl", secrets=flyte.Secret("api-key", group="openai"))

    Specification: *Secrets*.
    """

    def __init__(self, name: str) -> None:
        self.name = name

    @ClassCall
    def create(cls: type[Secret], name: str, value: str) -> Secret:
        """Keep `value`, in place of what was kept by that name.

        Raises
        ------
        TypeError, ValueError
            For a name that cannot be one, or a value that is not text.
        """
        if not isinstance(value, str):
            raise TypeError(f"Secret {name!r}: the value is text, got an object of type {type(value).__name__}.")
        path = _path_of(name)
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        fresh = path.with_name(f"{path.name}.{os.getpid()}.new")
        with open(fresh, "w", encoding="utf-8", opener=_for_the_owner) as file:
            file.write(f"{value}\n")
        fresh.replace(path)
        return cls(name)

    @ClassCall
    def get(cls: type[Secret], name: str) -> Secret:
        """The secret of that name, without its value.

        Raises
        ------
        RuntimeUserError
            With code "SecretNotFound".
        """
        _check_is_kept(name)
        return cls(name)

    @ListingCall
    def listall(cls: type[Secret], limit: int = 100) -> Iterator[Secret]:
        """Secrets by name."""
        folder = _folder()
        names = sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())
        return iter([cls(name) for name in itertools.islice(names, max(limit, 0))])

    @ClassCall
    def delete(cls: type[Secret], name: str) -> Waited:
        """Forget the secret of that name.

        Raises
        ------
        RuntimeUserError
            With code "SecretNotFound".
        """
        _check_is_kept(name)
        _path_of(name).unlink()
        return Waited()

    @property
    def created_time(self) -> datetime.datetime | None:
        """When its value was given."""
        return moment(_path_of(self.name).stat().st_mtime)

    def __repr__(self) -> str:
        return f"<Secret {self.name}>"


def _folder() -> Path:
    return current_runtime().home.secrets_path


def _path_of(name: str) -> Path:
    group, slash, key = str(name).rpartition("/")
    return _folder() / Request(key, group=group if slash else None).label


def _check_is_kept(name: str) -> None:
    if not _path_of(name).is_file():
        raise RuntimeUserError(
            "SecretNotFound",
            f"No secret {name!r} is kept in {_folder()}. Create it: flyte_nb.remote.Secret.create({name!r}, ...).",
        )


def _for_the_owner(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
