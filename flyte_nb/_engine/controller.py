"""Starts runs, resumes them, and carries out what people ask of them."""

from __future__ import annotations

import asyncio
import contextvars
import logging
import threading
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from .._code.data import each_read_once
from .._code.digest import known_code
from .._code.snapshot import Snapshot, take_snapshot
from .._misfit import with_nearest
from .._task.cache import Cache, CacheBehavior
from .._task.registry import declared_tasks
from .._task.secret import resolve_secret
from .._task.task import next_generation
from ..errors import RuntimeUserError
from ..models.events import Owner, RunEnded, RunResumed, RunStarted, StoredCode
from ..models.phases import ActionPhase
from ..models.records import RunRecord
from ..storage import Store
from .branches import leave_branches
from .cached import CachedCalls
from .capacity import Capacity
from .duty import Duty
from .failure import as_runtime_error, record_of
from .finished import FinishedWork
from .garbage import RareFullCollections
from .interrupts import watch_of
from .keeping import kept_literals
from .live_run import LiveRun
from .logs import LogCapture
from .naming import new_run_name
from .placement import needs_process
from .plan import TaskPlan
from .ports import Backend, Journal, Requests, ResultCache
from .run_options import RunOptions
from .service import ServiceThread
from .stepping import own_task
from .used_code import Use

if TYPE_CHECKING:
    from .._task.task import Task
    from ..types.interface import Prepared

logger = logging.getLogger("flyte_nb")


