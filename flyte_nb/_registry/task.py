"""A deployed task as the engine takes it: a task whose code is elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, ClassVar, Never

from .._task.options import TaskOptions
from .._task.task import Task
from ..errors import RemoteTaskUsageError
from .interface import DeployedInterface
from .manifest import Manifest, Publication
from .options import checked_changes, options_from_json
from .registry import Deployment

PLACE = "deployed"


@dataclass(frozen=True)
class DeployedCode:
    """What the digest of a deployed task's code covers: all that was deployed with it, whatever its version is called.

    Attributes
    ----------
    deployment : str
        Digest of the manifest.
    """

    deployment: str
    task: str


class DeployedTask(Task[..., Coroutine[Any, Any, Any]]):
    """A task of a deployment. Calling it runs the deployed code, in a process and an environment of its own.

    Parameters
    ----------
    name : str
        ``"environment.function"``.
    deployment : Deployment

    Attributes
    ----------
    version : str

    Examples
    --------
    >>> details = flyte.remote.Task.get("spark_env.analyze_data").fetch()
    >>> details.name, details.version
    ('spark_env.analyze_data', '3c1b0f6a92d4')

    Specification: *Remote tasks*.
    """

    place: ClassVar[str | None] = PLACE
    is_foreign: ClassVar[bool] = True

    def __init__(self, name: str, deployment: Deployment) -> None:
        self.deployment = deployment
        described = deployment.task(name)
        super().__init__(
            _stub(name, deployment, described.documentation), name=name, options=options_from_json(described.options)
        )
        self.generation = 0
        self.short_name: str = self.options.short_name or name.rpartition(".")[2]
        self._interface = DeployedInterface(name, described)

    @property
    def version(self) -> str:
        """The version that it is of."""
        return self.deployment.version

    @property
    def identity(self) -> str:
        """Its name with the digest of what was deployed."""
        return f"{self.name} {self.deployment.digest}"

    def override(self, **changes: Any) -> Task[..., Coroutine[Any, Any, Any]]:
        """See `flyte_nb.remote.Task.override`."""
        return self.with_options(self.options.replaced(checked_changes(self.name, changes)))

    def described(self) -> dict[str, str]:
        """See `Task.described`."""
        return {**self.options.describe(), "version": self.version, "registry": self.deployment.registry}

    def with_options(self, options: TaskOptions) -> Task[..., Coroutine[Any, Any, Any]]:
        """See `Task.with_options`."""
        variant = super().with_options(options)
        variant.short_name = options.short_name or self.name.rpartition(".")[2]
        return variant

    def __reduce_ex__(self, protocol: Any) -> Any:
        if self._declared is not None:
            return super().__reduce_ex__(protocol)
        deployment = self.deployment
        return _restored, (self.name, deployment.registry, deployment.publication, deployment.manifest)

    def __repr__(self) -> str:
        return f"<deployed task {self.name} {self.version}>"


def _restored(name: str, registry: str, publication: Publication, manifest: Manifest) -> DeployedTask:
    return DeployedTask(name, Deployment(registry, publication, manifest))


def _stub(name: str, deployment: Deployment, documentation: str) -> Callable[..., Coroutine[Any, Any, Any]]:
    async def deployed(*args: Any, **inputs: Any) -> Never:
        raise RemoteTaskUsageError(
            f"The code of {name!r} is not here. Call it inside a task, or start it: flyte.run(task, ...)."
        )

    function: Any = deployed
    function.__name__ = name.rpartition(".")[2]
    function.__qualname__ = name
    function.__doc__ = documentation or f"Deployed task {name}."
    function.__wrapped__ = DeployedCode(deployment.digest, name)  # what the digest of its code covers
    return function  # type: ignore[no-any-return]
