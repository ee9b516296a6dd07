"""A function that a run turns into an action."""

from __future__ import annotations

import functools
import inspect
import itertools
from collections.abc import Callable, Collection, Coroutine
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Never, ParamSpec, TypeVar, overload

from .._code.digest import code_digest
from .._code.redefined import know_names, names_used_by
from .._misfit import with_nearest
from .._public import ends_tracebacks, hand_over, public
from .function_check import check_ignored_inputs
from .invocation import active_invoker
from .options import read_options
from .reference import place_of, task_at

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..types.interface import Interface
    from .cache import Cache, CacheRequest
    from .environment import TaskEnvironment
    from .link import Link
    from .options import TaskOptions
    from .pod_template import PodTemplate
    from .resources import Resources
    from .retries import RetryStrategy
    from .reuse import ReusePolicy
    from .secret import SecretsWanted
    from .timeout import TimeoutType

P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T")

_generations = itertools.count(1)


def next_generation() -> int:
    """What is higher than the generation of all tasks so far, and lower than that of all to come."""
    return next(_generations)


OVERRIDABLE = (
    "short_name",
    "resources",
    "cache",
    "retries",
    "timeout",
    "reusable",
    "env_vars",
    "secrets",
    "service_account",
    "max_inline_io_bytes",
    "pod_template",
    "queue",
    "interruptible",
    "links",
    "plugin_config",
)


