"""What code expects around it: folder, import path, environment, logging, registered types."""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING

from ..._engine.live_run import LiveRun
from ...types.registered import carry_registrations
from .messages import Setup

if TYPE_CHECKING:
    from ..._registry.registry import Deployment


def setup_of(run: LiveRun, deployment: Deployment | None = None) -> Setup:
    """What a worker must know of a run, with the surroundings as they are now; deployed code brings its own."""
    options = run.options
    return Setup(
        run.name,
        run.started_at,
        run.store.root,
        options.mode or "",
        deployment.version if deployment is not None else options.version,
        options.project,
        options.domain,
        options.org,
        options.raw_data_path,
        run.surroundings.folder,
        [] if deployment is not None else _path(run.surroundings.folder),
        {**run.surroundings.environment, **run.controller.worker_environment},
        _log_levels(),
        carry_registrations() if deployment is None else b"",
        run.finished is not None and run.finished.from_other_run,
        deployment.registry if deployment is not None else run.controller.registry,
        deployment is not None,
    )


def _path(folder: str) -> list[str]:
    return [entry or folder for entry in sys.path if isinstance(entry, str)]


def _log_levels() -> dict[str, int]:
    """Levels that were set, by logger; the root's under an empty name."""
    levels = {"": logging.getLogger().level}
    for name, logger in tuple(logging.root.manager.loggerDict.items()):
        if isinstance(logger, logging.Logger) and logger.level:
            levels[name] = logger.level
    return levels
