"""Transformers that installed packages bring, through the entry point group ``flyte.plugins.types``."""

from __future__ import annotations

import logging
import threading

logger: logging.Logger = logging.getLogger("flyte_nb")

GROUP = "flyte.plugins.types"

_lock = threading.Lock()
_loaded = False


def load_type_plugins() -> None:
    """Call every registration function that installed packages declare, once per process.

    A plug-in that fails is named in a warning; the others are loaded all the same.

    Specification: *Custom types*.
    """
    global _loaded
    with _lock:
        if _loaded:
            return
        _loaded = True
        from importlib.metadata import entry_points

        for entry_point in entry_points(group=GROUP):
            try:
                entry_point.load()()
            except Exception as error:
                logger.warning(
                    "The type plug-in %s (%s) could not be loaded: %s: %s",
                    entry_point.name,
                    entry_point.value,
                    type(error).__name__,
                    error,
                )
