"""The configuration file that the field's command lines write."""

from __future__ import annotations

import logging
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .._misfit import nearest
from ..errors import InitializationError

logger = logging.getLogger("flyte_nb")

_READ = ("task", "admin", "storage", "registry")
_PROTOCOLS = {"s3": "s3", "minio": "s3", "stow": "s3", "gs": "gs", "gcs": "gs", "google": "gs", "azure": "abfs"}


@dataclass(frozen=True)
class ConfigFile:
    """What a configuration file says that matters here; empty texts where it says nothing.

    Attributes
    ----------
    endpoint : str
        Of a hosted cluster.
    """

    org: str = ""
    project: str = ""
    domain: str = ""
    storage: str = ""
    registry: str = ""
    endpoint: str = ""

    def settings(self) -> dict[str, str]:
        """Parameters of `init`."""
        found = {name: getattr(self, name) for name in ("org", "project", "domain", "storage", "registry")}
        return {name: value for name, value in found.items() if value}

    @property
    def where_tasks_are(self) -> str:
        """Which registry it leads to, in words."""
        if self.registry:
            return self.registry
        return f"{self.storage.rstrip('/')}/registry" if self.storage else "in the home folder"


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
    if named and not Path(named).is_file():
        logger.warning("FLYTECTL_CONFIG names %s, which is no file; it is passed over.", named)
    candidates = [Path(named)] if named else []
    candidates += [Path(".flyte/config.yaml"), Path.home() / ".flyte" / "config.yaml"]
    return next((candidate for candidate in candidates if candidate.is_file()), None)


def read_config(path: Path) -> ConfigFile:
    """What a configuration file says.

    Raises
    ------
    InitializationError
        If the file is no YAML mapping, or a section of it is none.
    """
    import yaml

    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except (yaml.YAMLError, OSError, UnicodeDecodeError) as error:
        raise InitializationError(f"{path} is not a configuration file: {error}") from error
    if not isinstance(content, dict):
        raise InitializationError(
            f"{path} is not a configuration file: it holds a {type(content).__name__}, no mapping."
        )
    for key in content:
        if key not in _READ and (meant := nearest(str(key), _READ)):
            logger.warning("%s: the section %r is passed over; %r would be read.", path, key, meant)
    task, admin = _section(path, content, "task"), _section(path, content, "admin")
    return ConfigFile(
        **{key: str(task[key]) for key in ("org", "project", "domain") if task.get(key)},
        storage=_storage(path, content.get("storage")),
        registry=str(content.get("registry") or ""),
        endpoint=str(admin.get("endpoint") or ""),
    )


def _section(path: Path, content: dict[Any, Any], name: str) -> dict[Any, Any]:
    found = content.get(name) or {}
    if not isinstance(found, dict):
        raise InitializationError(
            f"{path} is not a configuration file: its section {name!r} is a {type(found).__name__}, no mapping."
        )
    return found


def _storage(path: Path, written: Any) -> str:
    """An address; or the section of the field's tools: the type of the store, and a bucket."""
    if not written or isinstance(written, str):
        return written or ""
    kind = str(written.get("type") or written.get("kind") or "") if isinstance(written, dict) else ""
    container = written.get("container") if isinstance(written, dict) else None
    if not container or _PROTOCOLS.get(kind) is None:
        raise InitializationError(
            f"{path}: storage is an address such as s3://bucket/prefix, or a section with a type (one of"
            f" {', '.join(sorted(_PROTOCOLS))}) and a container; got {written!r:.120}."
        )
    return f"{_PROTOCOLS[kind]}://{container}"