class Controller:
    """The engine of one process.

    Parameters
    ----------
    journal, requests, cache : see `flyte_nb._engine.ports`
    backends : mapping of str to Backend
        ``"loop"``, ``"thread"`` and ``"process"`` must be there, and what tasks have as their `place`; others by the
        name of their queue or mode.
    owner : Owner
        This process.
    open_store : callable
        Gives the store for a raw data path, the default one for an empty string.
    code_store : Store
        For code that is too large for the journal.
    default_cache : str
        Cache behaviour of tasks and environments that say nothing.
    worker_environment : mapping, optional
        Environment variables for worker processes, beside those of this one.
    registry : str
        Address of the deployed tasks that code may call.
    shows_all_prints : bool
        Whether all that a task prints is shown where it was printed, however much it is.
    """

    def __init__(
        self,
        *,
        journal: Journal,
        requests: Requests,
        cache: ResultCache,
        backends: Mapping[str, Backend],
        owner: Owner,
        open_store: Callable[[str], Store],
        code_store: Store,
        default_cache: CacheBehavior = "disable",
        worker_environment: Mapping[str, str] | None = None,
        registry: str = "",
        shows_all_prints: bool = True,
    ) -> None:
        self.journal = journal
        self.cached: CachedCalls = CachedCalls(cache, owner)
        self.service: ServiceThread = ServiceThread(self._do_duty)
        self.runs: dict[str, LiveRun] = {}
        self.worker_environment: dict[str, str] = dict(worker_environment or {})
        self.registry = registry
        self._backends = backends
        self._owner = owner
        self._open_store = open_store
        self._code_store = code_store
        self._default_cache = Cache(default_cache) if default_cache != "disable" else None
        self._capture = LogCapture(shows_all=shows_all_prints)
        self.collections: RareFullCollections = RareFullCollections()
        self._lock = threading.Lock()
        self._duty = Duty(journal, requests)

    # runs ---------------------------------------------------------------------------------------------------

    def start(
        self,
        task: Task[Any, Any],
        prepared: Prepared,
        options: RunOptions,
        loop: asyncio.AbstractEventLoop,
        *,
        finished: FinishedWork | None = None,
        rerun_of: str = "",
    ) -> LiveRun:
        """Begin a new run of `task` on `loop`.

        Raises
        ------
        RunStateError
            If a run of the chosen name exists.
        RuntimeUserError
            As `make_plan`.
        """
        context = contextvars.copy_context()
        with each_read_once():
            plan = self._prepare(task, options)
            snapshot = take_snapshot(task, self._code_store)
            started = self._started(task, prepared, options, snapshot, rerun_of)
            log = self.journal.begin_run(options.name or new_run_name(), started, snapshot.payload)
            return self._launch(plan, prepared, options, loop, log, finished, context)

    def _started(
        self, task: Task[Any, Any], prepared: Prepared, options: RunOptions, snapshot: Snapshot, rerun_of: str
    ) -> RunStarted:
        stored = snapshot.stored
        if snapshot.problem:
            logger.info("The code of %s cannot be kept with its run: %s", task.name, snapshot.problem)
        return RunStarted(
            time.time(),
            task=task.name,
            owner=self._owner,
            mode=options.mode or "",
            project=options.project,
            domain=options.domain,
            org=options.org,
            version=options.version,
            raw_data_path=options.raw_data_path,
            custom_context=options.custom_context,
            env_vars=options.env_vars,
            labels=options.labels,
            annotations=options.annotations,
            options={**options.recorded, **({"snapshot_problem": snapshot.problem} if snapshot.problem else {})},
            source=options.source,
            rerun_of=rerun_of,
            inputs=kept_literals(prepared.serialized, self._open_store(options.raw_data_path)),
            code=StoredCode(None, stored.uri, stored.size_bytes, stored.checksum) if stored is not None else None,
        )

    def resume(
        self,
        task: Task[Any, Any],
        prepared: Prepared,
        options: RunOptions,
        loop: asyncio.AbstractEventLoop,
        *,
        finished: FinishedWork,
        previous: RunRecord,
    ) -> LiveRun:
        """Go on with a run that ended badly or lost its process; nobody has written it since `previous` was read.

        Raises
        ------
        RunStateError
            If somebody has.
        RuntimeUserError
            As `make_plan`; the run is as it was.
        """
        context = contextvars.copy_context()
        with each_read_once():
            plan = self._prepare(task, options)
            resumed = RunResumed(time.time(), self._owner, len(finished), kept=finished.kept)
            log = self.journal.take_over_run(resumed, previous)
            return self._launch(plan, prepared, options, loop, log, finished, context)

    def _prepare(self, task: Task[Any, Any], options: RunOptions) -> TaskPlan:
        """How a run that is about to begin uses its root; what refuses it does so before anything is recorded."""
        plan = self.make_plan(task, task.declared, options)
        plan.use(Use(plan.declared, known_code(plan.func), False))
        return plan

    def _launch(
        self,
        plan: TaskPlan,
        prepared: Prepared,
        options: RunOptions,
        loop: asyncio.AbstractEventLoop,
        log: Any,
        finished: FinishedWork | None,
        context: contextvars.Context,
    ) -> LiveRun:
        """Have a run that this process owns begin; it ends at once if that cannot be."""
        try:
            limit = options.max_action_concurrency
            run = LiveRun(
                self,
                log,
                options,
                loop,
                self._open_store(options.raw_data_path),
                finished,
                Capacity(limit) if limit else None,
                _tasks_at_hand(plan.declared),
                next_generation(),
                plan,
            )
            self._set_going(run, plan, prepared, context)
        except BaseException as error:
            record = record_of(as_runtime_error(error))
            self.journal.end_run(log, RunEnded(time.time(), ActionPhase.FAILED, record))
            raise
        return run

    def _set_going(self, run: LiveRun, plan: TaskPlan, prepared: Prepared, context: contextvars.Context) -> None:
        loop = run.loop
        with self._lock:
            self.runs[run.name] = run
        self._capture.begin()
        self.collections.begin()
        self.service.hold()

        def begin() -> None:
            watch_of(loop).begin()
            run.root_task = own_task(run.main(plan, prepared), context)

        if asyncio._get_running_loop() is loop:
            begin()
            return
        try:
            loop.call_soon_threadsafe(begin)
        except RuntimeError:  # the loop is closed
            self._let_go(run)
            raise

    def forget(self, run: LiveRun) -> None:
        """A run has ended; called on its loop."""
        watch_of(run.loop).end()
        self._let_go(run)

    def _do_duty(self) -> None:
        with self._lock:
            runs = dict(self.runs)
        if runs:
            self._duty.do(runs)
            self.collections.allow_when_due()

    def _let_go(self, run: LiveRun) -> None:
        with self._lock:
            self.runs.pop(run.name, None)
            if not any(other.loop is run.loop for other in self.runs.values()):
                self._duty.forget(run.loop)
                leave_branches(run.loop)
        self._capture.end()
        self.collections.end()
        self.service.release()

    # plans --------------------------------------------------------------------------------------------------

    def make_plan(self, task: Task[Any, Any], declared: Task[Any, Any], options: RunOptions) -> TaskPlan:
        """How a run with `options` uses `task`, whose code is that of `declared`.

        Raises
        ------
        RuntimeUserError
            If the task names a queue that nobody registered, or a secret that cannot be found, or its place refuses it.
        """
        wanted = task.options
        secrets = {} if task.is_foreign else _secrets(wanted.secrets)
        environment = {**options.env_vars, **(wanted.env_vars or {}), **secrets}
        cache = wanted.cache if wanted.cache is not None else self._default_cache
        if cache is not None and (cache.behavior == "disable" or options.disable_run_cache):
            cache = None
        timeout = wanted.timeout
        retries = wanted.retries
        plan = TaskPlan(
            task,
            declared=declared,
            backend=self._backend_for(task, options),
            environment=environment or None,
            cache=cache,
            timeout=timeout,
            max_attempts=1 + retries.count,
            delay_s=retries.delay_s if retries.count else None,
            resources=wanted.resources.describe() if wanted.resources is not None else {},
            options=task.described(),
        )
        plan.backend.check(plan)
        return plan

    def _backend_for(self, task: Task[Any, Any], options: RunOptions) -> Backend:
        queue = task.options.queue or (options.queue if not task.place else None)
        if queue is not None:
            found = self._backends.get(queue)
            if found is None:
                known = sorted(set(self._backends) - {"loop", "thread", "process", "container", "dask"})
                raise RuntimeUserError(
                    "UnknownQueue",
                    f"Task {task.name!r} asks for queue {with_nearest(queue, known)}, and init(queues=...) knows"
                    f" {', '.join(map(repr, known)) or 'none'}. Register it: init(queues={{{queue!r}: ...}}).",
                )
            if not task.is_foreign:
                return found
        if task.place:
            return self._backends[task.place]
        if options.mode is not None and options.mode in self._backends:
            return self._backends[options.mode]
        if needs_process(task):
            return self._backends["process"]
        return self._backends["loop" if task.is_async else "thread"]


def _tasks_at_hand(root: Task[Any, Any]) -> dict[str, list[Task[Any, Any]]]:
    """All tasks that are declared now, by their identity; `root` also where it is no longer one of them."""
    at_hand = declared_tasks()
    known = at_hand.setdefault(root.identity, [])
    if root not in known:
        known.append(root)
    return at_hand


def _secrets(secrets: Any) -> dict[str, str]:
    return {secret.environment_variable: resolve_secret(secret) for secret in secrets or ()}
