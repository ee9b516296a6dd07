"""Deployed tasks by name."""

from __future__ import annotations

import asyncio
import itertools
import weakref
from collections.abc import Coroutine, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar

from .._aio import BlockingCall, ClassCall, ListingCall
from .._engine.scope import Scope, current_scope
from .._public import public
from .._registry.current import told_registry
from .._registry.options import checked_changes
from .._registry.registry import Deployment, Registry
from .._runtime.runtime import current_runtime
from ..errors import RemoteTaskNotFoundError, RemoteTaskUsageError

if TYPE_CHECKING:
    from .._registry.task import DeployedTask
    from .._task.cache import CacheRequest
    from .._task.resources import Resources
    from .._task.retries import RetryStrategy
    from .._task.secret import SecretsWanted
    from .._task.task import Task as EngineTask
    from .._task.timeout import TimeoutType

_VERSIONS = ("latest", "current")


@public
@dataclass(frozen=True, eq=False)
class Task:
    """A deployed task by its name; looked up when it is called, started or fetched, and not before.

    Made with `get`. Inside a task it is awaited like any other task, with its inputs by name; ``flyte.run`` starts it.
    Its code runs in a process of its own, with the packages it was deployed with.

    A structure (dataclass, Pydantic model) is passed as a dictionary, or an object with the same fields, and comes back
    as a dictionary whose fields are attributes. A frame of whatever library is a `flyte_nb.io.DataFrame`.

    A run uses one version from its first call to its last, also where the newest is wanted.

    Attributes
    ----------
    name : str
    version : str or None
        The version that was asked for.
    auto_version : {"latest", "current"} or None

    Examples
    --------
    >>> analyze = flyte.remote.Task.get("spark_env.analyze_data", auto_version="latest")
    >>> @env.task
    ... async def pipeline(data_path: str) -> float:
    ...     analysis = await analyze(data_path=data_path)
    ...     return analysis.mean_value

    Specification: *Remote tasks*.
    """

    name: str
    version: str | None = None
    auto_version: str | None = None
    project: str | None = None
    domain: str | None = None
    changes: tuple[tuple[str, Any], ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "_memory", _Memory())

    @ClassCall
    def get(
        cls: type[Task],
        name: str,
        project: str | None = None,
        domain: str | None = None,
        version: str | None = None,
        auto_version: str | None = None,
    ) -> Task:
        """A reference to the deployed task of that name; nothing is looked up yet.

        Parameters
        ----------
        name : str
            ``"environment.function"``.
        project, domain : str, optional
            What it must have been deployed for, where it was deployed for any.
        version : str, optional
        auto_version : {"latest", "current"}, optional
            The version that was deployed last, which is also meant where nothing is said; or the version of the task
            that calls, for environments that are deployed together.

        Raises
        ------
        RemoteTaskUsageError
            For a name or version that cannot be.
        """
        if not isinstance(name, str) or not name:
            raise RemoteTaskUsageError(f"Task.get takes a name such as 'environment.function', got {name!r}.")
        if version is not None and auto_version is not None:
            raise RemoteTaskUsageError(f"Task {name!r}: give version= or auto_version=, not both.")
        if version is not None and not (isinstance(version, str) and version):
            raise RemoteTaskUsageError(f"Task {name!r}: version is a text such as 'v1.2.3', got {version!r}.")
        if auto_version is not None and auto_version not in _VERSIONS:
            raise RemoteTaskUsageError(
                f"Task {name!r}: auto_version is 'latest' or 'current', got {auto_version!r}. A version of your own is"
                f" version={auto_version!r}."
            )
        return cls(name, version, auto_version, project, domain)

    @ListingCall
    def listall(
        cls: type[Task],
        by_task_name: str | None = None,
        by_task_env: str | None = None,
        project: str | None = None,
        domain: str | None = None,
        limit: int = 100,
    ) -> Iterator[DeployedTask]:
        """Deployed tasks by name, each in its latest version.

        Raises
        ------
        StorageError
            If the registry cannot be read.
        """
        return itertools.islice(_latest(by_task_name, by_task_env, project, domain), max(limit, 0))

    def _fetch(self) -> DeployedTask:
        return self._memory_of().keep(self._task_of(self._deployment(current_scope())))

    async def _fetch_async(self) -> DeployedTask:
        scope = current_scope()
        deployment = await asyncio.to_thread(self._deployment, scope)
        return self._memory_of().keep(self._task_of(deployment))

    fetch: ClassVar[BlockingCall[..., DeployedTask]] = BlockingCall(_fetch, _fetch_async)
    """The task itself, with `name`, `version` and `interface`; calls of this reference use it from now on.

    Raises
    ------
    RemoteTaskNotFoundError
        If there is none of that name and version.
    """

    def override(
        self,
        *,
        short_name: str | None = None,
        resources: Resources | None = None,
        retries: int | RetryStrategy | None = None,
        timeout: TimeoutType | None = None,
        env_vars: Mapping[str, str] | None = None,
        secrets: SecretsWanted | None = None,
        max_inline_io_bytes: int | None = None,
        cache: CacheRequest | None = None,
        queue: str | None = None,
        **unknown: Any,
    ) -> Task:
        """The same task with other options, for the calls made through what you get; overriding adds up.

        Raises
        ------
        RemoteTaskUsageError
            For an option that cannot be overridden, or a value that does not fit.

        Specification: *Remote tasks*.
        """
        given = {
            "short_name": short_name,
            "resources": resources,
            "retries": retries,
            "timeout": timeout,
            "env_vars": env_vars,
            "secrets": secrets,
            "max_inline_io_bytes": max_inline_io_bytes,
            "cache": cache,
            "queue": queue,
            **unknown,
        }
        changes = checked_changes(self.name, {name: value for name, value in given.items() if value is not None})
        variant = replace(self, changes=tuple({**dict(self.changes), **changes}.items()))
        object.__setattr__(variant, "_memory", self._memory_of())  # what was fetched was fetched for both
        return variant

    def __call__(self, *args: Any, **kwargs: Any) -> Coroutine[Any, Any, Any]:
        """Call the task inside a task; to be awaited."""
        scope = current_scope()
        if scope is None:
            raise RemoteTaskUsageError(
                f"Task {self.name!r} is deployed, and its code is not here: await it inside a task, or start it with"
                " flyte.run(task, ...)."
            )
        return self._called(scope, args, kwargs)

    async def aio(self, *args: Any, **kwargs: Any) -> Any:
        """As a plain call, which is awaited too."""
        return await self(*args, **kwargs)

    async def _called(self, scope: Scope, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        task = self._memory_of().known(scope.action.run)
        if task is None:
            task = self._memory_of().keep(
                self._task_of(await asyncio.to_thread(self._deployment, scope)), scope.action.run
            )
        return await scope.call_async(self.with_changes(task), args, kwargs)

    def resolved(self) -> EngineTask[Any, Any]:
        """The task with what was overridden, for a run of its own: the one that was fetched, else looked up now."""
        return self.with_changes(self._memory_of().known(None) or self._task_of(self._deployment(current_scope())))

    def with_changes(self, task: DeployedTask) -> EngineTask[Any, Any]:
        """`task` with what was overridden here."""
        return task.with_options(task.options.replaced(dict(self.changes))) if self.changes else task

    def _deployment(self, scope: Scope | None) -> Deployment:
        registry = Registry(told_registry() or current_runtime().registry)
        found = registry.find(self.name, self._wanted_version(scope))
        publication = found.publication
        for what, asked, has in (
            ("project", self.project, publication.project),
            ("domain", self.domain, publication.domain),
        ):
            if asked and has and asked != has:
                raise RemoteTaskNotFoundError(
                    f"Task {self.name!r} was deployed for the {what} {has!r}, and {asked!r} was asked for."
                )
        return found

    def _wanted_version(self, scope: Scope | None) -> str | None:
        if self.auto_version != "current":
            return self.version
        if scope is None:
            raise RemoteTaskUsageError(
                f"Task {self.name!r} was asked for in the 'current' version, that of the task which calls it, and no"
                " task runs here. Name a version=, or use auto_version='latest'."
            )
        version = scope.action.run.options.version
        if not version:
            raise RemoteTaskUsageError(
                f"Task {self.name!r} was asked for in the 'current' version, and the task that calls it was not"
                " deployed and its run has none. Start it with with_runcontext(version=...), or use"
                " auto_version='latest'."
            )
        return version

    def _task_of(self, deployment: Deployment) -> DeployedTask:
        from .._registry.task import DeployedTask

        return DeployedTask(self.name, deployment)

    def _memory_of(self) -> _Memory:
        memory: _Memory = self.__dict__["_memory"]
        return memory

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "_memory"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        object.__setattr__(self, "_memory", _Memory())

    def __repr__(self) -> str:
        return f"<remote task {self.name} {self.version or self.auto_version or 'latest'}>"


class _Memory:
    """What was looked up: once and for all by `fetch`, or for one run by a call."""

    def __init__(self) -> None:
        self._fetched: DeployedTask | None = None
        self._by_run: weakref.WeakKeyDictionary[Any, DeployedTask] = weakref.WeakKeyDictionary()

    def known(self, run: Any) -> DeployedTask | None:
        """What a call of `run` uses; None of one that has to look it up."""
        found = self._by_run.get(run) if run is not None else None
        return found or self._fetched

    def keep(self, task: DeployedTask, run: Any = None) -> DeployedTask:
        """Use `task` from now on, in a run or everywhere; the first of a run stays."""
        if run is not None:
            return self._by_run.setdefault(run, task)
        self._fetched = task
        return task


def _latest(
    by_name: str | None, by_environment: str | None, project: str | None, domain: str | None
) -> Iterator[DeployedTask]:
    from .._registry.task import DeployedTask

    registry = Registry(told_registry() or current_runtime().registry)
    for environment in sorted(registry.environments()):
        if by_environment is not None and environment != by_environment:
            continue
        try:
            deployment = registry.latest(environment)
        except RemoteTaskNotFoundError:
            continue
        publication = deployment.publication
        if (project and project != publication.project) or (domain and domain != publication.domain):
            continue
        for name in sorted(deployment.manifest.tasks):
            if by_name is None or by_name == name:
                yield DeployedTask(name, deployment)
