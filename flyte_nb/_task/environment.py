"""Tasks that share a name, an image, and whatever else they do not say for themselves."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, ParamSpec, TypedDict, TypeVar, Unpack, overload

from .._misfit import with_nearest
from .._public import public
from ..models.text import checked_text
from .cache import DISABLE_UNLESS_SAID, CacheRequest, Unsaid, as_cache
from .function_check import check_function
from .image import Image, as_image
from .link import Link
from .messages import got
from .options import DEFAULT_MAX_INLINE_IO_BYTES, TaskOptions, read_options
from .pod_template import PodTemplate
from .registry import register
from .resources import Resources
from .retries import RetryStrategy
from .reuse import ReusePolicy
from .secret import SecretsWanted
from .task import Task
from .timeout import TimeoutType

P = ParamSpec("P")
R = TypeVar("R")


class TaskSettings(TypedDict, total=False):
    """Keywords of `TaskEnvironment.task`."""

    short_name: str | None
    cache: CacheRequest | None
    retries: int | RetryStrategy
    timeout: TimeoutType
    docs: Any
    pod_template: PodTemplate | str | None
    report: bool
    interruptible: bool | None
    max_inline_io_bytes: int
    queue: str | None
    service_account: str | None
    triggers: Any
    links: Link | tuple[Link, ...] | list[Link]
    entrypoint: bool


@public
class TaskEnvironment:
    """A named group of tasks with common settings.

    What an environment says holds for each of its tasks unless the task, or an override, says otherwise.

    Parameters
    ----------
    name : str
        First half of its tasks' names.
    depends_on : sequence of TaskEnvironment
        Environments whose tasks its own call; told to `deploy`, without effect on a run here.
    description : str, optional
    secrets : str, Secret or list, optional
    env_vars : dict of str to str, optional
        Set while a task runs, for its own code and not for what it calls. A sync task on a thread shares them with
        what runs in the process meanwhile; in a worker process it does not.
    resources : Resources, optional
    cache : {"auto", "override", "disable"} or Cache
        Left out, the runtime's default counts, which is "disable" unless `init` says otherwise.
    queue : str, optional
        Where its tasks run; a name given to ``init(queues=...)``.
    plugin_config : object, optional
    reusable : ReusePolicy, optional
        How long worker processes stay, and how many there are.
    pod_template, interruptible, image, include, service_account : optional
        For a hosted cluster. Kept with the run, without effect here.

    Attributes
    ----------
    tasks : dict of str to Task
        By full name, in the order of their declaration.

    Raises
    ------
    TypeError, ValueError
        For a name or setting that cannot be.

    Examples
    --------
    >>> env = TaskEnvironment("etl", env_vars={"REGION": "eu"})
    >>> @env.task
    ... async def main(days: int) -> int: ...

    Specification: *Build tasks*.
    """

    def __init__(
        self,
        name: str,
        depends_on: Sequence[TaskEnvironment] = [],
        pod_template: PodTemplate | str | None = None,
        description: str | None = None,
        secrets: SecretsWanted | None = None,
        env_vars: Mapping[str, str] | None = None,
        resources: Resources | None = None,
        interruptible: bool = False,
        image: str | Image = "auto",
        include: Sequence[str | Path] = (),
        service_account: str | None = None,
        cache: CacheRequest = DISABLE_UNLESS_SAID,
        reusable: ReusePolicy | None = None,
        plugin_config: Any = None,
        queue: str | None = None,
    ) -> None:
        self.name: str = _checked_name(name)
        self.description = description
        self.pod_template = pod_template
        self.secrets = secrets
        self.env_vars = env_vars
        self.resources = resources
        self.interruptible = interruptible
        self.image = image
        self.include: tuple[str | Path, ...] = tuple(include)
        self.service_account = service_account
        self.cache = cache
        self.reusable = reusable
        self.plugin_config = plugin_config
        self.queue = queue
        self.depends_on: list[TaskEnvironment] = []
        self.tasks: dict[str, Task[Any, Any]] = {}
        self.add_dependency(*depends_on)
        self._common = self._common_options()

    @overload
    def task(self, func: Callable[P, R], **settings: Unpack[TaskSettings]) -> Task[P, R]: ...
    @overload
    def task(self, func: None = None, **settings: Unpack[TaskSettings]) -> Callable[[Callable[P, R]], Task[P, R]]: ...
    def task(
        self,
        func: Callable[..., Any] | None = None,
        *,
        short_name: str | None = None,
        cache: CacheRequest | None = None,
        retries: int | RetryStrategy = 0,
        timeout: TimeoutType = 0,
        docs: Any = None,
        pod_template: PodTemplate | str | None = None,
        report: bool = False,
        interruptible: bool | None = None,
        max_inline_io_bytes: int = DEFAULT_MAX_INLINE_IO_BYTES,
        queue: str | None = None,
        service_account: str | None = None,
        triggers: Any = (),
        links: Link | tuple[Link, ...] | list[Link] = (),
        entrypoint: bool = False,
    ) -> Any:
        """Make a function a task; as a decorator bare, or with settings.

        Declaring a task of the same name again replaces the earlier one.

        Parameters
        ----------
        func : callable, optional
            A function, async or not, with every input and output annotated.
        short_name : str, optional
            What its actions are called instead of the function's name.
        cache : {"auto", "override", "disable"} or Cache, optional
        retries : int or RetryStrategy
        timeout : Timeout, seconds, timedelta or str
            Zero is no limit.
        report : bool
            Whether its actions have a report.
        max_inline_io_bytes : int
            The most that inputs and outputs passed by value may take.
        queue : str, optional
        links : Link or sequence of Link
        docs, pod_template, interruptible, service_account, triggers, entrypoint : optional
            Kept with the run, without effect here.

        Raises
        ------
        TypeError
            If `func` cannot be a task, or a setting has the wrong type.
        ValueError
            For a setting that cannot be.

        Specification: *Build tasks*.
        """
        given = {
            "short_name": short_name,
            "cache": cache,
            "retries": retries,
            "timeout": timeout,
            "docs": docs,
            "pod_template": pod_template,
            "report": report,
            "interruptible": interruptible,
            "max_inline_io_bytes": max_inline_io_bytes,
            "queue": queue,
            "service_account": service_account,
            "triggers": triggers,
            "links": links,
            "entrypoint": entrypoint,
        }
        options = self._common.replaced(read_options(given.items()))

        @public
        def declare(function: Callable[..., Any]) -> Task[Any, Any]:
            if isinstance(function, Task):
                raise TypeError(f"{function.name!r} is a task already. Decorate its function, {function.name}.func.")
            check_function(function)
            task: Task[Any, Any] = Task(
                function, name=f"{self.name}.{function.__name__}", options=options, environment=self
            )
            self.tasks[task.name] = task
            register(task)
            return task

        return declare(func) if func is not None else declare

    def add_dependency(self, *environments: TaskEnvironment) -> None:
        """Say that tasks of `environments` are called from here.

        Raises
        ------
        TypeError
            If one of them is no environment.
        ValueError
            If it is this one.
        """
        for other in environments:
            if not isinstance(other, TaskEnvironment):
                hint = " Give its environment." if isinstance(other, Task) else ""
                raise TypeError(
                    f"Environment {self.name!r}: depends_on takes environments, got"
                    f" {type(other).__name__}: {other!r}.{hint}"
                )
            if other is self:
                raise ValueError(f"Environment {self.name!r} cannot depend on itself.")
            if other not in self.depends_on:
                self.depends_on.append(other)

    def clone_with(self, name: str, **changes: Any) -> TaskEnvironment:
        """A new environment with the same settings, some of them changed, and no tasks.

        Raises
        ------
        TypeError
            For a setting that nobody knows.

        Examples
        --------
        >>> big = env.clone_with("big", resources=Resources(memory="16Gi"))

        Specification: *Build tasks*.
        """
        for setting in changes:
            if setting not in _SETTINGS:
                raise TypeError(
                    f"Environment {self.name!r}: clone_with() knows no setting {with_nearest(setting, _SETTINGS)}."
                    f" It knows {', '.join(_SETTINGS)}."
                )
        return TaskEnvironment(name, **{setting: getattr(self, setting) for setting in _SETTINGS} | changes)

    @classmethod
    def from_task(
        cls, name: str, *tasks: Task[Any, Any], depends_on: Sequence[TaskEnvironment] | None = None
    ) -> TaskEnvironment:
        """An environment around tasks that exist already, such as container tasks.

        Tasks without an environment of their own become part of this one; their names stay as they are.

        Raises
        ------
        TypeError
            If one of them is no task.
        ValueError
            If there is none.

        Specification: *Container tasks*.
        """
        if not tasks:
            raise ValueError(f"Environment {name!r}: from_task() needs at least one task.")
        environment = cls(name, depends_on=depends_on or [])
        for task in tasks:
            if not isinstance(task, Task):
                raise TypeError(f"Environment {name!r}: from_task() takes tasks, {got(task)}.")
            if task.environment is None:
                task.environment = environment
            environment.tasks[task.name] = task
        return environment

    def __repr__(self) -> str:
        return f"TaskEnvironment({self.name!r}, tasks={sorted(self.tasks)})"

    def __getstate__(self) -> dict[str, Any]:
        """All but the tasks: each brings itself along when it is carried, and none that nobody refers to."""
        return {**self.__dict__, "tasks": {}}

    def _common_options(self) -> TaskOptions:
        given = {
            "resources": self.resources,
            "cache": None if isinstance(self.cache, Unsaid) else as_cache(self.cache),
            "reusable": self.reusable,
            "env_vars": self.env_vars,
            "secrets": self.secrets,
            "service_account": self.service_account,
            "pod_template": self.pod_template,
            "queue": self.queue,
            "interruptible": self.interruptible,
            "plugin_config": self.plugin_config,
        }
        return TaskOptions(image=as_image(self.image)).replaced(read_options(given.items()))


_SETTINGS = (
    "depends_on",
    "pod_template",
    "description",
    "secrets",
    "env_vars",
    "resources",
    "interruptible",
    "image",
    "include",
    "service_account",
    "cache",
    "reusable",
    "plugin_config",
    "queue",
)


def _checked_name(name: object) -> str:
    if not isinstance(name, str):
        raise TypeError(f"TaskEnvironment: expected a name as text, {got(name)}.")
    if not name:
        raise ValueError("TaskEnvironment: the name is empty. Give one such as 'etl'.")
    if any(sign in "./\\\0" or sign.isspace() for sign in name):
        raise ValueError(
            f"TaskEnvironment: the name {name!r} has a dot, slash or blank in it; in a task's name a dot"
            " parts the environment from the function. Use letters, digits, hyphens and underscores."
        )
    return checked_text(name, "TaskEnvironment: the name")