@public
class Task(Generic[P, R]):
    """A function that runs as an action when a run calls it, and as itself elsewhere.

    Made with the decorator `TaskEnvironment.task`.

    Parameters
    ----------
    func : callable
    name : str
        ``"environment.function"``.
    options : TaskOptions
    environment : TaskEnvironment, optional

    Attributes
    ----------
    short_name : str
        What an action of it is called: the function's name unless said otherwise.
    is_async : bool
        Whether calling it gives something to await.
    generation : int
        Counts declarations in this process, a later one is higher; 0 for a task carried here by value, and for one
        that a running task made: its name stands for no other.
    carried_digest : str
        The digest of its code where it was carried here from; empty if it was not.
    place : str or None
        The back-end of all tasks of this kind; None leaves it to the engine.
    is_foreign : bool
        Whether its code is not that of this process: it runs in its own place only, and secrets are looked up there.

    Examples
    --------
    >>> @env.task(retries=2)
    ... async def double(x: int) -> int:
    ...     return 2 * x
    >>> double.name
    'etl.double'

    Specification: *Build tasks*.
    """

    place: ClassVar[str | None] = None
    is_foreign: ClassVar[bool] = False

    def __init__(
        self,
        func: Callable[P, R],
        *,
        name: str,
        options: TaskOptions,
        environment: TaskEnvironment | None = None,
    ) -> None:
        self._describe_as(func, name, options, environment)
        self._check_cache(options.cache)
        self.generation: int = next_generation() if active_invoker.get() is None else 0

    @ends_tracebacks
    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        invoker = active_invoker.get()
        try:
            if invoker is None:
                return self.func(*args, **kwargs)
            return invoker.call(self, args, kwargs)  # type: ignore[no-any-return]
        except Exception as error:
            hand_over(error, self.func if invoker is None else None, args, kwargs)
            raise

    @overload
    def aio(self: Task[P, Coroutine[Any, Any, T]], *args: P.args, **kwargs: P.kwargs) -> Coroutine[Any, Any, T]: ...
    @overload
    def aio(self, *args: P.args, **kwargs: P.kwargs) -> Coroutine[Any, Any, R]: ...
    @ends_tracebacks
    def aio(self, *args: Any, **kwargs: Any) -> Coroutine[Any, Any, Any]:
        """Call the task to await its result, whether its function is async or not.

        Outside a run a function that is not async runs on a thread.
        """
        invoker = active_invoker.get()
        if invoker is not None:
            return invoker.call_async(self, args, kwargs)
        func: Callable[..., Any] = self.func
        try:
            return func(*args, **kwargs) if self.is_async else _on_thread(func, args, kwargs)
        except Exception as error:
            hand_over(error, func, args, kwargs)
            raise

    @ends_tracebacks
    def forward(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Call the plain function: no action, no record, also inside a run."""
        try:
            return self.func(*args, **kwargs)
        except Exception as error:
            hand_over(error, self.func, args, kwargs)
            raise

    def override(
        self,
        *,
        short_name: str | None = None,
        resources: Resources | None = None,
        cache: CacheRequest | None = None,
        retries: int | RetryStrategy | None = None,
        timeout: TimeoutType | None = None,
        reusable: ReusePolicy | None = None,
        env_vars: Mapping[str, str] | None = None,
        secrets: SecretsWanted | None = None,
        service_account: str | None = None,
        max_inline_io_bytes: int | None = None,
        pod_template: PodTemplate | str | None = None,
        queue: str | None = None,
        interruptible: bool | None = None,
        links: Link | tuple[Link, ...] | list[Link] | None = None,
        plugin_config: Any = None,
        **unknown: Never,
    ) -> Task[P, R]:
        """The same task with other options, for the calls made through what you get.

        The task itself stays as it is; overriding what was overridden adds up. None leaves an option
        alone, and a value replaces the earlier one altogether.

        Raises
        ------
        TypeError
            For an option that nobody knows, or a value of the wrong type.
        ValueError
            For a value that cannot be.

        Examples
        --------
        >>> await train.override(short_name="train on all", retries=5, timeout="2h")(rows)

        Specification: *Remote tasks*, *Links*, *Error handling*.
        """
        if unknown:
            raise TypeError(
                f"Task {self.name!r}: override() knows no option {with_nearest(next(iter(unknown)), OVERRIDABLE)}."
                f" It knows {', '.join(OVERRIDABLE)}."
            )
        given = (
            short_name, resources, cache, retries, timeout, reusable, env_vars, secrets, service_account,
            max_inline_io_bytes, pod_template, queue, interruptible, links, plugin_config,
        )  # fmt: skip
        changes = read_options(zip(OVERRIDABLE, given, strict=True))
        if cache is not None:
            self._check_cache(changes["cache"])
        return self.with_options(self.options.replaced(changes))

    @property
    def identity(self) -> str:
        """What tells it from other tasks in a run: its name."""
        return self.name

    @property
    def declared(self) -> Task[P, R]:
        """The task without overrides."""
        return self._declared or self

    @property
    def interface(self) -> Interface:
        """Names and types of inputs and outputs.

        Raises
        ------
        TypeError
            If the signature cannot be that of a task.
        """
        declared = self._declared or self
        if declared._interface is None:
            from ..types.interface import Interface

            declared._interface = Interface.from_function(declared.func, declared.name, declared._hints)
        return declared._interface

    @property
    def native_interface(self) -> Interface:
        """Names and types of inputs and outputs."""
        return self.interface

    def __repr__(self) -> str:
        return f"<{'async ' if self.is_async else ''}task {self.name}>"

    def __reduce_ex__(self, protocol: Any) -> Any:
        if self._declared is not None:
            return _variant, (self._declared, self.options)
        place = place_of(self)
        return (task_at, place) if place is not None else super().__reduce_ex__(protocol)

    def __getstate__(self) -> dict[str, Any]:
        return {
            "func": self.func,
            "name": self.name,
            "options": self.options,
            "environment": self.environment,
            "hints": (hints := self._carried_hints()),
            "digest": self.carried_digest or code_digest(self.func),
            "names": names_used_by((hints or getattr(self.func, "__annotations__", {})).values()),
        }

    def __setstate__(self, state: dict[str, Any]) -> None:
        know_names(state.pop("names", {}))
        self._describe_as(**state)
        self.generation = 0
        if self.environment is not None:
            self.environment.tasks[self.name] = self

    def _describe_as(
        self,
        func: Callable[P, R],
        name: str,
        options: TaskOptions,
        environment: TaskEnvironment | None,
        hints: dict[str, Any] | None = None,
        digest: str = "",
    ) -> None:
        functools.update_wrapper(self, func, updated=())
        self.func = func
        self.name = name
        self.options = options
        self.short_name: str = options.short_name or func.__name__
        self.environment = environment
        self.is_async: bool = inspect.iscoroutinefunction(func)
        self.carried_digest = digest
        self._hints = hints
        self._interface: Interface | None = None
        self._declared: Task[P, R] | None = None

    def _carried_hints(self) -> dict[str, Any] | None:
        from ..types.interface import carried_hints

        return self._hints or carried_hints(self.func)

    def _check_cache(self, cache: Cache | None) -> None:
        if cache is not None and cache.ignored_inputs:
            check_ignored_inputs(self.func.__name__, self._input_names(), cache)

    def _input_names(self) -> Collection[str]:
        return inspect.signature(self.func).parameters

    def described(self) -> dict[str, str]:
        """What is recorded with its actions; see `TaskOptions.describe`."""
        return self.options.describe()

    def with_options(self, options: TaskOptions) -> Task[P, R]:
        """The same task with exactly these options."""
        variant: Task[P, R] = object.__new__(type(self))
        variant.__dict__.update(self.__dict__)
        variant.options = options
        variant.short_name = options.short_name or self.func.__name__
        variant._declared = self._declared or self
        return variant

    def become(self, other: Task[P, R]) -> None:
        """Be `other` from now on, with the options of this one where they were overridden."""
        options = other.options if self._declared is None else self.options
        self.__dict__.update(vars(other.with_options(options)))


@public
async def _on_thread(func: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    from asyncio import to_thread

    return await to_thread(func, *args, **kwargs)


def _variant(declared: Task[P, R], options: TaskOptions) -> Task[P, R]:
    return declared.with_options(options)
