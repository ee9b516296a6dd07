"""Addresses: folders of this machine, and everything fsspec knows."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from functools import cache
from typing import Any
from urllib.parse import unquote

from ..errors import StorageError

_EXTRAS = {"s3": "s3", "s3a": "s3", "gs": "gcs", "gcs": "gcs", "abfs": "azure", "abfss": "azure", "az": "azure"}
# they publish an object when its upload is complete; and making a folder there would make a bucket that is missing
_OBJECT_STORES = frozenset(_EXTRAS)

_S3_PATIENCE = {"connect_timeout": 10, "read_timeout": 60, "retries": {"total_max_attempts": 1, "mode": "standard"}}
_PASSWORD = re.compile(r"^[a-z0-9+.-]+://[^/@]*:[^/@]*@", re.IGNORECASE)
_SIGNATURE = re.compile(r"[?&](X-Amz-Signature|X-Goog-Signature|Signature|sig|access_token)=", re.IGNORECASE)


def local_path(address: str) -> str | None:
    """The path of an address in this machine's own file system, None for other addresses."""
    if address.startswith("file://"):
        return unquote(address.removeprefix("file://").removeprefix("localhost"))
    if "://" in address:
        return None
    return os.path.expanduser(address)


def own_path(path: str | os.PathLike[str]) -> str:
    """The absolute path of a file or folder of the user's.

    Raises
    ------
    ValueError
        If no file can have that path.
    TypeError
        If it is no path.
    """
    if not isinstance(path, str | os.PathLike):
        raise TypeError(f"Expected a path as text or a pathlib.Path, got {type(path).__qualname__}: {path!r}.")
    text = os.fspath(path)
    if not text:
        raise ValueError("Expected a path, got an empty text. The folder that code runs in is '.'.")
    return os.path.abspath(os.path.expanduser(checked_path(text)))


def checked_path(path: str) -> str:
    """`path`, or an address, if there can be one like it.

    Raises
    ------
    ValueError
        If it contains a null character.
    """
    if "\0" in path:
        raise ValueError(f"{path!r} is no path: it contains a null character.")
    return path


def without_secrets(address: str) -> str:
    """`address`, which may be remembered and shown.

    Raises
    ------
    StorageError
        If it carries a password or a signature. The message does not repeat it.
    """
    if _PASSWORD.match(address) or _SIGNATURE.search(address):
        shown = re.sub(r"://[^/@]*@", "://…@", address.partition("?")[0])
        raise StorageError(
            f"The address {shown!r} carries a secret, and addresses are remembered in the journal. Leave it out, and"
            " give credentials by environment variables or the configuration of fsspec."
        )
    return address


def filesystem(address: str) -> tuple[Any, str]:
    """The fsspec file system of an address, and the path inside it.

    Raises
    ------
    StorageError
        If nobody knows that kind of address, or its package is missing.
    """
    import fsspec

    try:
        if "::" in address and "://" not in address.partition("::")[2]:
            return _filesystem_of_one(address)
        system, path = fsspec.core.url_to_fs(address, **_patience(address))
    except ImportError as error:
        extra = _EXTRAS.get(address.partition("://")[0])
        remedy = f'pip install "flyte-nb[{extra}]"' if extra is not None else "Install it, or give a path"
        raise StorageError(f"Cannot reach {address!r}, whose package is not installed ({error}). {remedy}.") from error
    except ValueError as error:
        raise StorageError(
            f"Cannot reach {address!r}: {error}. Give a path, or an address that fsspec knows, such as s3://bucket/key."
        ) from error
    return system, path


def _filesystem_of_one(address: str) -> tuple[Any, str]:
    """The file system of an address with two colons in a name, which fsspec takes for a chain of file systems."""
    import fsspec

    protocol = address.partition("://")[0]
    kind: Any = fsspec.get_filesystem_class(protocol)
    options = {**kind._get_kwargs_from_urls(address), **_patience(address)}
    return fsspec.filesystem(protocol, **options), kind._strip_protocol(address)


def _patience(address: str) -> dict[str, Any]:
    """How long S3 is waited for. s3fs and `retried` try again; botocore, which would too, makes it minutes."""
    protocol = address.partition("://")[0]
    if protocol not in ("s3", "s3a"):
        return {}
    from fsspec.config import conf

    _try_connections_again()
    chosen = conf.get(protocol, {}).get("config_kwargs", {})
    return {"config_kwargs": {**_S3_PATIENCE, **chosen}}


@cache
def _try_connections_again() -> None:
    """Have s3fs try again where no connection came about, as it does where one broke."""
    try:
        from botocore.exceptions import EndpointConnectionError
        from s3fs.core import add_retryable_error
    except ImportError:
        return
    add_retryable_error(EndpointConnectionError)


def publishes_whole(system: Any) -> bool:
    """Whether an object of that file system becomes visible when its upload is complete, and never before."""
    return not _OBJECT_STORES.isdisjoint(_protocols(system))


def is_s3(system: Any) -> bool:
    """Whether a file system is that of s3fs."""
    return "s3" in _protocols(system)


def is_http(system: Any) -> bool:
    """Whether a file system is a web server."""
    return "http" in _protocols(system)


def _protocols(system: Any) -> Sequence[str]:
    protocols: str | Sequence[str] = system.protocol
    return [protocols] if isinstance(protocols, str) else protocols


def joined(address: str, name: str) -> str:
    """The address of `name` below a folder."""
    return f"{address.rstrip('/')}/{name}" if name else address


def last_step(address: str) -> str:
    """The name that an address ends in."""
    return address.rstrip("/").replace(os.sep, "/").rpartition("/")[2]
