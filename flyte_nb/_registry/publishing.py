"""From environments to a version of each in a registry."""

from __future__ import annotations

from dataclasses import dataclass, field

from .._task.environment import TaskEnvironment
from ..compat import is_installed
from ..errors import DeploymentError
from ..storage.store import checksum_of
from .describing import describe
from .manifest import DescribedTask, Manifest
from .registry import Registry
from .requirements import env_vars_of, requirements_of
from .source import source_of

LONGEST_VERSION = 200
DIGITS = 12


@dataclass(frozen=True)
class Bundle:
    """What is to be published: manifests, and the files of their code.

    Attributes
    ----------
    version : str
    """

    version: str
    manifests: tuple[Manifest, ...]
    files: dict[str, bytes] = field(repr=False)


def bundle_of(environments: tuple[TaskEnvironment, ...], version: str | None = None) -> Bundle:
    """Environments and those they depend on, ready to be published.

    Parameters
    ----------
    version : str, optional
        By default the beginning of a digest of everything that is published.

    Raises
    ------
    DeploymentError
        If there is nothing to publish, or something that others could not use.
    """
    wanted = _with_dependencies(environments)
    source = source_of(wanted)
    names = {_deployed_name(name, one): name for one in wanted for name in one.tasks}
    tasks = describe(source, list(names.values()), compat=is_installed())
    manifests = tuple(
        Manifest(
            environment=one.name,
            description=one.description or "",
            tasks={_deployed_name(name, one): tasks[name] for name in one.tasks},
            modules=tuple(source.modules),
            files=source.checksums(),
            requirements=requirements_of(one, source.libraries),
            env_vars=env_vars_of(one),
            compat=is_installed(),
        )
        for one in wanted
    )
    whole = b"".join(sorted(manifest.as_bytes() for manifest in manifests))
    return Bundle(
        _checked_version(version) if version is not None else checksum_of(whole)[:DIGITS], manifests, source.files
    )


def publish(bundle: Bundle, registry: Registry, *, project: str = "", domain: str = "") -> None:
    """Publish all of a bundle; doing it again changes nothing.

    Raises
    ------
    DeploymentError
        If its version exists with other content.
    """
    for manifest in bundle.manifests:
        registry.publish(manifest, bundle.files, bundle.version, project=project, domain=domain)


def described_tasks(bundle: Bundle) -> dict[str, DescribedTask]:
    """All tasks of a bundle by the names that others call them by."""
    return {name: task for manifest in bundle.manifests for name, task in manifest.tasks.items()}


def _with_dependencies(environments: tuple[TaskEnvironment, ...]) -> list[TaskEnvironment]:
    found: dict[str, TaskEnvironment] = {}
    waiting = list(environments)
    while waiting:
        one = waiting.pop(0)
        if not isinstance(one, TaskEnvironment):
            raise DeploymentError(
                f"deploy() takes environments, got {type(one).__name__}: {one!r:.80}. Give the TaskEnvironment of a"
                " task."
            )
        known = found.get(one.name)
        if known is not None and known is not one:
            raise DeploymentError(f"Two environments are called {one.name!r}. Call one of them something else.")
        if known is None:
            found[one.name] = one
            waiting += one.depends_on
    wanted = [one for one in found.values() if one.tasks]
    if not wanted:
        raise DeploymentError(
            f"There is nothing to deploy: {', '.join(map(repr, found)) or 'no environment was given, and it'} has no"
            " task. Declare some with @env.task first."
        )
    return wanted


def _deployed_name(name: str, environment: TaskEnvironment) -> str:
    return name if name.startswith(f"{environment.name}.") else f"{environment.name}.{name}"


def _checked_version(version: object) -> str:
    if not isinstance(version, str):
        raise DeploymentError(f"A version is a text such as 'v1.2.3', got {type(version).__name__}.")
    if not version.strip() or not version.isprintable() or len(version) > LONGEST_VERSION:
        raise DeploymentError(
            f"{version!r:.80} cannot be a version: it is 1 to {LONGEST_VERSION} characters that can be printed."
        )
    return version
