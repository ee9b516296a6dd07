"""Runs and actions as text for a terminal."""

from __future__ import annotations

import datetime
import os
import shlex
import sys
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from .._view.looks import duration_text, stall_text
from .._view.prompts import answer_command, wanted
from ..errors import JournalCorruptionError
from ..models.phases import ActionPhase
from ..remote.details import state_of
from .commands import program

if TYPE_CHECKING:
    from .._view.projection import ActionView, AttemptView, TraceView
    from ..models.events import PromptAsked
    from ..models.records import TaskRecord
    from ..remote import ActionDetails, Run

_COLORS = {
    "succeeded": "green",
    "recovered": "green",
    "failed": "red",
    "timed_out": "red",
    "aborted": "yellow",
    "interrupted": "yellow",
    "running": "blue",
    "paused": "magenta",
}


class _Terminal(Console):
    def on_broken_pipe(self) -> None:
        """Nobody reads any more; rich would end the program here, whatever it has to say yet."""
        raise BrokenPipeError


def terminal() -> Console:
    """Where text goes: lines are broken where a person's terminal ends, and nowhere in a file or a pipe."""
    return _Terminal(soft_wrap=True, width=None if sys.stdout.isatty() or "COLUMNS" in os.environ else 1_000)


def print_runs(runs: list[Run]) -> None:
    """A table of runs; one whose records are damaged has a line all the same."""
    table = Table("run", "task", "phase", "started", "took", "actions")
    for run in runs:
        try:
            details = run.details()
        except JournalCorruptionError:
            table.add_row(run.name, "", _colored("damaged"))
            continue
        started = details.start_time.astimezone().strftime("%Y-%m-%d %H:%M") if details.start_time else ""
        table.add_row(
            run.name,
            escape(details.task_name),
            _colored(state_of(details)),
            started,
            duration_text(details.runtime) if details.runtime is not None else "",
            str(sum(details.counts.values())),
        )
    terminal().print(table)
    if "damaged" in table.columns[2].cells:
        click.echo("What is damaged, `flyte-nb doctor` tells.", err=True)


def print_tasks(tasks: list[TaskRecord]) -> None:
    """A table of tasks."""
    table = Table("task", "runs", "last run")
    for task in tasks:
        last = datetime.datetime.fromtimestamp(task.last_started_at).strftime("%Y-%m-%d %H:%M:%S")
        table.add_row(escape(task.name), str(task.runs), last)
    terminal().print(table)


def print_run(run: Run) -> None:
    """A run, its counts, what it asks, and what went wrong first."""
    console = terminal()
    details = run.details()
    console.print(escape(repr(details)))
    _print_questions(console, run.name, details.open_questions)
    failure = run.first_failure()
    error = failure.error_info if failure is not None else None
    if failure is not None and error is not None and error.traceback.startswith("Traceback"):
        console.print(f"\nFirst failure: {escape(failure.task_name)}, action {failure.name}")
        console.print(escape(error.traceback.rstrip()))
    if details.phase.is_terminal and details.phase is not ActionPhase.SUCCEEDED:
        console.print(escape(f"\n`{program()} resume {shlex.quote(run.name)}` goes on with it."))


def print_action(details: ActionDetails, view: ActionView) -> None:
    """An action and all that is known of it, also for how long it blocked the event loop."""
    console = terminal()
    took = f" in {duration_text(details.runtime)}" if details.runtime is not None else ""
    console.print(
        escape(f"{details.task_name}, action {details.name} of run {details.run_name}: {details.phase}{took}")
    )
    for name, value in details.custom_context.items():
        console.print(escape(f"context {name if name.isprintable() else repr(name)} = {value!r}"))
    console.print(f"attempts: {details.attempts}")
    for number, attempt in enumerate(details.attempt_list, start=1):
        _print_attempt(console, number, attempt)
    for trace in details.traces:
        _print_trace(console, trace)
    _print_questions(console, details.run_name, details.open_questions)
    if view.stalled_s:
        console.print(escape(stall_text(view.stalled_s, is_over=view.stall_is_over)))
    if details.cache is not None:
        console.print(escape(f"cache: {details.cache.status}: {details.cache.reason}"))
    if details.rerun_reason:
        console.print(escape(f"ran again: {details.rerun_reason}"))
    for link in details.links:
        console.print(escape(f"link {link.name}: {link.uri or link.error}"))
    if details.error_info is not None:
        console.print(escape(details.error_info.traceback.rstrip()))


def print_tree(run: Run) -> None:
    """All that happened in a run, as a tree."""
    from .live_tree import LiveTree

    terminal().print(LiveTree(run.name, whole=True))


def _print_questions(console: Console, run: str, questions: list[PromptAsked]) -> None:
    for asked in questions:
        console.print(escape(f"asks {asked.name} ({wanted(asked.data_type)}): {asked.prompt}"))
        console.print(escape(f"  answer with: {answer_command(run, asked.name)}"))


def _print_attempt(console: Console, number: int, attempt: AttemptView) -> None:
    seconds = f"{attempt.ended_at - attempt.started_at:.2f} s" if attempt.ended_at is not None else "no end"
    problem = f": {attempt.error.code}: {attempt.error.message}" if attempt.error is not None else ""
    console.print(escape(f"attempt {number}: {seconds}{problem}"))


def _print_trace(console: Console, trace: TraceView) -> None:
    problem = f": {trace.error.code}: {trace.error.message}" if trace.error is not None else ""
    again = ", from an earlier try" if trace.reused else ""
    console.print(escape(f"trace {trace.name}: {trace.ended_at - trace.started_at:.2f} s{again}{problem}"))


def _colored(phase: str) -> str:
    color = _COLORS.get(phase)
    return f"[{color}]{phase}[/{color}]" if color else phase
