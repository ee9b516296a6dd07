"""`flyte.deploy`: environments become versions in the registry."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, overload

from .._aio import AwaitedAsItself, with_aio
from .._misfit import refuse_unknown
from .._registry.registry import Registry
from .runtime import current_runtime, current_settings

if TYPE_CHECKING:
    from .._registry.publishing import Bundle
    from .._task.environment import TaskEnvironment

# Accepted because code for hosted clusters says them; without effect here.
_HOSTED_ONLY = frozenset({"interactive_mode", "copy_style"})


class DeployedEnvironment(AwaitedAsItself):
    """An environment that was deployed.

    Attributes
    ----------
    name, version : str
    tasks : tuple of str
        Names that `flyte_nb.remote.Task.get` takes.
    """

    def __init__(self, name: str, version: str, tasks: tuple[str, ...]) -> None:
        self.name = name
        self.version = version
        self.tasks = tasks

    def __repr__(self) -> str:
        return f"<deployed {self.name} {self.version}: {', '.join(self.tasks)}>"


class Deployed(AwaitedAsItself, Sequence[DeployedEnvironment]):
    """What `deploy` published.

    Attributes
    ----------
    version : str
    registry : str
        Address.
    dry_run : bool
        Whether nothing was published.
    files : tuple of str
        Paths of the code.
    """

    def __init__(self, bundle: Bundle, registry: str, *, dry_run: bool) -> None:
        self.version = bundle.version
        self.registry = registry
        self.dry_run = dry_run
        self.files = tuple(sorted(bundle.files))
        self._environments = tuple(
            DeployedEnvironment(manifest.environment, bundle.version, tuple(manifest.tasks))
            for manifest in bundle.manifests
        )

    @overload
    def __getitem__(self, index: int) -> DeployedEnvironment: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[DeployedEnvironment]: ...
    def __getitem__(self, index: Any) -> Any:
        return self._environments[index]

    def __len__(self) -> int:
        return len(self._environments)

    def __iter__(self) -> Iterator[DeployedEnvironment]:
        return iter(self._environments)

    def __repr__(self) -> str:
        head = f"{'Would deploy' if self.dry_run else 'Deployed'} version {self.version} to {self.registry}"
        names = [name for environment in self for name in environment.tasks]
        return "\n".join([f"{head}:", *(f"  {name}" for name in names), f"with {', '.join(self.files)}"])


@with_aio(in_thread=True)
def deploy(*envs: TaskEnvironment, dry_run: bool = False, version: str | None = None, **hosted_only: Any) -> Deployed:
    """Publish the tasks of environments, so that others can call them by name.

    What is published is the source of the modules that they are in and of the user's modules that these import, what
    the tasks take and give, and the packages that the environment's image names. Environments in ``depends_on=`` go
    along.

    Parameters
    ----------
    *envs : TaskEnvironment
    dry_run : bool
        Look at everything, and publish nothing.
    version : str, optional
        A version stays as it is for ever. By default it is made from the content, so that the same content is the same
        version.
    **hosted_only
        Known from hosted clusters; without effect here.

    Raises
    ------
    DeploymentError
        If the code cannot be imported alone, or that version exists with other content; it says what to do.
    TypeError
        For a parameter that nobody knows.

    Examples
    --------
    >>> flyte.deploy(env, version="v1.2.3")

    Specification: *Remote tasks*.
    """
    from .._registry.publishing import bundle_of, publish

    refuse_unknown(deploy, hosted_only, _HOSTED_ONLY)
    runtime, settings = current_runtime(), current_settings()
    bundle = bundle_of(envs, version)
    if not dry_run:
        publish(bundle, Registry(runtime.registry), project=settings.project, domain=settings.domain)
    return Deployed(bundle, runtime.registry, dry_run=dry_run)
