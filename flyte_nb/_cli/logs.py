"""``flyte-nb logs``: what actions printed and logged, in the order of time."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING

import click

from .commands import output_option, print_json_line
from .names import ACTION, RUN

if TYPE_CHECKING:
    from ..models.events import LogLine
    from ..remote.history import RunHistory

FOLLOW_EVERY_S = 0.1


@click.command("logs")
@click.argument("run", type=RUN)
@click.argument("action", required=False, type=ACTION)
@click.option("-f", "--follow", is_flag=True, help="Go on until the run has ended.")
@output_option
def logs(run: str, action: str | None, follow: bool, as_json: bool) -> None:
    """What RUN, or one ACTION of it, printed and logged, in the order of time; as JSON one object a line.

    Each line of a run begins with the task and the name of the action that wrote it.
    """
    from .._follow.log_order import HELD_S, LogOrder
    from ..remote.history import RunHistory

    history = RunHistory(run)
    history.record()
    if action is not None:
        action = history.action(action).name
    shown = _JsonLines() if as_json else _TextLines(history if action is None else None)
    order, read_up_to, goes_on = LogOrder(), 0, True
    while goes_on:
        goes_on = follow and not history.phase().is_terminal
        now = time.monotonic()
        for number, piece in history.records.reader.logs(run, read_up_to):
            read_up_to = number
            if action in (None, piece.action):
                order.add(piece, now)
        shown.show(order.take(now - HELD_S if goes_on else math.inf))
        if goes_on:
            time.sleep(FOLLOW_EVERY_S)
    shown.end()
    if not read_up_to:
        click.echo("Nothing was printed or logged.", err=True)


class _JsonLines:
    """Prints one object a line."""

    def show(self, pieces: list[LogLine]) -> None:
        for piece in pieces:
            print_json_line({"at": piece.at, "action": piece.action, "stream": piece.stream, "text": piece.text})

    def end(self) -> None:
        """Nothing is left."""


class _TextLines:
    """Prints text; before each line stands who wrote it, unless it is known.

    Parameters
    ----------
    history : RunHistory, optional
        Of the run, where its actions are to be named.
    """

    def __init__(self, history: RunHistory | None) -> None:
        self._history = history
        self._names: dict[str, str] = {}
        self._width = 0
        self._unfinished = ""

    def show(self, pieces: list[LogLine]) -> None:
        names = [self._name(piece.action) for piece in pieces]
        self._width = max([self._width, *map(len, names)])
        for name, piece in zip(names, pieces, strict=True):
            self._print(name, piece)

    def end(self) -> None:
        """End the last line."""
        if self._unfinished:
            click.echo()
        self._unfinished = ""

    def _print(self, name: str, piece: LogLine) -> None:
        if self._unfinished != piece.action:
            self.end()
        for line in piece.text.splitlines(keepends=True):
            begins = name and not self._unfinished
            prefix = click.style(f"{name:<{self._width}} | ", dim=True) if begins else ""
            click.echo(prefix + line, nl=False)
            self._unfinished = "" if line.endswith("\n") else piece.action

    def _name(self, action: str) -> str:
        if self._history is None:
            return ""
        if action not in self._names:
            found = self._history.view().actions.get(action)
            self._names[action] = f"{found.task.rpartition('.')[2]} {action}" if found is not None else action
        return self._names[action]
