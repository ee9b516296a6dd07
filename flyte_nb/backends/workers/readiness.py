"""A worker process is made ready for each attempt: with the surroundings of its run, and nothing of the last one."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys

from ..._registry.current import use_registry
from . import messages as say
from .condition import Condition
from .imported import ImportedFiles
from .output import Output


class Readiness:
    """Makes the process ready, before the first attempt and after each.

    Parameters
    ----------
    loop : asyncio.AbstractEventLoop
        That of the main thread.
    output : Output
        Gets the levels of logging that the run has.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, output: Output) -> None:
        self._condition = Condition(loop)
        self._imported = ImportedFiles()
        self._output = output
        self._run = ""
        self._environment: dict[str, str] = {}
        self._environment_seen: object = None

    def is_stale_for(self, setup: say.Setup) -> bool:
        """Whether a module that was imported has been edited since, and a run that begins must have it anew."""
        return self._run != setup.run and self._imported.are_stale()

    def surround(self, setup: say.Setup, environment: dict[str, str]) -> None:
        """Make folder, import path, environment, logging and types what the run expects."""
        if self._run != setup.run:
            self._run = setup.run
            self._output.set_levels(setup.log_levels)
            use_registry(setup.registry)
            if setup.transformers:
                from ...types.registered import take_registrations

                take_registrations(setup.transformers)
        if _folder() != setup.folder:
            with contextlib.suppress(OSError):
                os.chdir(setup.folder)
        if setup.path and sys.path != setup.path:
            sys.path[:] = setup.path
        wanted = {**setup.environment, **environment}
        if wanted == self._environment and self._environment_seen == _raw_environment():
            return
        for name in os.environ.keys() - wanted.keys():
            del os.environ[name]
        os.environ.update(wanted)
        self._environment, self._environment_seen = wanted, _raw_environment()

    def restore(self) -> bool:
        """Put back what a task has changed; whether that could be, and no process that it started is left."""
        self._imported.note()
        return self._condition.restore() and not _has_children()


def _folder() -> str:
    try:
        return os.getcwd()
    except FileNotFoundError:
        return ""


def _raw_environment() -> object:
    """Equal to an earlier one while no variable was changed; much cheaper than to decode them all."""
    raw = getattr(os.environ, "_data", None)
    return dict(raw) if raw is not None else object()


def _has_children() -> bool:
    """Whether a process that the task started is still there, or nobody has asked how it ended."""
    if not hasattr(os, "waitid"):
        import psutil

        return bool(psutil.Process().children())
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return False
    return True
