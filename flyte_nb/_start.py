"""`flyte.run` and its relatives."""

from __future__ import annotations

import asyncio
import os
from typing import Any

from ._aio import with_aio
from ._engine.context import checked_custom_context
from ._engine.naming import checked_run_name
from ._engine.run_options import RunOptions
from ._misfit import refuse_unknown
from ._public import public
from ._runtime import launch
from ._runtime.runtime import current_settings
from ._runtime.source import recorded_source, source_name
from ._task.options import as_env_vars
from ._task.task import Task
from .models.text import checked_texts, optional_text
from .remote.run import Run
from .remote.task import Task as RemoteTask

# Accepted because code for hosted clusters says them; recorded, without effect here.
_HOSTED_ONLY = frozenset(
    {
        "service_account",
        "copy_style",
        "dry_run",
        "copy_bundle_to",
        "interactive_mode",
        "preserve_original_types",
        "cache_lookup_scope",
        "debug",
        "run_base_dir",
        "interruptible",
        "log_level",
        "log_format",
        "reset_root_logger",
    }
)


@public
class Runner:
    """A way to run tasks with options; made by `with_runcontext`.

    Examples
    --------
    >>> flyte.with_runcontext(name="nightly", custom_context={"trace_id": "1"}).run(main, days=30)
    """

    def __init__(self, options: RunOptions) -> None:
        self._options = options

    async def _run_async(self, task: Task[Any, Any] | RemoteTask, *args: Any, **kwargs: Any) -> Run:
        found = await asyncio.to_thread(task.resolved) if isinstance(task, RemoteTask) else task
        live = await launch.start_async(found, args, kwargs, self._options)
        return Run(live.name, live)

    @with_aio(twin=_run_async)
    def run(self, task: Task[Any, Any] | RemoteTask, *args: Any, **kwargs: Any) -> Run:
        """As `flyte_nb.run`, with these options."""
        if isinstance(task, RemoteTask):
            task = task.resolved()
        live = launch.start(task, args, kwargs, self._options)
        return Run(live.name, live)

    def __repr__(self) -> str:
        return f"Runner({self._options!r})"


