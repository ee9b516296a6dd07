"""A run from its start to its end on a terminal: a tree while it lives, a result, and an exit code."""

from __future__ import annotations

import os
import shlex
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from typing import TYPE_CHECKING, Any

import click

from ..models.phases import ActionPhase
from .commands import print_json, program
from .exits import CODE_OF_PHASE, ExitCode

if TYPE_CHECKING:
    from ..remote import Run


def follow_to_its_end(start: Callable[[], Run], *, as_json: bool, begun: str = "started") -> None:
    """Start a run and wait; ends the program with the exit code of the run's phase.

    Parameters
    ----------
    start : callable
    as_json : bool
    begun : str
        What the run does then, in a word or two.
    """
    if as_json:
        with redirect_stdout(sys.stderr):  # what tasks print must not get between the JSON
            run, code = _waited(start, begun)
        with _as_far_as_somebody_reads():
            print_json({**_record(run), "outputs": _outputs(run)})
    elif sys.stdout.isatty():
        run, code = _watched(start)
        _print_result(run)
    else:
        run, code = _waited(start, begun)
        with _as_far_as_somebody_reads():
            _print_tree(run)
            _print_result(run)
    sys.exit(code)


@contextmanager
def _as_far_as_somebody_reads() -> Iterator[None]:
    """A block that prints; below ``| head`` its rest is left out, and how the run ended still counts."""
    try:
        yield
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # Python flushes once more at its end


def _waited(start: Callable[[], Run], begun: str) -> tuple[Run, int]:
    def say(line: str) -> None:
        click.echo(line, err=True)

    return _driven(start, lambda run: say(f"Run {run.name} {begun}."), say)


def _watched(start: Callable[[], Run]) -> tuple[Run, int]:
    from rich.live import Live
    from rich.text import Text

    from .live_tree import LiveTree

    with Live(refresh_per_second=8, vertical_overflow="crop") as live:

        def say(line: str) -> None:
            live.console.print(Text(line), soft_wrap=True)

        run, code = _driven(start, lambda run: live.update(LiveTree(run.name)), say)
        tree = LiveTree(run.name)
        tree.settle()
        live.update(tree)
    return run, code


def _driven(start: Callable[[], Run], show: Callable[[Run], None], say: Callable[[str], None]) -> tuple[Run, int]:
    """A run that has ended, and its exit code; an interrupt aborts it, from the moment on at which it is there."""
    from .questions import questions_told

    interrupts: list[int] = []
    run: Run | None = None
    before = signal.signal(signal.SIGINT, lambda number, _: interrupts.append(number))
    try:
        try:
            run = start()
        finally:
            signal.signal(signal.SIGINT, before)
        show(run)
        if interrupts:
            raise KeyboardInterrupt
        with questions_told(run.name, say):
            run.wait()
    except KeyboardInterrupt:
        if run is None:
            raise
        _abort(run)
        run.wait()
        return run, ExitCode.INTERRUPTED
    return run, CODE_OF_PHASE[run.phase]


def _abort(run: Run) -> None:
    from .._runtime.notebook_loop import interruption

    run.abort(reason=interruption())


def _print_tree(run: Run) -> None:
    from .live_tree import LiveTree
    from .tables import terminal

    tree = LiveTree(run.name)
    tree.settle()
    terminal().print(tree)


def _print_result(run: Run) -> None:
    from ..models.result_names import result_names

    if run.phase is ActionPhase.SUCCEEDED:
        outputs = _outputs(run)
        names = result_names(outputs)
        for name, value in outputs.items():
            click.echo(f"{names[name]} = {value!r}")
        return
    failure = run.first_failure()
    error = failure.error_info if failure is not None else None
    resume = f"`{program()} resume {shlex.quote(run.name)}`"
    if run.phase is ActionPhase.ABORTED:
        why = f": {error.message.rstrip('.')}" if error is not None else ""
        click.echo(f"Run {run.name} was aborted{why}. {resume} goes on with it.", err=True)
        return
    if error is not None:
        click.echo((error.traceback or f"{error.code}: {error.message}").rstrip(), err=True)
    click.echo(
        f"Run {run.name} {'timed out' if run.phase is ActionPhase.TIMED_OUT else 'failed'}. {resume} tries again with"
        " the same code and keeps what succeeded; with `--file FILE` it takes the code that is there now.",
        err=True,
    )


def _record(run: Run) -> dict[str, Any]:
    from .records import run_record

    return run_record(run)


def _outputs(run: Run) -> dict[str, Any]:
    return run.outputs().named_outputs if run.phase is ActionPhase.SUCCEEDED else {}
