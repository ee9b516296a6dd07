"""Secrets that a task needs: declared by name, looked up when it runs, never shown."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from .._public import public
from ..errors import RuntimeUserError

SECRETS_DIR = "FLYTE_NB_SECRETS_DIR"
KEYRING_SERVICE = "flyte_nb"

_kept_in: Path | None = None

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
_NOT_IN_VARIABLE = re.compile(r"[^A-Za-z0-9]")


@public
@dataclass(frozen=True, slots=True)
class Secret:
    """A secret by name; the task finds its value in an environment variable.

    Parameters
    ----------
    key : str
    group : str, optional
        What it belongs to, such as the service it opens.
    mount : str or Path, optional
        A file that may hold it.
    as_env_var : str, optional
        The variable for the task; by default ``GROUP_KEY`` in capitals.

    Raises
    ------
    TypeError, ValueError
        For a name that cannot be one.

    Examples
    --------
    >>> Secret("api-key", group="openai").environment_variable
    'OPENAI_API_KEY'

    Specification: *Secrets*.
    """

    key: str
    group: str | None = None
    mount: str | Path | None = None
    as_env_var: str | None = None

    def __post_init__(self) -> None:
        _check_name("key", self.key)
        if self.group is not None:
            _check_name("group", self.group)
        if self.as_env_var is not None and not _VARIABLE.match(self.as_env_var):
            raise ValueError(
                f"Secret {self.label!r}: as_env_var is a variable's name, letters, digits and underscores,"
                f" got {self.as_env_var!r}."
            )

    @property
    def label(self) -> str:
        """``group/key``, or the key alone."""
        return f"{self.group}/{self.key}" if self.group else self.key

    @property
    def environment_variable(self) -> str:
        """The variable that holds the value while the task runs, and may give it."""
        return self.as_env_var or _NOT_IN_VARIABLE.sub("_", self.label).upper()


@public
@dataclass(frozen=True, slots=True)
class SecretRequest:
    """Secrets by the environment variables that a task finds them in.

    Parameters
    ----------
    secrets : dict of str to str
        Names of variables, each with the key of a secret, ``"key"`` or ``"group/key"``.

    Raises
    ------
    TypeError, ValueError
        For names that cannot be.

    Examples
    --------
    >>> SecretRequest(secrets={"API_KEY": "openai/api-key"})

    Specification: *Remote tasks*.
    """

    secrets: Mapping[str, str]

    def __post_init__(self) -> None:
        if not isinstance(self.secrets, Mapping):
            raise TypeError(
                "SecretRequest: expected variables and keys, as in {'API_KEY': 'key'}, got"
                f" {type(self.secrets).__name__}."
            )
        self.requested()

    def requested(self) -> tuple[Secret, ...]:
        """The secrets."""
        found = []
        for variable, label in self.secrets.items():
            _check_name("variable", variable)
            if not isinstance(label, str):
                raise TypeError(f"SecretRequest {variable!r}: the key of a secret is text, got {type(label).__name__}.")
            group, slash, key = label.rpartition("/")
            found.append(Secret(key, group=group if slash else None, as_env_var=variable))
        return tuple(found)


SecretsWanted = str | Secret | SecretRequest | list[str | Secret]


def as_secrets(value: SecretsWanted | tuple[str | Secret, ...] | None) -> tuple[Secret, ...]:
    """`value` as secrets; text is a key.

    Raises
    ------
    TypeError, ValueError
        If one of them is neither text nor a `Secret`.
    """
    if value is None:
        return ()
    if isinstance(value, SecretRequest):
        return value.requested()
    return tuple(_as_secret(one) for one in (value if isinstance(value, (list, tuple)) else (value,)))


def keep_secrets_in(folder: Path) -> None:
    """Where `flyte_nb.remote.Secret` keeps values from now on."""
    global _kept_in
    _kept_in = folder


def resolve_secret(secret: Secret) -> str:
    """The value of `secret`: from its environment variable, else a file, else the home folder, else the keyring.

    Raises
    ------
    RuntimeUserError
        With code "SecretNotFound", if none of them has it.

    Specification: *Secrets*.
    """
    value = os.environ.get(secret.environment_variable)
    if value is None:
        value = _from_file(secret)
    if value is not None:
        return value
    value, problem = _from_keyring(secret)
    if value is not None:
        return value
    raise RuntimeUserError("SecretNotFound", _not_found(secret, problem))


def _as_secret(value: object) -> Secret:
    if isinstance(value, Secret):
        return value
    if isinstance(value, str):
        return Secret(value)
    raise TypeError(f"secrets: expected names or Secret objects, got an object of type {type(value).__name__}.")


def _check_name(what: str, name: object) -> None:
    if not isinstance(name, str):
        raise TypeError(f"Secret {what}: expected text, got an object of type {type(name).__name__}.")
    if not name or name in (".", "..") or any(sign in "/\\\0" or sign.isspace() for sign in name):
        raise ValueError(f"Secret {what}: expected a name without slashes or blanks, got {name!r}.")


def _files(secret: Secret) -> list[Path]:
    files = []
    folder = os.environ.get(SECRETS_DIR)
    if folder:
        files.append(Path(folder, secret.label))
    if secret.mount is not None:
        mount = Path(secret.mount)
        files.append(mount / secret.key if mount.is_dir() else mount)
    if _kept_in is not None:
        files.append(_kept_in / secret.label)
    return files


def _from_file(secret: Secret) -> str | None:
    for path in _files(secret):
        if path.is_file():
            return path.read_text(encoding="utf-8").removesuffix("\n")
    return None


def _from_keyring(secret: Secret) -> tuple[str | None, str]:
    try:
        import keyring
        import keyring.errors
    except ImportError:
        return None, "the package keyring is not installed"
    try:
        value = keyring.get_password(KEYRING_SERVICE, secret.label)
    except keyring.errors.KeyringError as error:
        return None, f"the keyring cannot be read here ({type(error).__name__})"
    return value, ""


def _not_found(secret: Secret, keyring_problem: str) -> str:
    folder = os.environ.get(SECRETS_DIR)
    file = (
        f"the file {Path(folder, secret.label)}"
        if folder
        else f"the file {secret.label} in a folder named by {SECRETS_DIR}"
    )
    if secret.mount is not None:
        file += f" or {secret.mount}"
    note = f" ({keyring_problem})" if keyring_problem else ""
    return (
        f"Secret {secret.label!r} was not found. Give it in one of four places:"
        f" the environment variable, os.environ[{secret.environment_variable!r}] = ...;"
        f" {file};"
        f" the home folder, flyte_nb.remote.Secret.create({secret.label!r}, ...);"
        f" or the keyring, python -m keyring set {KEYRING_SERVICE} {secret.label}{note}."
    )
