"""What code expects around it: folder, import path, environment, logging, registered types."""

from __future__ import annotations

import logging
import sys

from ..._engine.live_run import LiveRun
from ...types.registered import carry_registrations
from .messages import Setup


def setup_of(run: LiveRun) -> Setup:
    """What a worker must know of a run, with the surroundings as they are now."""
    options = run.options
    return Setup(
        run.name,
        run.started_at,
        run.store.root,
        options.mode or "",
        options.version,
        options.project,
        options.domain,
        options.org,
        options.raw_data_path,
        run.surroundings.folder,
        [entry or run.surroundings.folder for entry in sys.path if isinstance(entry, str)],
        {**run.surroundings.environment, **run.controller.worker_environment},
        _log_levels(),
        carry_registrations(),
        run.finished is not None and run.finished.from_other_run,
    )


def _log_levels() -> dict[str, int]:
    """Levels that were set, by logger; the root's under an empty name."""
    levels = {"": logging.getLogger().level}
    for name, logger in tuple(logging.root.manager.loggerDict.items()):
        if isinstance(logger, logging.Logger) and logger.level:
            levels[name] = logger.level
    return levels
