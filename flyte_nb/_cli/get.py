"""``flyte-nb get``: read runs."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from .._misfit import with_nearest
from ..models.phases import ActionPhase
from .commands import Commands, counted, output_option, print_json, write_file
from .exits import WrongUse
from .logs import logs
from .names import ACTION, RUN

if TYPE_CHECKING:
    from ..remote import Run

NOTHING_YET = "Nothing was run here yet. `flyte-nb run FILE TASK` starts a run, and so does `flyte.run` in a notebook."


@click.group(cls=Commands)
def get() -> None:
    """Show runs, actions, tasks, logs, reports, inputs and outputs."""


@get.command("run")
@click.argument("name", required=False, type=RUN)
@click.option("--phase", type=click.Choice([str(phase) for phase in ActionPhase]), help="Only runs in this phase.")
@click.option("--task", help="Only runs of this task.")
@click.option("--limit", default=20, show_default=True, type=click.IntRange(min=1), help="How many.")
@output_option
def get_run(name: str | None, phase: str | None, task: str | None, limit: int, as_json: bool) -> None:
    """One run by NAME, or the newest runs."""
    from ..remote import Run
    from .records import run_record
    from .tables import print_run, print_runs

    if name is not None:
        run = Run.get(name)
        print_json(run_record(run)) if as_json else print_run(run)
        return
    runs = list(Run.listall(in_phase=phase, task_name=task, limit=limit))
    if as_json:
        print_json([run_record(run) for run in runs])
    elif runs:
        print_runs(runs)
    else:
        click.echo("No run is like that." if phase or task else NOTHING_YET, err=True)
    total = _how_many(phase, task) if len(runs) == limit else 0
    if total > limit:
        click.echo(f"{counted(total - limit, 'older one')}; --limit {total} shows all.", err=True)


def _how_many(phase: str | None, task: str | None) -> int:
    """How many runs there are of a task in a phase; only the phase of each takes a look at it."""
    from .._journal import JournalReader
    from .._runtime.runtime import chosen_home
    from ..models.records import RunFilter
    from ..remote import Run

    if phase is not None:
        return len(list(Run.listall(in_phase=phase, task_name=task, limit=sys.maxsize)))
    return JournalReader(chosen_home().journal_path).find(RunFilter(task=task or ""), limit=0)[0]


@get.command("action")
@click.argument("run", type=RUN)
@click.argument("name", required=False, type=ACTION)
@output_option
def get_action(run: str, name: str | None, as_json: bool) -> None:
    """One action of RUN by NAME, or all of them as a tree."""
    from ..remote import Action, Run
    from ..remote.history import RunHistory
    from .records import action_record
    from .tables import print_action, print_tree

    if name is not None:
        details = Action.get(run, name).details()
        print_json(action_record(details)) if as_json else print_action(details, RunHistory(run).action(name))
    elif as_json:
        print_json([action_record(details) for details in Run.get(run).details().actions])
    else:
        print_tree(Run.get(run))


@get.command("task")
@click.argument("name", required=False)
@output_option
def get_task(name: str | None, as_json: bool) -> None:
    """Tasks that were run here, with their runs by phase; or one, by NAME."""
    from .._journal import JournalReader
    from .._runtime.runtime import chosen_home
    from .tables import print_tasks

    tasks = JournalReader(chosen_home().journal_path).tasks()
    if name is not None:
        known, tasks = tasks, [task for task in tasks if task.name == name]
        if not tasks:
            meant = with_nearest(name, [task.name for task in known])
            raise WrongUse(f"No run of a task {meant} is remembered. `flyte-nb get task` lists those there are.")
    if as_json:
        print_json([{"name": task.name, "runs": task.runs, "last_started_at": task.last_started_at} for task in tasks])
    elif tasks:
        print_tasks(tasks)
    else:
        click.echo(NOTHING_YET, err=True)


@get.command("report")
@click.argument("run", type=RUN)
@click.argument("action", required=False, type=ACTION)
@click.option("-o", "--output", help="File to write, or `json`; else the terminal.")
def get_report(run: str, action: str | None, output: str | None) -> None:
    """The report of ACTION, by default of the first one, as HTML."""
    from ..remote import Run

    found = Run.get(run)
    html = found.get_report(action)
    if not html:
        raise WrongUse(_where_reports_are(found, action))
    if output is None:
        click.echo(html)
    elif output == "json":
        print_json({"run": run, "action": action or "a0", "html": str(html)})
    else:
        write_file(Path(output), str(html))
        click.echo(f"Wrote {output} ({len(html):,} characters). It is untrusted HTML: it was made by the task's code.")


def _where_reports_are(run: Run, action: str | None) -> str:
    there = [f"{one.task_name} {one.name}" for one in run.details().actions if run.get_report(one.name)]
    others = f" These have one: {', '.join(there[:10])}." if there else ""
    return f"Action {action or 'a0'} of run {run.name!r} has no report.{others}"


@get.command("io")
@click.argument("run", type=RUN)
@click.argument("action", default="a0", type=ACTION)
@output_option
def get_io(run: str, action: str, as_json: bool) -> None:
    """Inputs and outputs of ACTION, by default of the first one."""
    from ..models.result_names import result_names
    from ..remote import Action

    details = Action.get(run, action).details()
    inputs, outputs = details.inputs(), details.outputs().named_outputs
    if as_json:
        print_json({"inputs": dict(inputs), "outputs": outputs})
        return
    for name, value in inputs.items():
        click.echo(f"in  {name} = {value!r}")
    names = result_names(outputs)
    for name, value in outputs.items():
        click.echo(f"out {names[name]} = {value!r}")
    if details.phase not in (ActionPhase.SUCCEEDED, ActionPhase.RECOVERED):
        click.echo(f"No result; the action's phase is {details.phase}.", err=True)


get.add_command(logs)
