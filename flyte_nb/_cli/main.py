"""The commands of ``flyte-nb``."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import click

from .._journal.home import ENVIRONMENT_VARIABLE
from ..errors import BaseRuntimeError


class _Commands(click.Group):
    """A group whose commands end with one line when something of ours fails."""

    def invoke(self, context: click.Context) -> Any:
        try:
            return super().invoke(context)
        except (BaseRuntimeError, RuntimeError, ValueError) as error:
            raise click.ClickException(str(error)) from error


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="flyte-nb")
@click.option(
    "--home", type=click.Path(path_type=Path), help="Home folder; by default FLYTE_NB_HOME or the platform's."
)
def main(home: Path | None) -> None:
    """Runs of flyte_nb: look at them, stop them, take them up again."""
    if home is not None:
        os.environ[ENVIRONMENT_VARIABLE] = str(home)


@main.group()
def get() -> None:
    """Show runs, actions, logs, reports, inputs and outputs."""


@get.command("run")
@click.argument("name", required=False)
@click.option("--phase", help="Only runs in this phase.")
@click.option("--limit", default=20, show_default=True, help="How many.")
def get_run(name: str | None, phase: str | None, limit: int) -> None:
    """One run by NAME, or the newest runs."""
    from ..remote import Run
    from .tables import print_run, print_runs

    if name is not None:
        print_run(Run.get(name))
    else:
        print_runs(list(Run.listall(in_phase=phase, limit=limit)))


@get.command("action")
@click.argument("run")
@click.argument("name", required=False)
def get_action(run: str, name: str | None) -> None:
    """One action of RUN by NAME, or all of them as a tree."""
    from ..remote import Action, Run
    from .tables import print_action, print_tree

    if name is not None:
        print_action(Action.get(run, name).details())
    else:
        print_tree(Run.get(run))


@get.command("logs")
@click.argument("run")
@click.argument("action", required=False)
def get_logs(run: str, action: str | None) -> None:
    """What RUN, or one ACTION of it, printed and logged."""
    from ..remote import Run

    Run.get(run).show_logs(action)


@get.command("report")
@click.argument("run")
@click.argument("action", required=False)
@click.option("-o", "--output", type=click.Path(path_type=Path), help="File to write; else the terminal.")
def get_report(run: str, action: str | None, output: Path | None) -> None:
    """The report of ACTION, by default of the first one, as HTML."""
    from ..remote import Run

    html = Run.get(run).get_report(action)
    if output is None:
        click.echo(html)
    else:
        output.write_text(html)
        click.echo(f"Wrote {output} ({len(html):,} characters). It is untrusted HTML: it was made by the task's code.")


@get.command("io")
@click.argument("run")
@click.argument("action", default="a0")
def get_io(run: str, action: str) -> None:
    """Inputs and outputs of ACTION, by default of the first one."""
    from ..remote import Action

    details = Action.get(run, action).details()
    for name, value in details.inputs().items():
        click.echo(f"in  {name} = {value!r}")
    for name, value in details.outputs().named_outputs.items():
        click.echo(f"out {name} = {value!r}")


@main.command()
@click.argument("run")
@click.argument("action", required=False)
@click.option("--reason", default="Aborted from the command line.", help="What the history is told.")
def abort(run: str, action: str | None, reason: str) -> None:
    """Stop RUN, or one ACTION of it, whichever process drives it."""
    from ..remote import Action, Run

    found = Run.get(run) if action is None else Action.get(run, action)
    if found.done():
        click.echo(f"{found!r} has ended already.")
        return
    found.abort(reason=reason)
    found.wait()
    click.echo(repr(found))


@main.command()
@click.argument("run")
def resume(run: str) -> None:
    """Go on with RUN after a failure, an abort or a lost process, and wait for its end."""
    from ..remote import Run
    from .tables import print_run

    found = Run.get(run).resume()
    click.echo(f"{found!r}")
    found.wait()
    print_run(found)
    found.raise_for_status()


@main.command()
@click.argument("run")
@click.argument("prompt")
@click.argument("value")
def answer(run: str, prompt: str, value: str) -> None:
    """Answer the question PROMPT (its name or number) of RUN with VALUE."""
    from ..remote.requests import answer_prompt

    click.echo(answer_prompt(run, prompt, value))


@main.command()
@click.option("--repair", is_flag=True, help="Mend what can be mended.")
def doctor(repair: bool) -> None:
    """Check every record of the journal."""
    from .._journal.doctor import examine
    from .._runtime.runtime import chosen_home

    path = chosen_home().journal_path
    findings = examine(path, repair=repair)
    click.echo(f"{path}: {findings.runs} runs, {findings.events} events.")
    for problem in findings.damage:
        click.echo(f"damaged: {problem}")
    for name in findings.orphans:
        click.echo(f"interrupted: run {name}; go on with `flyte-nb resume {name}`")
    for key in findings.stale_reservations:
        click.echo(f"reserved by a process that is gone: cache key {key}")
    for key in findings.damaged_cache_keys:
        click.echo(f"damaged: cache entry {key}")
    for mended in findings.mended:
        click.echo(f"mended: {mended}")
    if findings.is_sound:
        click.echo("All is well.")
    elif not repair:
        click.echo("Mend with `flyte-nb doctor --repair`.")
        sys.exit(1)


@main.command()
@click.option("--keep", default="30d", show_default=True, help="Age of runs to keep: 30d, 12h, 90m.")
def gc(keep: str) -> None:
    """Forget runs older than a given age, and the stored values nobody refers to any more."""
    from .._runtime.runtime import chosen_home
    from .._runtime.upkeep import sweep
    from .._task.duration import seconds

    swept = sweep(chosen_home(), seconds(keep, "--keep"))
    click.echo(f"Forgot {len(swept.runs)} runs; removed {swept.files} files ({swept.size_bytes:,} bytes).")


@main.command()
@click.option("--notebook", type=click.Path(path_type=Path), help="Another notebook than the tour.")
def demo(notebook: Path | None) -> None:
    """Run the tour without a browser and print what it made."""
    from .demo import run_tour

    run_tour(notebook)
