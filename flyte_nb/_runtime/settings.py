"""What `init` was told."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from .._task.cache import CacheBehavior
from ..errors import InitializationError
from ..models.text import optional_text

CACHE_BEHAVIORS = ("auto", "override", "disable")

# Accepted because code for hosted clusters says them; recorded, without effect here.
HOSTED_ONLY = frozenset(
    {
        "endpoint",
        "headless",
        "insecure",
        "insecure_skip_verify",
        "ca_cert_file_path",
        "auth_type",
        "command",
        "proxy_command",
        "api_key",
        "client_id",
        "client_credentials_secret",
        "auth_client_config",
        "rpc_retries",
        "http_proxy_url",
        "image_builder",
        "images",
        "source_config_path",
        "sync_local_sys_paths",
        "batch_size",
        "log_format",
        "local_persistence",
    }
)


@dataclass(frozen=True)
class Settings:
    """Settings of a process.

    Attributes
    ----------
    home : Path or None
        None is the default home.
    storage : str
        Address of the default store; empty is a folder of the home.
    registry : str
        Address of deployed tasks; empty is ``registry`` in the store that was named, else in the home.
    queues : mapping of str to Backend
    cache : str
        Behaviour of tasks and environments that say nothing.
    hosted_only : mapping
        What was given and has no effect here.
    """

    home: Path | None = None
    org: str = ""
    project: str = ""
    domain: str = ""
    storage: str = ""
    registry: str = ""
    queues: Mapping[str, Any] = field(default_factory=dict)
    cache: CacheBehavior = "disable"
    root_dir: str = ""
    log_level: int | str | None = None
    load_plugins: bool = True
    hosted_only: Mapping[str, Any] = field(default_factory=dict)


def settings_from(
    *,
    org: str | None,
    project: str | None,
    domain: str | None,
    root_dir: str | os.PathLike[str] | None,
    log_level: int | str | None,
    storage: Any,
    registry: Any,
    load_plugin_type_transformers: bool,
    home: str | os.PathLike[str] | None,
    queues: Mapping[str, Any] | None,
    cache: str,
    others: Mapping[str, Any],
) -> Settings:
    """Checked settings.

    Raises
    ------
    InitializationError
        For a value that cannot be worked with.
    """
    if cache not in CACHE_BEHAVIORS:
        raise InitializationError(f"cache is one of {', '.join(CACHE_BEHAVIORS)}; got {cache!r}.")
    if queues is not None and not isinstance(queues, Mapping):
        raise InitializationError(
            f"queues is a dict of back-ends by name, such as {{'big': ThreadBackend(4)}}; got {type(queues).__name__}:"
            f" {queues!r:.120}."
        )
    for name, backend in (queues or {}).items():
        if not hasattr(backend, "run"):
            raise InitializationError(
                f"Queue {name!r} needs a back-end, for instance flyte_nb.backends.threads.ThreadBackend(4);"
                f" got {type(backend).__name__}."
            )
    return Settings(
        home=_folder("home", home),
        org=_text("org", org),
        project=_text("project", project),
        domain=_text("domain", domain),
        storage=_address("storage", storage),
        registry=_address("registry", registry),
        queues=dict(queues or {}),
        cache=cast("CacheBehavior", cache),
        root_dir=os.fspath(root_dir) if root_dir is not None else "",
        log_level=_level(log_level),
        load_plugins=load_plugin_type_transformers,
        hosted_only={key: value for key, value in others.items() if value is not None},
    )


def _text(what: str, given: str | None) -> str:
    try:
        return optional_text(given, what)
    except (TypeError, ValueError) as error:
        raise InitializationError(str(error)) from None


def _level(given: int | str | None) -> int | str | None:
    known = logging.getLevelNamesMapping()
    if given is None or (isinstance(given, int) and not isinstance(given, bool)) or given in known:
        return given
    raise InitializationError(f"log_level is a number or one of {', '.join(known)}; got {given!r:.120}.")


def _folder(what: str, given: str | os.PathLike[str] | None) -> Path | None:
    if given is None or (isinstance(given, (str, os.PathLike)) and os.fspath(given)):
        return Path(given) if given is not None else None
    raise InitializationError(f"{what} is the path of a folder; got {type(given).__name__}: {given!r:.120}.")


def _address(what: str, given: Any) -> str:
    if given is None:
        return ""
    if isinstance(given, (str, os.PathLike)):
        address = os.fspath(given)
        return address if "://" in address else os.path.abspath(os.path.expanduser(address))
    raise InitializationError(
        f"{what} is a folder or an address such as s3://bucket/prefix; got {type(given).__name__}."
    )
