"""Start runs, and take up earlier ones."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

from .._engine.finished import FinishedWork
from .._engine.live_run import LiveRun
from .._engine.naming import ROOT_ACTION
from .._engine.run_options import ROOT_WAS, RunOptions
from .._journal.liveness import is_alive
from .._misfit import misfits, with_nearest
from .._task.messages import got, not_a_task
from .._task.task import Task
from ..errors import ActionNotFoundError, RunNotFoundError, RunStateError, RuntimeUserError
from ..models.events import ActionQueued, RunStarted, StoredLiterals, TaskSeen
from ..models.phases import ActionPhase
from ..models.records import RunRecord
from ..storage import Store, use_store
from ..types.interface import Prepared
from .notebook_loop import notebook_loop, running_loop
from .places import KINDS_OF_FUNCTION
from .runtime import Runtime, current_runtime
from .task_again import task_of

if TYPE_CHECKING:
    from .._journal.earlier import EarlierRun

T = TypeVar("T")
Keep = str | Task[Any, Any] | Sequence[str | Task[Any, Any]]
"""A task, its name, or several."""

_told_of_resumes: list[Callable[[str], None]] = []

_DEPLOYED = "deployed"
_MODES = (None, "notebook", "background", "process", "dask")


def start(task: Task[Any, Any], args: tuple[Any, ...], kwargs: dict[str, Any], options: RunOptions) -> LiveRun:
    """Start a run of `task`.

    Raises
    ------
    TypeError
        If `task` is none, or the arguments are not its own.
    RuntimeUserError
        If a value does not fit, or a name or queue cannot be used.
    """
    _check_is_task(task)
    runtime = current_runtime()
    loop = loop_for(runtime, options.mode)
    options = _with_place(options, task)
    arguments = task.interface.bind(args, kwargs)
    with use_store(runtime.open_store(options.raw_data_path)):
        prepared = task.interface.prepare_inputs_nowait(arguments)
        if prepared is None:
            prepared = finished_now(task.interface.prepare_inputs(arguments))
    return runtime.controller.start(task, prepared, options, loop)


async def start_async(
    task: Task[Any, Any], args: tuple[Any, ...], kwargs: dict[str, Any], options: RunOptions
) -> LiveRun:
    """As `start`; inputs are stored without holding up the caller's loop."""
    _check_is_task(task)
    runtime = current_runtime()
    loop = loop_for(runtime, options.mode)
    options = _with_place(options, task)
    arguments = task.interface.bind(args, kwargs)
    with use_store(runtime.open_store(options.raw_data_path)):
        prepared = await task.interface.prepare_inputs(arguments)
    return runtime.controller.start(task, prepared, options, loop)


def resume(name: str, keep: Keep = ()) -> LiveRun:
    """Go on with a run that failed, was aborted, or lost its process; of tasks to `keep` results are taken in any case.

    Raises
    ------
    RunNotFoundError
        If there is no such run.
    RunStateError
        If it is going on, has succeeded, or called no task that is to be kept.
    CodeBundleError
        If its code is neither defined here nor stored with it, or what is defined here lacks some that was stored.
    JournalWriteError
        If the journal cannot be written, as long as its disk is full.
    """
    tasks = _names_of(keep)
    runtime = current_runtime()
    runtime.writer.flush()  # a run that ended on a full disk may still wait to be written
    record = runtime.reader.run(name)
    _check_resumable(runtime, record)
    with runtime.controller.collections:
        earlier = runtime.reader.earlier(name)
        finished = FinishedWork(earlier, from_other_run=False, keep=tasks)
    started = _started(earlier)
    options = options_of(started)
    task = task_of(
        runtime, record.task, name, _code_of(earlier, ROOT_ACTION), started, brings_code=_DEPLOYED in options.recorded
    )
    store = runtime.open_store(options.raw_data_path)
    prepared = finished_now(_again(task, finished.root_inputs, store, {}))
    live = runtime.controller.resume(
        task,
        prepared,
        options,
        loop_for(runtime, options.mode),
        finished=finished,
        previous=record,
    )
    for tell in tuple(_told_of_resumes):
        tell(name)
    return live


def tell_of_resumes(tell: Callable[[str], None]) -> None:
    """Have `tell` called with the name of each run that goes on in this process, as soon as it does."""
    if tell not in _told_of_resumes:
        _told_of_resumes.append(tell)


def rerun(name: str, action_name: str, recover: bool, inputs: dict[str, Any], options: RunOptions | None) -> LiveRun:
    """Start a new run from an earlier one's inputs, some of them changed.

    Raises
    ------
    RunNotFoundError, ActionNotFoundError
        If there is no such run or action.
    """
    runtime = current_runtime()
    record = runtime.reader.run(name)
    earlier = runtime.reader.earlier(name)
    queued = earlier.queued(action_name)
    if queued is None:
        raise ActionNotFoundError(f"Run {name!r} has no action {action_name!r}.")
    started = _started(earlier)
    before = options_of(started)
    is_deployed_root = action_name == ROOT_ACTION and _DEPLOYED in before.recorded
    task = task_of(runtime, queued.task, name, _code_of(earlier, action_name), started, brings_code=is_deployed_root)
    options = options or before
    store = runtime.open_store(options.raw_data_path or before.raw_data_path)
    prepared = finished_now(_again(task, queued.inputs, store, inputs))
    finished = FinishedWork(earlier, from_other_run=True, root=action_name) if recover else None
    if action_name != ROOT_ACTION:
        recorded = {**options.recorded, ROOT_WAS: action_name}
        options = replace(options, recorded=recorded, custom_context=_custom_context_of(earlier, queued, options))
    return runtime.controller.start(
        task, prepared, options, loop_for(runtime, options.mode), finished=finished, rerun_of=record.name
    )


