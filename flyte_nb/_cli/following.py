"""A run from its start to its end on a terminal: a tree while it lives, a result, and an exit code."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable
from contextlib import redirect_stdout
from typing import TYPE_CHECKING, Any

import click

from ..models.phases import ActionPhase
from .commands import print_json
from .exits import CODE_OF_PHASE, ExitCode

if TYPE_CHECKING:
    from ..remote import Run

INTERRUPTED = "It was interrupted on the terminal."


def follow_to_its_end(start: Callable[[], Run], *, as_json: bool) -> None:
    """Start a run and wait; ends the program with the exit code of the run's phase."""
    if as_json:
        with redirect_stdout(sys.stderr):  # what tasks print must not get between the JSON
            run, code = _waited(start)
        print_json({**_record(run), "outputs": _outputs(run)})
    elif sys.stdout.isatty():
        run, code = _watched(start)
        _print_result(run)
    else:
        run, code = _waited(start)
        _print_tree(run)
        _print_result(run)
    sys.exit(code)


def _waited(start: Callable[[], Run]) -> tuple[Run, int]:
    run, interrupted = _begun(start)
    return run, _exit_code(run, interrupted, lambda: click.echo(f"Run {run.name} starts.", err=True))


def _watched(start: Callable[[], Run]) -> tuple[Run, int]:
    from rich.live import Live

    from .live_tree import LiveTree

    with Live(refresh_per_second=8, vertical_overflow="crop") as live:
        run, interrupted = _begun(start)
        tree = LiveTree(run.name)
        code = _exit_code(run, interrupted, lambda: live.update(tree))
        tree.settle()
    return run, code


def _begun(start: Callable[[], Run]) -> tuple[Run, bool]:
    """A run, and whether an interrupt came while it was being started; it is aborted then."""
    interrupts: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, _: interrupts.append(number))
    try:
        run = start()
    finally:
        signal.signal(signal.SIGINT, before)
    if interrupts:
        run.abort(reason=INTERRUPTED)
    return run, bool(interrupts)


def _exit_code(run: Run, interrupted: bool, show: Callable[[], None]) -> int:
    try:
        show()
        run.wait()
    except KeyboardInterrupt:
        interrupted = True
        run.abort(reason=INTERRUPTED)
        run.wait()
    return ExitCode.INTERRUPTED if interrupted else CODE_OF_PHASE[run.phase]


def _print_tree(run: Run) -> None:
    from rich.console import Console

    from .live_tree import LiveTree

    tree = LiveTree(run.name)
    tree.settle()
    Console().print(tree)


def _print_result(run: Run) -> None:
    if run.phase is ActionPhase.SUCCEEDED:
        for name, value in _outputs(run).items():
            click.echo(f"{name} = {value!r}")
        return
    failure = run.first_failure()
    if failure is not None and failure.error_info is not None:
        click.echo(failure.error_info.traceback or f"{failure.error_info.code}: {failure.error_info.message}", err=True)
    click.echo(f"Run {run.name}: {run.phase}. Go on with `flyte-nb resume {run.name}`.", err=True)


def _record(run: Run) -> dict[str, Any]:
    from .records import run_record

    return run_record(run)


def _outputs(run: Run) -> dict[str, Any]:
    return run.outputs().named_outputs if run.phase is ActionPhase.SUCCEEDED else {}
