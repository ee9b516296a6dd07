"""Runs and actions as text for a terminal."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.tree import Tree

if TYPE_CHECKING:
    from ..models.records import TaskRecord
    from ..remote import ActionDetails, Run

_COLORS = {
    "succeeded": "green",
    "recovered": "green",
    "failed": "red",
    "timed_out": "red",
    "aborted": "yellow",
    "running": "blue",
    "paused": "magenta",
}


def print_runs(runs: list[Run]) -> None:
    """A table of runs."""
    table = Table("run", "task", "phase", "started", "actions")
    for run in runs:
        details = run.details()
        started = details.start_time.astimezone().strftime("%Y-%m-%d %H:%M:%S") if details.start_time else ""
        table.add_row(
            run.name,
            escape(details.task_name),
            _colored(str(details.phase)),
            started,
            str(sum(details.counts.values())),
        )
    Console().print(table)


def print_tasks(tasks: list[TaskRecord]) -> None:
    """A table of tasks."""
    table = Table("task", "runs", "last run")
    for task in tasks:
        last = datetime.datetime.fromtimestamp(task.last_started_at).strftime("%Y-%m-%d %H:%M:%S")
        table.add_row(escape(task.name), str(task.runs), last)
    Console().print(table)


def print_run(run: Run) -> None:
    """A run, its counts, and what went wrong first."""
    console = Console()
    console.print(escape(repr(run.details())))
    failure = run.first_failure()
    if failure is not None and failure.error_info is not None:
        console.print(f"\nFirst failure: {escape(repr(failure))}")
        console.print(escape(failure.error_info.traceback))


def print_action(details: ActionDetails) -> None:
    """An action and all that is known of it."""
    console = Console()
    console.print(escape(repr(details)))
    console.print(f"attempts: {details.attempts}")
    if details.cache is not None:
        console.print(escape(f"cache: {details.cache.status}: {details.cache.reason}"))
    if details.rerun_reason:
        console.print(escape(f"ran again: {details.rerun_reason}"))
    for link in details.links:
        console.print(escape(f"link {link.name}: {link.uri or link.error}"))
    if details.error_info is not None:
        console.print(escape(details.error_info.traceback))


def print_tree(run: Run) -> None:
    """The actions of a run as a tree."""
    details = run.details()
    by_parent: dict[str, list[ActionDetails]] = {}
    for action in details.actions:
        by_parent.setdefault(action.parent_name, []).append(action)
    top = Tree(escape(f"{run.name}"))
    pending = [("", top)]
    while pending:
        parent, branch = pending.pop()
        for action in by_parent.get(parent, []):
            seconds = f" {action.runtime:.2f} s" if action.runtime is not None else ""
            group = f"[dim]{escape(action.group)}/[/dim]" if action.group else ""
            label = f"{group}{escape(action.task_name)} {_colored(str(action.phase))}{seconds} [dim]{action.name}[/dim]"
            pending.append((action.name, branch.add(label)))
    Console().print(top)


def _colored(phase: str) -> str:
    color = _COLORS.get(phase)
    return f"[{color}]{phase}[/{color}]" if color else phase
