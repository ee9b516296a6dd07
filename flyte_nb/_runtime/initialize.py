"""`init` and what it tells."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from typing import Any

from .._aio import Waited, with_aio
from .._engine.scope import current_scope
from .._misfit import refuse_unknown
from .._public import public
from .config import ConfigFile, config_file, read_config
from .runtime import configure, current_settings
from .settings import HOSTED_ONLY, settings_from

logger = logging.getLogger("flyte_nb")


@with_aio
def init(
    org: str | None = None,
    project: str | None = None,
    domain: str | None = None,
    root_dir: str | os.PathLike[str] | None = None,
    log_level: int | str | None = None,
    endpoint: str | None = None,
    storage: Any = None,
    load_plugin_type_transformers: bool = True,
    images: dict[str, str] | None = None,
    *,
    home: str | os.PathLike[str] | None = None,
    queues: Mapping[str, Any] | None = None,
    cache: str = "disable",
    registry: Any = None,
    **hosted_only: Any,
) -> Waited:
    """Say where things live and where tasks run. Everything has a default, so nothing needs to be called.

    Parameters
    ----------
    org, project, domain : str, optional
        Recorded with every run.
    root_dir, endpoint, images, **hosted_only
        Known from hosted clusters; accepted, without effect here. An endpoint is noted in the log.
    log_level : int or str, optional
        Of the logger ``flyte_nb``.
    storage : str, optional
        Folder or address (``s3://bucket/prefix``) of large values; by default a folder of the home.
    load_plugin_type_transformers : bool
        Whether installed packages may register types.
    home : path, optional
        Folder of the journal; by default ``FLYTE_NB_HOME``, else the platform's user data folder.
    queues : dict of str to back-end, optional
        Places that tasks may name with ``queue=``.
    cache : {"disable", "auto", "override"}
        For tasks and environments that say nothing.
    registry : str, optional
        Folder or address of deployed tasks, which a team may share; by default ``registry`` in `storage`, else a folder
        of the home. Calling a task runs code from there, so name one that only people you trust can write to.

    Raises
    ------
    TypeError
        For a parameter that nobody knows.
    InitializationError
        If a value cannot be worked with, or runs are going on.

    Specification: *Notebooks*, *Custom types*.
    """
    refuse_unknown(init, hosted_only, HOSTED_ONLY)
    if endpoint is not None:
        logger.warning("Runs stay on this machine: endpoint=%r is recorded and not contacted.", endpoint)
    configure(
        settings_from(
            org=org,
            project=project,
            domain=domain,
            root_dir=root_dir,
            log_level=log_level,
            storage=storage,
            registry=registry,
            load_plugin_type_transformers=load_plugin_type_transformers,
            home=home,
            queues=queues,
            cache=cache,
            others={"endpoint": endpoint, "images": images, **hosted_only},
        )
    )
    return Waited()


@with_aio
def init_from_config(
    path: str | os.PathLike[str] | None = None,
    root_dir: str | os.PathLike[str] | None = None,
    log_level: int | str | None = None,
    **options: Any,
) -> Waited:
    """As `init`, with what a configuration file says of organisation, project, domain, storage and registry.

    A hosted cluster that it names is not contacted, and the log says so.

    Parameters
    ----------
    path : path, optional
        YAML; by default ``FLYTECTL_CONFIG``, ``.flyte/config.yaml`` here or at home. Read are ``org``, ``project`` and
        ``domain`` of its section ``task``; ``storage`` and ``registry``, which are addresses, or, of the storage, a
        section with ``type`` and ``container``; and ``endpoint`` of its section ``admin``.
    **options
        Of `init`; they win over the file.

    Raises
    ------
    InitializationError
        If the file is given and missing, or cannot be read.

    Specification: *Notebooks*.
    """
    file = config_file(path)
    found = read_config(file) if file is not None else ConfigFile()
    if found.endpoint and "endpoint" not in options:
        logger.warning(
            "%s names the cluster %s, which is not contacted: tasks run on this machine, and deployed tasks are looked"
            " for in the registry %s. Set `storage:` or `registry:` there to share them with others.",
            file, found.endpoint, found.where_tasks_are,
        )  # fmt: skip
    return init(root_dir=root_dir, log_level=log_level, **{**found.settings(), **options})


@public
def current_project() -> str:
    """The project of the running task, else the one given to `init`.

    Specification: *Other features*.
    """
    scope = current_scope()
    return scope.action.run.options.project if scope is not None else current_settings().project


@public
def current_domain() -> str:
    """The domain of the running task, else the one given to `init`.

    Specification: *Other features*.
    """
    scope = current_scope()
    return scope.action.run.options.domain if scope is not None else current_settings().domain
