"""What `init` was told."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from .._task.cache import CacheBehavior
from ..errors import InitializationError

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
    load_plugin_type_transformers: bool,
    home: str | os.PathLike[str] | None,
    queues: Mapping[str, Any] | None,
    cache: str,
    others: Mapping[str, Any],
) -> Settings:
    """Checked settings.

    Raises
    ------
    TypeError
        For a parameter that nobody knows.
    InitializationError
        For a value that cannot be worked with.
    """
    unknown = sorted(others.keys() - HOSTED_ONLY)
    if unknown:
        raise TypeError(f"init() got an unexpected keyword argument {unknown[0]!r}.")
    if cache not in CACHE_BEHAVIORS:
        raise InitializationError(f"cache is one of {', '.join(CACHE_BEHAVIORS)}; got {cache!r}.")
    for name, backend in (queues or {}).items():
        if not hasattr(backend, "run"):
            raise InitializationError(
                f"Queue {name!r} needs a back-end, for instance flyte_nb.backends.threads.ThreadBackend(4);"
                f" got {type(backend).__name__}."
            )
    return Settings(
        home=Path(home) if home is not None else None,
        org=org or "",
        project=project or "",
        domain=domain or "",
        storage=_address(storage),
        queues=dict(queues or {}),
        cache=cast("CacheBehavior", cache),
        root_dir=os.fspath(root_dir) if root_dir is not None else "",
        log_level=log_level,
        load_plugins=load_plugin_type_transformers,
        hosted_only={key: value for key, value in others.items() if value is not None},
    )


def config_file(path: str | os.PathLike[str] | None) -> Path | None:
    """The configuration file to read: the one given, else the first that exists of the usual places.

    Raises
    ------
    InitializationError
        If the one given does not exist.
    """
    if path is not None:
        chosen = Path(path).expanduser()
        if not chosen.is_file():
            raise InitializationError(f"There is no configuration file {chosen}. Leave the path out to use defaults.")
        return chosen
    named = os.environ.get("FLYTECTL_CONFIG")
    candidates = [Path(named)] if named else []
    candidates += [Path(".flyte/config.yaml"), Path.home() / ".flyte" / "config.yaml"]
    return next((candidate for candidate in candidates if candidate.is_file()), None)


def read_config(path: Path) -> dict[str, str]:
    """Organisation, project and domain from the ``task`` section of a configuration file.

    Raises
    ------
    InitializationError
        If the file is no YAML mapping.
    """
    import yaml

    try:
        content = yaml.safe_load(path.read_text()) or {}
        section = content.get("task") or {}
        return {key: str(section[key]) for key in ("org", "project", "domain") if section.get(key)}
    except (yaml.YAMLError, AttributeError, OSError) as error:
        raise InitializationError(f"{path} is not a configuration file: {error}") from error


def _address(storage: Any) -> str:
    if storage is None:
        return ""
    if isinstance(storage, (str, os.PathLike)):
        return os.fspath(storage)
    raise InitializationError(
        f"storage is a folder or an address such as s3://bucket/prefix; got {type(storage).__name__}."
    )
