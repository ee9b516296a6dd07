"""``flyte-nb run FILE TASK --input value``: options come from the task's signature."""

from __future__ import annotations

import inspect
from functools import cached_property
from pathlib import Path
from typing import Any

import click

from .._misfit import with_nearest
from .._task.task import Task
from .commands import Commands, output_option
from .exits import WrongUse
from .following import follow_to_its_end
from .loading import LoadedTasks, load_tasks
from .parameters import options_of, typed_values


class Files(Commands):
    """Files and notebooks as commands, whose commands are the tasks in them."""

    def get_command(self, context: click.Context, name: str) -> click.Command:
        if context.params.get("compat"):
            _use_compat()
        return Tasks(Path(name))

    def list_commands(self, context: click.Context) -> list[str]:
        return sorted(str(path) for pattern in ("*.py", "*.ipynb") for path in Path().glob(pattern))

    def format_commands(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        """Nothing: what files there are, the shell tells."""


class BehindFile(click.Command):
    """What is written behind FILE: an option of the run that stands here says where it belongs."""

    def parse_args(self, context: click.Context, args: list[str]) -> list[str]:
        try:
            return super().parse_args(context, args)
        except click.NoSuchOption as error:
            if not any(error.option_name in parameter.opts for parameter in run.params):
                raise
            raise click.UsageError(
                f"{error.option_name} is an option of the run and no input of a task: write it before the file, as in"
                f" `flyte-nb run {error.option_name} ... FILE TASK`.",
                context,
            ) from None


class Uncallable(click.Command):
    """A task that cannot be called as it is declared: asking for it says why."""

    def __init__(self, name: str, why: str) -> None:
        super().__init__(name, short_help=f"cannot be run: {why.partition(': ')[2]}", add_help_option=False)
        self._why = why

    def parse_args(self, context: click.Context, args: list[str]) -> list[str]:
        if context.resilient_parsing:
            return []
        raise WrongUse(self._why)


class Tasks(BehindFile, click.Group):
    """The tasks of a file as commands."""

    def __init__(self, path: Path) -> None:
        super().__init__(str(path), subcommand_metavar="TASK [INPUTS]...", help=f"Tasks of {path}.")
        self.path = path

    @cached_property
    def loaded(self) -> LoadedTasks:
        """The tasks, and what kept others from being loaded."""
        return load_tasks(self.path)

    def list_commands(self, context: click.Context) -> list[str]:
        return list(self.loaded.tasks)

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        tasks = self.loaded.tasks
        task = tasks.get(name) or next((task for task in tasks.values() if task.name == name), None)
        return _command_of(task, name, self.path) if task is not None else None

    def resolve_command(
        self, context: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if self.get_command(context, args[0]) is None:
            missing = self.loaded.missing.get(args[0].rpartition(".")[2])
            if missing is not None:
                raise WrongUse(f"{args[0]!r} cannot be run. {missing.details}")
            known = ", ".join(self.loaded.tasks) or "none"
            self.loaded.warn()
            asked = with_nearest(args[0], self.loaded.tasks)
            raise click.UsageError(f"{self.path} has no task {asked}; it has {known}.", context)
        if not context.resilient_parsing:
            self.loaded.warn()
        return super().resolve_command(context, args)

    def format_help(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        super().format_help(context, formatter)
        self.loaded.warn()


@click.command(cls=Files, subcommand_metavar="FILE TASK [INPUTS]...")
@click.option("--name", help="Name of the run, which no other run has; by default one is made.")
@click.option("--mode", help="Where tasks run, such as `process` or `dask`; as in `flyte.with_runcontext(mode=...)`.")
@click.option("--queue", help="Queue of the tasks that name none.")
@click.option("--project", help="Recorded with the run.")
@click.option("--domain", help="Recorded with the run.")
@click.option("--raw-data-path", help="Folder or address where large values are kept.")
@click.option(
    "--context", "custom_context", multiple=True, metavar="KEY=VALUE", help="Custom context; may be repeated."
)
@click.option("--env", "env_vars", multiple=True, metavar="KEY=VALUE", help="Environment variable; may be repeated.")
@click.option("--label", "labels", multiple=True, metavar="KEY=VALUE", help="Label; may be repeated.")
@click.option("--overwrite-cache", is_flag=True, help="Run cached tasks, and keep the new results.")
@click.option("--max-action-concurrency", type=click.IntRange(min=1), help="How many actions may run at once.")
@click.option("--compat", is_flag=True, is_eager=True, help="Let `import flyte` in the file mean flyte_nb.")
@output_option
@click.pass_context
def run(context: click.Context, /, **options: Any) -> None:
    """Run a TASK of a Python FILE or a notebook, and follow it to its end.

    `flyte-nb run FILE --help` lists the tasks, `flyte-nb run FILE TASK --help` the inputs of one. Of a notebook, the
    task and what it reaches are taken; its other cells are not run.

    The exit code tells how it ended: 0 succeeded, 1 failed, 2 wrong use or a file that cannot be loaded, 3 aborted,
    4 timed out, 130 interrupted.
    """


def _command_of(task: Task[Any, Any], name: str, path: Path) -> click.Command:
    def start(**_: Any) -> None:
        context = click.get_current_context()
        options = _run_options(context)
        as_json = options.pop("as_json")
        values = typed_values(task, context)
        follow_to_its_end(lambda: _start(task, values, options, path), as_json=as_json)

    try:
        interface = task.interface
    except TypeError as error:
        return Uncallable(name, str(error))
    help_names = ["-h"] if "help" in interface.inputs else ["-h", "--help"]
    return BehindFile(
        name,
        callback=start,
        params=options_of(task),
        help=f"{inspect.getdoc(task.func) or ''}\n\n\b\nReturns {interface.signature.rpartition(' -> ')[2]}.",
        short_help=(task.func.__doc__ or interface.signature).strip().partition("\n")[0],
        context_settings={"help_option_names": help_names},
    )


def _run_options(context: click.Context) -> dict[str, Any]:
    above = context.parent.parent if context.parent is not None else None
    options = dict(above.params) if above is not None else {"as_json": False}
    options.pop("compat", None)
    return options


def _start(task: Task[Any, Any], values: dict[str, Any], options: dict[str, Any], path: Path) -> Any:
    from .._runtime.source import started_from
    from .._start import with_runcontext

    for key in ("custom_context", "env_vars", "labels"):
        options[key] = dict(_pair(text) for text in options.get(key) or ())
    with started_from(path):
        return with_runcontext(**options).run(task, **values)


def _pair(text: str) -> tuple[str, str]:
    key, sign, value = text.partition("=")
    if not sign or not key:
        raise click.UsageError(f"Expected KEY=VALUE, got {text!r}.")
    return key, value


def _use_compat() -> None:
    from .. import compat

    compat.install()
