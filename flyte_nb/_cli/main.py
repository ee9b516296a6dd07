"""The commands of ``flyte-nb``."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from .._journal.home import ENVIRONMENT_VARIABLE
from .._misfit import with_nearest
from ..models.phases import ActionPhase
from .commands import Commands, counted, output_option, program
from .completion import completion
from .deploy import deploy, undeploy
from .exits import ExitCode, WrongUse
from .export import export
from .following import follow_to_its_end
from .get import get
from .loading import load_tasks, search_folders_for
from .logs import logs
from .names import ACTION, QUESTION, RUN
from .run import run

if TYPE_CHECKING:
    from .._journal.doctor import Findings

_BEGINNING = frozenset({"run", "deploy", "demo", "ui", "export", "completion"})
"""Commands that can be the first on a home; the others look for what is there."""


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="flyte-nb")
@click.option(
    "--home", type=click.Path(path_type=Path), help="Home folder; by default FLYTE_NB_HOME or the platform's."
)
@click.pass_context
def main(context: click.Context, home: Path | None) -> None:
    """Runs of flyte_nb: start them, look at them, stop them, take them up again."""
    if home is None:
        return
    if not home.expanduser().exists() and context.invoked_subcommand not in _BEGINNING:
        raise WrongUse(f"There is no home folder {home}. `{program()} --home {home} run FILE TASK` would make it.")
    os.environ[ENVIRONMENT_VARIABLE] = str(home)


main.add_command(get)
main.add_command(logs)
main.add_command(run)
main.add_command(export)
main.add_command(deploy)
main.add_command(undeploy)
main.add_command(completion)


@main.command()
@click.argument("run", type=RUN)
@click.argument("action", required=False, type=ACTION)
@click.option("--reason", default="Aborted from the command line.", help="What the history is told.")
def abort(run: str, action: str | None, reason: str) -> None:
    """Stop RUN, or one ACTION of it, whichever process drives it."""
    from ..remote import Action, Run

    found = Run.get(run) if action is None else Action.get(run, action)
    called = f"Run {run}" if action is None else f"Action {action} of run {run}"
    if found.done():
        click.echo(f"{called} has ended already: {found.phase}.")
        return
    found.abort(reason=reason)
    found.wait()
    aborted = found.phase == ActionPhase.ABORTED
    click.echo(f"{called} was aborted." if aborted else f"{called} had ended by then: {found.phase}.")


@main.command()
@click.argument("run", type=RUN)
@click.option("--file", type=click.Path(path_type=Path), help="Python file or notebook to take the code from.")
@click.option("--keep", multiple=True, metavar="TASK", help="Take its results whatever it is now; may be repeated.")
@output_option
def resume(run: str, file: Path | None, keep: tuple[str, ...], as_json: bool) -> None:
    """Go on with RUN after a failure, an abort or a lost process, and wait for its end.

    What succeeded is not run again. The code is the one that the run started with, and the modules that it imports as
    they are now; with --file it is what stands there now. What was edited, or reaches what was, runs again, unless its
    task is to be kept.
    """
    from ..remote import Run

    search_folders_for(run)
    if file is not None:
        _take_code_from(file, run)
    follow_to_its_end(lambda: Run.get(run).resume(keep=keep), as_json=as_json, begun="goes on")


def _take_code_from(file: Path, run: str) -> None:
    """Have a resume of `run` find the tasks of `file`."""
    from ..remote import Run

    task = Run.get(run).details().task_name
    loaded = load_tasks(file)
    loaded.warn()
    known = [one.name for one in loaded.tasks.values()]
    if task not in known:
        raise WrongUse(f"{file} has no task {with_nearest(task, known)}, which run {run!r} is of.")


@main.command()
@click.argument("run", type=RUN)
@click.option("--recover", is_flag=True, help="Take over what succeeded there and is unchanged.")
@output_option
def rerun(run: str, recover: bool, as_json: bool) -> None:
    """Run RUN's task again with the same inputs and the same code, as a run of its own."""
    from .._start import rerun as start_again

    search_folders_for(run)
    follow_to_its_end(lambda: start_again(run, recover=recover), as_json=as_json, begun=f"runs {run} again")


@main.command()
@click.argument("runs", type=RUN, nargs=-1, required=True)
def delete(runs: tuple[str, ...]) -> None:
    """Forget RUNS that have ended; `flyte-nb gc` removes the stored values that nobody refers to any more."""
    from .._journal.retention import forget_run
    from .._runtime.runtime import chosen_home

    for name in runs:
        forget_run(chosen_home().journal_path, name)
        click.echo(f"Forgot {name}.")


@main.command()
@click.argument("run", type=RUN)
@click.argument("prompt", type=QUESTION)
@click.argument("value")
def answer(run: str, prompt: str, value: str) -> None:
    """Answer the question of RUN that is called PROMPT with VALUE."""
    from ..remote.requests import answer_prompt

    said = answer_prompt(run, prompt, value)
    click.echo(f"{said[0].upper()}{said[1:]}.")


