"""An action of a run, found by its name."""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Sequence

from .._absent import NamesWhatIsMeant
from .._aio import AwaitedAsItself, BlockingCall, ClassCall, Lines, ListingCall, Text, Waited, with_aio
from .._engine.blocking import wait_unless_stopped
from .._public import public
from .._task.duration import Duration
from ..models.phases import ActionPhase
from .details import ActionDetails, action_details, moment
from .history import RunHistory
from .other_names import OF_ACTION
from .requests import post_abort
from .waiting import limit_of, raise_if_late, until


@public
class Action(NamesWhatIsMeant, AwaitedAsItself):
    """One call of a task.

    Specification: *Remote tasks*, *Abort and cancel actions*.
    """

    _meant_by = OF_ACTION

    def __init__(self, history: RunHistory, name: str) -> None:
        self.name = name
        self._history = history

    @ClassCall
    def get(cls: type[Action], run_name: str, name: str) -> Action:
        """The action `name` of the run `run_name`; the name of a task will do where it has one action there.

        Raises
        ------
        RunNotFoundError, ActionNotFoundError
            If there is no such run or action.
        """
        history = RunHistory(run_name)
        history.record()
        return cls(history, history.action(name).name)

    @ListingCall
    def listall(
        cls: type[Action],
        for_run_name: str,
        in_phase: ActionPhase | str | Sequence[ActionPhase | str] | None = None,
        parent_name: str | None = None,
        task_name: str | None = None,
    ) -> Iterator[Action]:
        """Actions of a run, in the order in which they were queued.

        Raises
        ------
        RunNotFoundError
            If there is no such run.
        """
        history = RunHistory(for_run_name)
        view = history.view()
        one = isinstance(in_phase, (str, ActionPhase))
        phases = {ActionPhase(phase) for phase in ([in_phase] if one else in_phase or ())}
        return iter(
            [
                cls(history, action.name)
                for action in view.actions.values()
                if (not phases or action.phase in phases)
                and parent_name in (None, action.parent)
                and task_name in (None, action.task)
            ]
        )

    @property
    def run_name(self) -> str:
        """The run it belongs to."""
        return self._history.name

    @property
    def task_name(self) -> str:
        """The task it calls."""
        return self._history.action(self.name).task

    @property
    def parent_name(self) -> str:
        """The action that called it; empty for the root."""
        return self._history.action(self.name).parent

    @property
    def phase(self) -> ActionPhase:
        """Where it stands."""
        return self._history.action(self.name).phase

    @property
    def start_time(self) -> datetime.datetime | None:
        """When its first attempt started."""
        return moment(self._history.action(self.name).started_at)

    def done(self) -> bool:
        """Whether nothing more will happen."""
        return self.phase.is_terminal

    @with_aio
    def details(self) -> ActionDetails:
        """All there is to know now."""
        return action_details(self._history, self._history.view(), self._history.action(self.name))

    def _wait(self, *, timeout: Duration | None = None) -> Waited:
        """Wait until it has ended.

        Parameters
        ----------
        timeout : seconds, timedelta, or text such as "2h"; optional
            How long to wait at most.

        Raises
        ------
        TimeoutError
            If that time is over; the action goes on.
        """
        wait_unless_stopped(self._await(timeout=timeout), self._history.runtime.loop.get())
        return Waited()

    async def _await(self, *, timeout: Duration | None = None) -> Waited:
        limit_s = limit_of(timeout)
        await until(self.done, limit_s)
        raise_if_late(f"Action {self.name!r} of run {self.run_name!r}", self.done(), limit_s)
        return Waited()

    wait: BlockingCall[..., Waited] = with_aio(_wait).awaitable(_await)

    @with_aio
    def abort(self, reason: str = "It was aborted.") -> Waited:
        """Stop it and everything below it. Its parent gets an `ActionAbortedError`."""
        if not self.done():
            post_abort(self.run_name, self.name, reason)
        return Waited()

    @with_aio
    def get_logs(self) -> Lines:
        """Lines it printed or logged."""
        return Lines(self._history.log_lines(self.name))

    @with_aio
    def show_logs(self, max_lines: int | None = None) -> Waited:
        """Print its log: the last `max_lines` lines, or all."""
        for line in Lines(self._history.log_lines(self.name)).last(max_lines):
            print(line)
        return Waited()

    @with_aio
    def get_report(self) -> Text:
        """Its report as HTML text."""
        return Text(self._history.report(self.name))

    def __repr__(self) -> str:
        view = self._history.action(self.name)
        return f"<Action {self.name} {view.task} of run {self.run_name}: {view.phase}>"
