"""``flyte-nb deploy``: environments of a file, a folder or a notebook as versions in the registry; and away again."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import click

from .._task.environment import TaskEnvironment
from .commands import counted, output_option, print_json
from .exits import WrongUse
from .loading import load_module


@click.command()
@click.argument("path", type=click.Path(path_type=Path, exists=True))
@click.option("--version", help="By default made from the content.")
@click.option("--registry", help="Folder or address; by default the one of --config, or the home's.")
@click.option("--config", "config", type=click.Path(path_type=Path), help="Configuration file of the field's tools.")
@click.option("--project", help="Recorded.")
@click.option("--domain", help="Recorded.")
@click.option("--dry-run", is_flag=True, help="Look at everything, and publish nothing.")
@click.option("--compat", is_flag=True, help="Let `import flyte` in the code mean flyte_nb.")
@output_option
def deploy(path: Path, version: str | None, dry_run: bool, compat: bool, as_json: bool, **settings: Any) -> None:
    """Publish the environments of PATH: of a Python file, a notebook, or all Python files of a folder.

    Others call the tasks with flyte_nb.remote.Task.get("environment.function").
    """
    from .._runtime.deploying import deploy as publish
    from .._runtime.initialize import init_from_config

    if compat:
        from .. import compat as names

        names.install()
    config = settings.pop("config")
    init_from_config(config, **{name: value for name, value in settings.items() if value})
    deployed = publish(*_environments(path), version=version, dry_run=dry_run)
    if as_json:
        tasks = [name for environment in deployed for name in environment.tasks]
        print_json(
            {
                "version": deployed.version,
                "registry": deployed.registry,
                "dry_run": dry_run,
                "tasks": tasks,
                "files": list(deployed.files),
            }
        )
    else:
        click.echo(repr(deployed))


@click.command()
@click.argument("environment")
@click.argument("versions", nargs=-1, required=True)
@click.option("--registry", help="Folder or address; by default the one of --config, or the home's.")
@click.option("--config", type=click.Path(path_type=Path), help="Configuration file of the field's tools.")
def undeploy(environment: str, versions: tuple[str, ...], registry: str | None, config: Path | None) -> None:
    """Remove VERSIONS of a deployed ENVIRONMENT, and the code that no other version has.

    Who asks for one of them is told that there is none; runs that have called it can be looked at, and not resumed into
    it. Nobody may deploy into the registry meanwhile.
    """
    from .._registry.registry import Registry
    from .._runtime.initialize import init_from_config
    from .._runtime.runtime import current_runtime

    init_from_config(config, **({"registry": registry} if registry else {}))
    found = Registry(current_runtime().registry)
    for version in versions:
        count = found.remove(environment, version)
        click.echo(
            f"Removed version {version!r} of {environment!r}, and {counted(count, 'object')} that nothing else has."
        )


def _environments(path: Path) -> list[TaskEnvironment]:
    found: list[TaskEnvironment] = []
    for file in _files(path):
        for value in vars(load_module(file)).values():
            if isinstance(value, TaskEnvironment) and value.tasks and value not in found:
                found.append(value)
    if not found:
        raise WrongUse(f"{path} declares no environment with a task.")
    return found


def _files(path: Path) -> list[Path]:
    """A file itself; of a folder those that declare environments, which is told without running them."""
    if path.is_file():
        return [path]
    files = [file for file in sorted(path.glob("*.py")) if _mentions_environments(file)]
    if not files:
        raise WrongUse(f"No Python file in {path} declares a TaskEnvironment. Name a file or a notebook.")
    return files


def _mentions_environments(file: Path) -> bool:
    try:
        tree = ast.parse(file.read_bytes())
    except SyntaxError as error:
        raise WrongUse(f"{file} cannot be read: {error.msg} (line {error.lineno}).") from None
    names = (getattr(node, "attr", None) or getattr(node, "id", None) for node in ast.walk(tree))
    return "TaskEnvironment" in names