@main.command()
@click.option("--repair", is_flag=True, help="Mend what can be mended.")
@click.option("--storage", help="Look at the values in this bucket or folder of init(storage=...) too.")
def doctor(repair: bool, storage: str | None) -> None:
    """Check every record of the journal, and the stored values that it refers to, up to 64 MiB each."""
    from .._journal.doctor import examine
    from .._journal.network import network_warning
    from .._runtime.runtime import chosen_home
    from .doctor import check_values

    path = chosen_home().journal_path
    if warning := network_warning(path.parent):
        click.echo(f"warning: {warning}")
    findings = examine(path, repair=repair)
    click.echo(f"{path}: {counted(findings.runs, 'run')}, {counted(findings.events, 'event')}.")
    for problem in findings.damage:
        click.echo(f"damaged: {problem.removesuffix(' Run `flyte-nb doctor`.')}")
    for name in findings.orphans:
        click.echo(f"interrupted: run {name}; its process is gone")
    for key in findings.stale_reservations:
        click.echo(f"reserved by a process that is gone: cache key {key}")
    for key in findings.damaged_cache_keys:
        click.echo(f"damaged: cache entry {key}")
    for mended in findings.mended:
        click.echo(f"mended: {mended}")
    if findings.is_held:
        click.echo(
            f"held: another process holds the journal for writing, and runs cannot write. `lsof {path}` names the"
            " processes that have it open; end the one that hangs."
        )
    values_are_whole = bool(findings.damage) or check_values(chosen_home(), storage)
    if findings.is_sound and values_are_whole:
        click.echo("All is well.")
    elif findings.is_sound:
        sys.exit(ExitCode.FAILED)
    elif not repair:
        click.echo(_next_step(findings))
        sys.exit(ExitCode.FAILED)
    elif findings.hindrance:
        click.echo(f"Not repaired: {findings.hindrance}")
        sys.exit(ExitCode.FAILED)


def _next_step(findings: Findings) -> str:
    if findings.hindrance:
        return f"`--repair` does not help: {findings.hindrance}"
    if findings.is_readable and findings.is_held and not findings.orphans:
        return "Nothing is lost: what waits is written once the journal is free."
    if findings.is_readable:
        return (
            "Nothing is lost: go on with an interrupted run by `flyte-nb resume RUN`. `flyte-nb doctor --repair` only"
            " writes down that it was aborted; it can be resumed afterwards as well."
        )
    return "Mend with `flyte-nb doctor --repair`."


@main.command()
@click.option("--keep", default="30d", show_default=True, help="Age of runs to keep: 30d, 12h, 90m.")
@click.option(
    "--storage",
    type=click.Path(exists=True, file_okay=False, resolve_path=True, path_type=Path),
    help="Sweep this folder of init(storage=...) instead of the home's own store. No other home may write there.",
)
@click.option("--dry-run", is_flag=True, help="Change nothing; say what would be removed.")
def gc(keep: str, storage: Path | None, dry_run: bool) -> None:
    """Forget runs older than a given age, the stored values nobody refers to any more, and what deployed tasks ran in
    that were not called since.
    """
    from .._runtime.runtime import chosen_home
    from .._runtime.upkeep import sweep
    from .._task.duration import seconds
    from ..backends.deployed.retention import sweep_deployed

    home, keep_s = chosen_home(), seconds(keep, "--keep")
    swept = sweep(home, keep_s, folder=storage, dry_run=dry_run)
    forgot, removed = ("Would forget", "would remove") if dry_run else ("Forgot", "removed")
    click.echo(
        f"{forgot} {counted(len(swept.runs), 'run')} older than {keep}; {removed} {counted(swept.files, 'stored file')}"
        f" that nothing refers to any more ({swept.size_bytes:,} bytes)."
    )
    count, size_bytes = sweep_deployed(home.deployed_path, keep_s, dry_run=dry_run)
    if count:
        copies = "copy" if count == 1 else "copies"
        click.echo(
            f"{removed.capitalize()} {count} {copies} of code and packages of deployed tasks that were not called for"
            f" {keep} ({size_bytes:,} bytes)."
        )


@main.command()
@click.option("--port", default=0, type=click.IntRange(0, 65_535), help="Port; 0 is a free one.")
@click.option("--open/--no-open", "open_browser", default=False, help="Open the page in a browser.")
def ui(port: int, open_browser: bool) -> None:
    """Show runs in a browser, without JupyterLab; on this machine only, with a token in the address."""
    from .._journal import Home, default_home
    from .._server.standalone import serve

    serve(Home(default_home()), port=port, open_browser=open_browser)


@main.command()
@click.option("--notebook", type=click.Path(path_type=Path), help="Another notebook than the one that is shipped.")
@click.option("--copy", type=click.Path(path_type=Path), help="Put the notebook into this folder instead, to open it.")
def demo(notebook: Path | None, copy: Path | None) -> None:
    """Run a notebook that shows what there is, without a browser, and print what it made.

    It is the tour where its data is installed (extra `demo`), else one that needs nothing.
    """
    from .demo import copy_notebook, run_demo

    if copy is not None:
        copy_notebook(copy)
    else:
        run_demo(notebook)