@public
def with_runcontext(
    mode: str | None = None,
    *,
    name: str | None = None,
    version: str | None = None,
    raw_data_path: str | os.PathLike[str] | None = None,
    overwrite_cache: bool = False,
    project: str | None = None,
    domain: str | None = None,
    env_vars: dict[str, str] | None = None,
    labels: dict[str, str] | None = None,
    annotations: dict[str, str] | None = None,
    disable_run_cache: bool = False,
    queue: str | None = None,
    max_action_concurrency: int | None = None,
    custom_context: dict[str, str] | None = None,
    **hosted_only: Any,
) -> Runner:
    """A runner with options for one run.

    Parameters
    ----------
    mode : {None, "local", "notebook", "background", "process"} or name of a back-end
        Where async tasks run: by default on the notebook's own loop in a kernel, else on the runtime's loop thread;
        "background" is that thread also in a kernel. With "process" every task runs in a worker process, the first one
        too; with the name of another back-end, there.
    name : str, optional
        Of the run; one that nobody has, of letters, digits, "-", "_", "." and, inside it, spaces.
    version, project, domain, labels, annotations
        Recorded.
    raw_data_path : str, optional
        Folder or address of this run's large values.
    overwrite_cache : bool
        Run cached tasks and put the results in place of the kept ones.
    disable_run_cache : bool
        Neither look into the cache nor keep results.
    env_vars : dict of str to str, optional
        Environment variables of every task.
    queue : str, optional
        Back-end of tasks that name none.
    max_action_concurrency : int, optional
        How many actions may run at once, not counting those that wait for others.
    custom_context : dict of str to str, optional
        Base of what `get_custom_context` gives in every task.
    **hosted_only
        Known from hosted clusters; recorded, without effect here.

    Raises
    ------
    TypeError
        For a parameter nobody knows, or custom context that is not text.
    ValueError
        For a limit below 1, or a name that no run can have.

    Specification: *Custom context*, *Controlling parallel execution*.
    """
    refuse_unknown(with_runcontext, hosted_only, _HOSTED_ONLY)
    if max_action_concurrency is not None and (
        not isinstance(max_action_concurrency, int) or isinstance(max_action_concurrency, bool)
    ):
        raise TypeError(f"max_action_concurrency is a whole number; got {max_action_concurrency!r}.")
    if max_action_concurrency is not None and max_action_concurrency < 1:
        raise ValueError(f"max_action_concurrency is at least 1; got {max_action_concurrency!r}.")
    settings = current_settings()
    recorded = {key: str(value) for key, value in hosted_only.items() if value is not None}
    if queue is not None:
        recorded["queue"] = optional_text(queue, "queue")
    if max_action_concurrency is not None:
        recorded["max_action_concurrency"] = str(max_action_concurrency)
    if overwrite_cache:
        recorded["overwrite_cache"] = "True"
    if disable_run_cache:
        recorded["disable_run_cache"] = "True"
    return Runner(
        RunOptions(
            mode=None if mode == "local" else optional_text(mode, "mode") or None,
            name=None if name is None else checked_run_name(name),
            version=optional_text(version, "version"),
            raw_data_path=optional_text(os.fspath(raw_data_path) if raw_data_path else None, "raw_data_path"),
            overwrite_cache=overwrite_cache,
            disable_run_cache=disable_run_cache,
            project=optional_text(project, "project") or settings.project,
            domain=optional_text(domain, "domain") or settings.domain,
            org=settings.org,
            env_vars=as_env_vars(env_vars or {}),
            labels=checked_texts(labels or {}, "labels"),
            annotations=checked_texts(annotations or {}, "annotations"),
            queue=queue,
            max_action_concurrency=max_action_concurrency,
            custom_context=checked_custom_context(custom_context),
            source=source_name(),
            recorded={**recorded, **recorded_source()},
        )
    )


async def _run_async(task: Task[Any, Any] | RemoteTask, *args: Any, **kwargs: Any) -> Run:
    return await with_runcontext().run.aio(task, *args, **kwargs)


@with_aio(twin=_run_async)
def run(task: Task[Any, Any] | RemoteTask, *args: Any, **kwargs: Any) -> Run:
    """Run a task with all it calls; returns at once.

    Async tasks run on the loop of the cell that starts the run; started from another thread, on a loop of their own.

    Parameters
    ----------
    task : task
        A function decorated with ``@env.task``, or a deployed one, `flyte_nb.remote.Task`.
    *args, **kwargs
        Its inputs; those of a deployed task by name.

    Returns
    -------
    Run
        Wait for it with `Run.wait`, or get what it returned with `Run.outputs`.

    Raises
    ------
    TypeError
        If it is no task, or the arguments are not its own.
    RuntimeDataValidationError
        If a value does not fit its type.
    RestrictedTypeError
        If a type cannot be an input.
    RemoteTaskNotFoundError, RemoteTaskUsageError
        If there is no such deployed task, or the arguments are not its own.

    Examples
    --------
    >>> flyte.run(main, days=30).outputs()

    Specification: *Notebooks*.
    """
    return with_runcontext().run(task, *args, **kwargs)


@with_aio
def rerun(run_name: str, action_name: str = "a0", recover: bool = False, **inputs: Any) -> Run:
    """Run an earlier run's task again, in a run of its own, perhaps with other inputs.

    Parameters
    ----------
    run_name : str
    action_name : str
        Which of its actions; by default the first.
    recover : bool
        Take the results of actions that succeeded there and whose code is unchanged; they are RECOVERED.
    **inputs
        Inputs that differ.

    Raises
    ------
    RunNotFoundError, ActionNotFoundError
        If there is no such run or action.

    Specification: *Other features*.
    """
    live = launch.rerun(run_name, action_name, recover, inputs, None)
    return Run(live.name, live)
