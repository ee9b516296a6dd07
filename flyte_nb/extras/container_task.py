"""A task whose work is done by a container, in whatever language."""

from __future__ import annotations

from collections.abc import Callable, Collection, Coroutine, Mapping, Sequence
from typing import Any, ClassVar, Literal, TypedDict, Unpack

from .._public import public
from .._task.cache import CacheRequest
from .._task.image import Image
from .._task.invocation import active_invoker
from .._task.link import Link
from .._task.messages import got
from .._task.options import TaskOptions, read_options
from .._task.pod_template import PodTemplate
from .._task.registry import register
from .._task.resources import Resources
from .._task.retries import RetryStrategy
from .._task.reuse import ReusePolicy
from .._task.secret import SecretsWanted
from .._task.task import Task
from .._task.timeout import TimeoutType
from ..backends.containers.control import run_on_thread
from .container_run import ContainerRun
from .interface import ContainerInterface
from .recipe import ContainerRecipe, image_reference, words


class ContainerOptions(TypedDict, total=False):
    """Options that a container task has in common with every task."""

    short_name: str
    resources: Resources
    cache: CacheRequest
    retries: int | RetryStrategy
    timeout: TimeoutType
    reusable: ReusePolicy
    env_vars: Mapping[str, str]
    secrets: SecretsWanted
    service_account: str
    max_inline_io_bytes: int
    pod_template: PodTemplate | str
    queue: str
    interruptible: bool
    links: Link | tuple[Link, ...] | list[Link]
    plugin_config: Any
    report: bool
    docs: Any
    triggers: Any
    entrypoint: bool


@public
class ContainerTask(Task[..., Coroutine[Any, Any, Any]]):
    """A task that runs a command in a container; the image needs neither Python nor this package.

    Its inputs are files in `input_data_dir`, which the container cannot write to, and may be named in its command.
    What it writes to `output_data_dir`, a file or folder for each output, is what the task returns.

    Parameters
    ----------
    name : str
    image : str or Image
        An image that exists; it is pulled if it is not here.
    command : list of str
        The program, which takes the place of the image's entry point, and its arguments. ``{{.inputs.x}}`` stands for
        the value of input ``x`` (for a `File` or `Dir`, its path in the container) and is passed as it is: only a
        shell that you call yourself would interpret it. Empty: the image's own entry point.
    inputs, outputs : dict of str to type
        Texts, numbers, truths, moments, durations, `File`, `Dir`, dataclasses, Pydantic models, and lists and dicts
        of these. The task returns nothing, the value, or a tuple of several in their order.
    arguments : list of str, optional
        More arguments, after those of `command`.
    input_data_dir, output_data_dir : str
        Absolute paths in the container.
    metadata_format : {"JSON", "YAML", "PROTO"}
        How structures are written and read, and the file ``inputs.json`` (``.yaml``, ``.pb``) that holds all inputs.
    local_logs : bool
        Whether what the container prints also appears in the cell; it is in the action's log either way.
    network : str, optional
        The engine's network; ``"none"`` cuts the container off. By default the engine's default.
    **options
        `resources` (memory, cpu, gpu, shm, and disk for all that it writes, 5 GiB unless said), `cache`, `retries`,
        `timeout`, `env_vars`, `secrets`, `short_name`, `links`, `queue` and the others of a task.

    Raises
    ------
    TypeError, ValueError
        For anything that cannot be; it names the task and what to write instead.

    Examples
    --------
    >>> greet = ContainerTask(
    ...     name="greet",
    ...     image="alpine:3.18",
    ...     inputs={"name": str},
    ...     outputs={"greeting": str},
    ...     command=["/bin/sh", "-c", 'echo "Hello $1" > /var/outputs/greeting', "sh", "{{.inputs.name}}"],
    ... )
    >>> await greet(name="Ada")
    'Hello Ada'

    Specification: *Container tasks*.
    """

    place: ClassVar[str] = "container"

    def __init__(
        self,
        name: str,
        image: str | Image,
        command: Sequence[str] | None,
        inputs: Mapping[str, Any] | None = None,
        arguments: Sequence[str] | None = None,
        outputs: Mapping[str, Any] | None = None,
        input_data_dir: str = "/var/inputs",
        output_data_dir: str = "/var/outputs",
        metadata_format: Literal["JSON", "YAML", "PROTO"] = "JSON",
        local_logs: bool = True,
        network: str | None = None,
        **options: Unpack[ContainerOptions],
    ) -> None:
        recipe = ContainerRecipe(
            name=_checked_name(name),
            image=image_reference(name, image),
            command=words(name, "command", command),
            arguments=words(name, "arguments", arguments),
            inputs=dict(inputs or {}),
            outputs=dict(outputs or {}),
            input_data_dir=input_data_dir,
            output_data_dir=output_data_dir,
            metadata_format=metadata_format,
            network=network,
        )
        for option in options:
            if option not in ContainerOptions.__annotations__:
                raise TypeError(
                    f"Container task {name!r}: there is no option {option!r}. There is"
                    f" {', '.join(ContainerOptions.__annotations__)}."
                )
        settings = TaskOptions(image=Image.from_base(recipe.image)).replaced(read_options(options.items()))
        self._recipe = recipe
        self._local_logs = local_logs
        super().__init__(self._function(settings), name=name, options=settings)
        self._interface = ContainerInterface(recipe)
        if active_invoker.get() is None:
            register(self)

    def __getstate__(self) -> dict[str, Any]:
        return {
            "recipe": self._recipe,
            "local_logs": self._local_logs,
            "options": self.options,
            "environment": self.environment,
        }

    def __setstate__(self, state: dict[str, Any]) -> None:
        self._recipe = state["recipe"]
        self._local_logs = state["local_logs"]
        options = state["options"]
        super().__setstate__(
            {
                "func": self._function(options),
                "name": self._recipe.name,
                "options": options,
                "environment": state["environment"],
            }
        )
        self._interface = ContainerInterface(self._recipe)

    def __repr__(self) -> str:
        return f"<container task {self.name}>"

    def _input_names(self) -> Collection[str]:
        return self._recipe.inputs

    def with_options(self, options: TaskOptions) -> ContainerTask:
        """See `Task.with_options`."""
        variant: ContainerTask = super().with_options(options)  # type: ignore[assignment]
        variant.func = self._function(options)
        return variant

    def _function(self, options: TaskOptions) -> Callable[..., Coroutine[Any, Any, Any]]:
        interface = ContainerInterface(self._recipe)
        run = ContainerRun(self._recipe, options, self._local_logs)

        async def in_container(*args: Any, **inputs: Any) -> Any:
            values = interface.bind(args, inputs)
            return await run_on_thread(lambda control: run(values, control))

        function: Any = in_container
        function.__name__ = self._recipe.name
        function.__doc__ = f"Run {self._recipe.image} with {self._recipe.command}."
        function.__signature__ = interface.signature_of_call()
        function.__wrapped__ = self._recipe  # what the digest of its code covers
        return function  # type: ignore[no-any-return]


def _checked_name(name: object) -> str:
    if not isinstance(name, str):
        raise TypeError(f"ContainerTask: expected a name as text, {got(name)}.")
    if not name.strip() or not name.isprintable():
        raise ValueError(f"ContainerTask: {name!r} cannot be a name. Give one such as 'run_blast'.")
    return name
