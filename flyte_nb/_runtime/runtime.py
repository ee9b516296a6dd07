"""One runtime per process: a home, a journal, an engine, places to run."""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import contextvars
import functools
import logging
import os
import sys
import threading
from collections.abc import Coroutine
from concurrent.futures import wait
from pathlib import Path
from typing import Any, TypeVar

from .._engine.blocking import wait_blocking
from .._engine.controller import Controller
from .._journal import Home, JournalReader, JournalWriter, Mailbox, default_home
from .._journal.cache_table import CacheTable
from .._journal.home import ENVIRONMENT_VARIABLE
from .._journal.liveness import this_process
from .._journal.mailbox import announce_posts_to, stop_announcing_to
from .._journal.network import network_warning
from .._task.secret import keep_secrets_in
from ..backends.containers import leftovers as leftovers  # ends containers at exit, after `_close`
from ..errors import InitializationError, JournalError, JournalWriteError
from ..models.events import Owner
from ..storage import Store, open_store
from .at_exit import end_by_interrupt, while_threads_start
from .background_loop import BackgroundLoop
from .notebook_loop import in_notebook, interruption
from .places import Places
from .settings import Settings
from .surroundings import troubles

logger = logging.getLogger("flyte_nb")

T = TypeVar("T")

LOOK_WITHIN_S = 0.2


class Runtime:
    """The parts of a process that runs tasks.

    Parameters
    ----------
    settings : Settings

    Raises
    ------
    InitializationError, JournalError
        If the home cannot be used.
    """

    loads_values = True

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.home: Home = Home(settings.home if settings.home is not None else default_home())
        _warn_of(self.home.path)
        path = self.home.journal_path
        self.writer: JournalWriter = JournalWriter(path)
        self.reader: JournalReader = JournalReader(path)
        self.mailbox: Mailbox = Mailbox(path)
        self.cache: CacheTable = CacheTable(path)
        self.owner: Owner = this_process()
        self.loop: BackgroundLoop = BackgroundLoop()
        self.code_store: Store = open_store(self.home.store_path)
        self.default_store: Store = open_store(settings.storage) if settings.storage else self.code_store
        self.registry: str = settings.registry or _registry_beside(settings.storage) or str(self.home.registry_path)
        self.places: Places = Places(settings.queues, self.home.deployed_path)
        self.controller: Controller = Controller(
            journal=self.writer,
            requests=self.mailbox,
            cache=self.cache,
            backends=self.places,
            owner=self.owner,
            open_store=self.open_store,
            code_store=self.code_store,
            default_cache=settings.cache,
            worker_environment={ENVIRONMENT_VARIABLE: str(self.home.path)},
            registry=self.registry,
            shows_all_prints=not in_notebook(),
        )
        keep_secrets_in(self.home.secrets_path)
        announce_posts_to(self.controller.service.announce)

    def open_store(self, raw_data_path: str) -> Store:
        """The store of a run with that raw data path; an empty one is the default."""
        return open_store(raw_data_path) if raw_data_path else self.default_store

    @property
    def is_busy(self) -> bool:
        """Whether runs live in this process."""
        return bool(self.controller.runs)

    def drives(self, run: str) -> bool:
        """Whether the run lives in this process."""
        return run in self.controller.runs

    def commit(self, run: str, *, logs: bool = False) -> None:
        """Write what this process still holds of a run; with `logs` also what was printed.

        What is left of a run that has ended, after a commit that failed, is tried once more. While another process
        holds the journal, what is recorded has to do: whoever asks may be what the run's loop waits for.
        """
        live = self.controller.runs.get(run)
        if live is not None:
            if logs:
                live.flush_logs()
            try:
                self.writer.flush(wait_s=LOOK_WITHIN_S)
            except JournalWriteError as error:
                if not error.is_held:
                    raise
        elif self.writer.has_queued:
            with contextlib.suppress(JournalError):
                self.writer.flush(wait_s=LOOK_WITHIN_S)

    def finish(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """The result of a conversion that needs a loop, for a caller that cannot await."""
        if self.loop.is_current():
            return wait_blocking(coroutine, self.loop.get())
        context = contextvars.copy_context()

        async def in_context() -> T:
            return await asyncio.get_running_loop().create_task(coroutine, context=context)

        return asyncio.run_coroutine_threadsafe(in_context(), self.loop.get()).result()

    def close(self) -> None:
        """Commit what is queued and close the files."""
        stop_announcing_to(self.controller.service.announce)
        self.controller.service.close()
        self.places.close()
        self.writer.close()
        self.reader.close()
        self.mailbox.close()
        self.cache.close()
        self.loop.close()


@functools.cache
def _warn_of(path: Path) -> None:
    """Once for each home of the process."""
    if warning := network_warning(path):
        logger.warning("%s", warning)


def _registry_beside(storage: str) -> str:
    """A store that several people use is where they find each other's tasks."""
    return f"{storage.rstrip('/')}/registry" if storage else ""


_lock = threading.RLock()
_current: Runtime | None = None
_settings = Settings()


def current_runtime() -> Runtime:
    """The runtime of this process, made on first use."""
    global _current
    found = _current
    if found is not None:
        return found
    with _lock:
        if _current is None:
            _current = Runtime(_settings)
            if in_notebook():
                for trouble in troubles():
                    logger.warning("%s", trouble)
            if _settings.load_plugins:
                from ..types.plugins import load_type_plugins

                load_type_plugins()
        return _current


def current_settings() -> Settings:
    """What `init` was told last."""
    return _settings


def chosen_home() -> Home:
    """The home folder, without a runtime on it."""
    found = _current
    return found.home if found is not None else Home(_settings.home if _settings.home is not None else default_home())


def configure(settings: Settings) -> None:
    """Use `settings` from now on.

    Raises
    ------
    InitializationError
        If runs are going on: they belong to the runtime they started with.
    """
    global _current, _settings
    with _lock:
        if _current is not None:
            running = ", ".join(_current.controller.runs)
            if running:
                raise InitializationError(
                    f"init() cannot change settings while runs are going on: {running}. Wait for them or abort them."
                )
            _current.close()
            _current = None
        _settings = settings
    if settings.log_level is not None:
        logger.setLevel(settings.log_level)
    if settings.load_plugins:
        from ..types.plugins import load_type_plugins

        load_type_plugins()
    if settings.home is not None:
        current_runtime()


def _wait_for_runs() -> None:
    """A script that ends without waiting: its runs are finished all the same, unless it ends by Ctrl-C."""
    runtime = _current
    if runtime is None or in_notebook():
        return
    runs = list(runtime.controller.runs.values())
    try:
        if runs and _ends_by_an_interrupt():
            raise KeyboardInterrupt
        for run in runs:
            print(f"flyte_nb: waiting for run {run.name}; Ctrl-C aborts it.", file=sys.stderr)
            run.done.result()
    except KeyboardInterrupt:
        end_by_interrupt()
        for run in runs:
            run.abort(interruption())
        wait([run.done for run in runs], timeout=5)


def _close() -> None:
    if _current is not None:
        _current.close()


def _ends_by_an_interrupt() -> bool:
    """Whether nobody caught Ctrl-C, so that the script ends; where Python is typed, one ends a line only."""
    return isinstance(getattr(sys, "last_value", None), KeyboardInterrupt) and not hasattr(sys, "ps1")


def _forget_in_child() -> None:
    global _current
    _current = None


while_threads_start(_wait_for_runs)
atexit.register(_close)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_in_child)