def finished_now(coroutine: Coroutine[Any, Any, T]) -> T:
    """The result of a conversion that needs a loop, for a caller that cannot await."""
    return current_runtime().finish(coroutine)


def loop_for(runtime: Runtime, mode: str | None) -> asyncio.AbstractEventLoop:
    """The loop that a run of that mode uses, seen from the caller.

    Raises
    ------
    RuntimeUserError
        For a mode that nobody knows, or one that needs a loop where none runs.
    """
    if mode == "background":
        return runtime.loop.get()
    if mode == "notebook":
        found = notebook_loop() or running_loop()
        if found is None:
            raise RuntimeUserError(
                "NoRunningLoop",
                "mode='notebook' uses the caller's own event loop, and none runs here. Leave the mode out.",
            )
        return found
    if mode is not None and (mode in KINDS_OF_FUNCTION or mode not in runtime.places):
        known = {*filter(None, _MODES), *runtime.places}.difference(KINDS_OF_FUNCTION)
        raise RuntimeUserError(
            "UnknownMode",
            f"Mode {with_nearest(mode, known)} is not known; use one of {', '.join(map(repr, _MODES))}, or the name of"
            " a back-end from outside (a queue of init, or an installed package's).",
        )
    return notebook_loop() or runtime.loop.get()


def _code_of(earlier: EarlierRun, action: str) -> dict[str, str]:
    """What the code of an action reached, part by part; empty if that is not known."""
    queued = earlier.queued(action)
    if queued is None:
        return {}
    key = (queued.task, queued.code_digest)
    seen = (event for event in earlier.others if isinstance(event, TaskSeen))
    return next((event.parts for event in seen if (event.task, event.code_digest) == key), {})


def _custom_context_of(earlier: EarlierRun, queued: ActionQueued, options: RunOptions) -> dict[str, str]:
    """What an action began with: that of its parent, unless it was set around the call."""
    found: ActionQueued | None = queued
    while found is not None:
        if found.custom_context is not None:
            return found.custom_context
        found = earlier.queued(found.parent)
    return options.custom_context


def _with_place(options: RunOptions, task: Task[Any, Any]) -> RunOptions:
    """The options of a run of `task`, with where its code is from if it is from elsewhere."""
    version = task.described().get("version") if task.is_foreign else None
    return options if version is None else replace(options, recorded={**options.recorded, _DEPLOYED: version})


def options_of(started: RunStarted) -> RunOptions:
    """The options a run was started with."""
    recorded = started.options
    limit = recorded.get("max_action_concurrency")
    return RunOptions(
        mode=started.mode or None,
        version=started.version,
        raw_data_path=started.raw_data_path,
        overwrite_cache=recorded.get("overwrite_cache") == "True",
        disable_run_cache=recorded.get("disable_run_cache") == "True",
        project=started.project,
        domain=started.domain,
        org=started.org,
        env_vars=started.env_vars,
        labels=started.labels,
        annotations=started.annotations,
        queue=recorded.get("queue"),
        max_action_concurrency=int(limit) if limit else None,
        custom_context=started.custom_context,
        source=started.source,
        recorded=recorded,
    )


async def _again(task: Task[Any, Any], kept: StoredLiterals | None, store: Store, changed: dict[str, Any]) -> Prepared:
    if kept is None:
        raise RunStateError("The run ended before its inputs were recorded; start it anew.")
    interface = task.interface
    if problems := misfits(list(interface.inputs), (), 0, changed):
        raise TypeError(f"{task.name}(): {problems}. It takes {interface.taken}.")
    with use_store(store):
        serialized = kept.inline if kept.inline is not None else store.get_nowait(kept.uri, checksum=kept.checksum)
        arguments = await interface.read_inputs(serialized)
        if changed:
            return await interface.prepare_inputs({**arguments, **changed})
    return Prepared(serialized, interface.digest_of(serialized), arguments)


def _started(earlier: EarlierRun) -> RunStarted:
    first = earlier.others[0] if earlier.others else None
    if not isinstance(first, RunStarted):
        raise RunNotFoundError("The run's first event is missing from the journal. `flyte-nb doctor` may tell why.")
    return first


def _check_resumable(runtime: Runtime, record: RunRecord) -> None:
    if record.phase is ActionPhase.SUCCEEDED:
        raise RunStateError(
            f"Run {record.name!r} has succeeded; there is nothing to resume. To run it again: `flyte-nb rerun"
            f" {record.name}` on a terminal, `flyte_nb.rerun({record.name!r})` in Python."
        )
    if record.phase.is_terminal:
        return
    if record.name in runtime.controller.runs:
        raise RunStateError(f"Run {record.name!r} is going on in this process.")
    if is_alive(record.owner, record.heartbeat_at):
        raise RunStateError(
            f"Run {record.name!r} is going on in process {record.owner.pid} on {record.owner.host}. Abort it first:"
            f" `flyte-nb abort {record.name}` on a terminal, `flyte_nb.Run.get({record.name!r}).abort()` in Python."
        )


def _names_of(keep: Keep) -> list[str]:
    tasks = [keep] if isinstance(keep, (str, Task)) else keep
    if not isinstance(tasks, Sequence) or not all(isinstance(task, (str, Task)) for task in tasks):
        raise TypeError(f"keep is a task, its name, or a list of them; {got(keep)}.")
    return [task.name if isinstance(task, Task) else task for task in tasks]


def _check_is_task(task: Any) -> None:
    if not isinstance(task, Task):
        raise TypeError(f"flyte_nb.run runs a task; {not_a_task(task)}")
