"""A run: started here, or found by its name."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import TYPE_CHECKING, Literal, overload

from .._absent import NamesWhatIsMeant
from .._aio import AwaitedAsItself, BlockingCall, ClassCall, IteratingCall, Lines, ListingCall, Text, Waited, with_aio
from .._engine.naming import ROOT_ACTION
from .._follow.servers import page_of
from .._follow.timeline import Timeline, timeline_of
from .._follow.values import DEPLOYED, ActionInputs, ActionOutputs, inputs_of
from .._public import public
from .._runtime import launch
from .._runtime.runtime import current_runtime
from .._task.duration import Duration
from .._view.showing import show_run
from ..errors import RunStateError
from ..models.phases import ActionPhase
from .action import Action
from .details import ActionDetails, RunDetails, action_details, run_details
from .driven import gone_on_with
from .frame import frame_of
from .history import RunHistory
from .other_names import OF_RUN
from .requests import post_abort
from .result import failure_of, result_of
from .tree import RunTree
from .waiting import POLL_EVERY_S, await_live, await_other, limit_of, raise_if_late, wait_for_live, wait_for_other

if TYPE_CHECKING:
    import pandas
    import polars

    from .._engine.live_run import LiveRun


@public
class Run(NamesWhatIsMeant, AwaitedAsItself):
    """A run.

    Every blocking method has an awaitable twin: ``await run.wait.aio()``.

    Attributes
    ----------
    name : str

    Examples
    --------
    >>> run = flyte.run(main, days=30)
    >>> run.wait()
    >>> run.outputs()

    Specification: *Remote tasks*, *Notebooks*.
    """

    _meant_by = OF_RUN

    def __init__(self, name: str, live: LiveRun | None = None) -> None:
        self.name = name
        self._driven = live
        self._history = RunHistory(name)

    @ClassCall
    def get(cls: type[Run], name: str) -> Run:
        """The run of that name, of this process or any other.

        Raises
        ------
        RunNotFoundError
            If there is none.
        """
        runtime = current_runtime()
        live = runtime.controller.runs.get(name)
        if live is None:
            runtime.reader.run(name)
        return cls(name, live)

    @ListingCall
    def listall(
        cls: type[Run],
        in_phase: ActionPhase | str | Sequence[ActionPhase | str] | None = None,
        task_name: str | None = None,
        limit: int = 100,
        sort_by: tuple[str, str] | None = None,
    ) -> Iterator[Run]:
        """Runs, the newest first.

        Parameters
        ----------
        in_phase : phase or sequence of phases, optional
        task_name : str, optional
        limit : int
        sort_by : ("created_at", "asc" or "desc"), optional

        Raises
        ------
        ValueError
            For another order, or a phase that does not exist.
        """
        if isinstance(limit, bool) or not isinstance(limit, int):
            raise TypeError(f"limit is a whole number of runs; got {limit!r:.120}.")
        newest_first = True
        if sort_by is not None:
            field, direction = sort_by
            if field != "created_at" or direction not in ("asc", "desc"):
                raise ValueError(
                    f"Runs are sorted by ('created_at', 'asc') or ('created_at', 'desc'); got {sort_by!r}."
                )
            newest_first = direction == "desc"
        one = isinstance(in_phase, (str, ActionPhase))
        phases = {ActionPhase(phase) for phase in ([in_phase] if one else in_phase or ())}
        live = current_runtime().controller.runs
        records = current_runtime().reader.runs(
            task=task_name, limit=-1 if phases else limit, newest_first=newest_first
        )
        runs = (cls(record.name, live.get(record.name)) for record in records)
        chosen = (run for run in runs if not phases or run.phase in phases)
        return iter(list(itertools.islice(chosen, max(limit, 0))))

    # state --------------------------------------------------------------------------------------------------

    @property
    def phase(self) -> ActionPhase:
        """Where the run stands. A run whose process is gone is ABORTED."""
        live = self._live
        if live is not None and live.done.done() and live.lost is None:
            return live.phase
        return self._history.phase()

    @property
    def url(self) -> str | None:
        """Address of the run's page on the Jupyter server that is there, or on `flyte-nb ui`; None where neither is.

        On a hub that does not tell its own address it is a path, for links on the hub's pages.
        """
        return page_of(self._history.runtime.home, "runs", self.name)

    def done(self) -> bool:
        """Whether nothing more will happen."""
        return self.phase.is_terminal

    @with_aio
    def sync(self) -> Run:
        """The run itself; it is always read anew."""
        return self

    @with_aio
    def details(self) -> RunDetails:
        """All there is to know now."""
        return run_details(self._history)

    @property
    def action(self) -> Action:
        """The root action."""
        return Action(self._history, ROOT_ACTION)

    # waiting ------------------------------------------------------------------------------------------------

    def _wait(self, quiet: bool = True, wait_for: str = "terminal", *, timeout: Duration | None = None) -> Waited:
        """Wait until the run has ended, well or not.

        In a cell or a task the loop goes on meanwhile. Interrupting the cell, or Ctrl-C in a script, aborts the run.

        Parameters
        ----------
        quiet, wait_for
            Known from hosted clusters; without effect here.
        timeout : seconds, timedelta, or text such as "2h"; optional
            How long to wait at most.

        Raises
        ------
        TimeoutError
            If that time is over; the run goes on.
        KeyboardInterrupt
            If it was interrupted; the run is aborted by then.
        RunTakenOverError
            If another process went on with a run of this one. It may be going on there: `Run.get` follows it.

        Examples
        --------
        >>> run.wait(timeout=60)
        """
        limit_s = limit_of(timeout, quiet)
        if self._live is not None:
            wait_for_live(self._live, limit_s)
        else:
            wait_for_other(self._history, limit_s)
        return self._waited(limit_s)

    async def _await(
        self, quiet: bool = True, wait_for: str = "terminal", *, timeout: Duration | None = None
    ) -> Waited:
        limit_s = limit_of(timeout, quiet)
        if self._live is not None:
            await await_live(self._live, limit_s)
        else:
            await await_other(self._history, limit_s)
        return self._waited(limit_s)

    wait: BlockingCall[..., Waited] = with_aio(_wait).awaitable(_await)

    def _outputs(self, *, timeout: Duration | None = None) -> ActionOutputs:
        """What the root action returned; waits for the end.

        Parameters
        ----------
        timeout : seconds, timedelta, or text such as "2h"; optional
            How long to wait at most.

        Raises
        ------
        BaseRuntimeError
            The run's own failure: what its root task raised, or why it ended.
        TimeoutError
            If the time is over; the run goes on.
        """
        self._wait(timeout=timeout)
        return result_of(self._history, self._live)

    async def _outputs_async(self, *, timeout: Duration | None = None) -> ActionOutputs:
        await self._await(timeout=timeout)
        return result_of(self._history, self._live)

    outputs: BlockingCall[..., ActionOutputs] = with_aio(_outputs).awaitable(_outputs_async)

    @with_aio
    def raise_for_status(self) -> Waited:
        """Raise the run's failure; do nothing while it goes on or where it went well."""
        error = failure_of(self._history, self._live)
        if error is not None:
            raise error.with_traceback(None)
        return Waited()

    @with_aio
    def inputs(self) -> ActionInputs:
        """What the root action was given."""
        view = self._history.view()
        started = view.started
        if started is None or started.inputs is None:
            raise RunStateError(f"Run {self.name!r} ended before its inputs were recorded.")
        reader = None if DEPLOYED in started.options else started.task
        return inputs_of(started.inputs, reader, self._history)

    def _watch(self) -> Iterator[RunDetails]:
        """The run's details whenever it has changed, until it has ended."""
        version = -1
        while True:
            ended = self.done()
            current = self._version()
            if current != version or ended:
                version = current
                yield self._details_now()
            if ended:
                return
            self._pause()

    async def _watch_async(self) -> AsyncIterator[RunDetails]:
        version = -1
        while True:
            ended = self.done()
            current = self._version()
            if current != version or ended:
                version = current
                yield self._details_now()
            if ended:
                return
            await asyncio.sleep(POLL_EVERY_S)

    watch: IteratingCall[..., RunDetails] = IteratingCall(_watch, _watch_async)

    # acting -------------------------------------------------------------------------------------------------

    @with_aio
    def abort(self, reason: str = "It was aborted.") -> Waited:
        """Stop the run and everything below it; also when another process drives it.

        Parameters
        ----------
        reason : str
            What the awaiting code and the history are told.
        """
        if not self.done():
            post_abort(self.name, "", reason)
        return Waited()

    @with_aio
    def resume(self, keep: launch.Keep = ()) -> Run:
        """Go on after a failure, an abort or a lost process: finished actions are not run again, edited ones are.

        Parameters
        ----------
        keep : task, name of a task, or list of them
            Take what its calls had returned, also where its code was edited since: the results still hold.

        Raises
        ------
        RunStateError
            If the run is going on, has succeeded, or called no such task.
        CodeBundleError
            If its code can be found nowhere.

        Examples
        --------
        >>> run.resume(keep="etl.clean")
        """
        self._driven = launch.resume(self.name, keep)
        self._history = RunHistory(self.name)
        return self

    # reading ------------------------------------------------------------------------------------------------

    @with_aio
    def get_logs(self, action_name: str | None = None) -> Lines:
        """Lines that actions printed or logged, in the order of time: of one action, or of all."""
        if action_name is not None:
            action_name = self._history.action(action_name).name
        return Lines(self._history.log_lines(action_name))

    @with_aio
    def show_logs(self, action_name: str | None = None, max_lines: int | None = None) -> Waited:
        """Print the log: the last `max_lines` lines, or all."""
        for line in self.get_logs(action_name).last(max_lines):
            print(line)
        return Waited()

    @with_aio
    def get_report(self, action_name: str | None = None) -> Text:
        """The report of an action, by default of the root, as HTML text."""
        return Text(self._history.report(action_name or ROOT_ACTION))

    @with_aio
    def first_failure(self) -> ActionDetails | None:
        """The action that failed first and made the run fail, with the user's traceback; None for a run that went well.

        Failures that somebody caught on the way are not it.
        """
        view = self._history.view()
        failed = view.first_failure()
        return action_details(self._history, view, failed) if failed is not None else None

    @with_aio
    def timeline(self) -> Timeline:
        """What ran when: a chart where there is a notebook, rows of text elsewhere; ``.figure()`` for plotly."""
        return timeline_of(self._history.view())

    @with_aio
    def tree(self) -> RunTree:
        """The tree as a picture to keep: ``run.tree().save("run.svg")``."""
        return RunTree(self._history.tree())

    @overload
    def to_frame(self, library: Literal["pandas"] = "pandas") -> pandas.DataFrame: ...
    @overload
    def to_frame(self, library: Literal["polars"]) -> polars.DataFrame: ...
    def to_frame(self, library: Literal["pandas", "polars"] = "pandas") -> pandas.DataFrame | polars.DataFrame:
        """The actions as a data frame, one row each in the order in which they were called.

        Parameters
        ----------
        library : "pandas" or "polars"

        Returns
        -------
        DataFrame
            Columns ``action``, ``parent``, ``task``, ``name``, ``group``, ``phase``, ``queued``, ``started``, ``ended``
            (UTC), ``duration_s`` (seconds), ``attempts``, ``reused`` ("cache", "resume" or null), ``placement``,
            ``error``, ``message``. What is not known yet is null.

        Raises
        ------
        ValueError
            For another library.

        Examples
        --------
        >>> run.to_frame().groupby("task")["duration_s"].sum()
        """
        return frame_of(self._history.view(), library)

    def _ipython_display_(self) -> None:
        """Show the run where there is a notebook; else its line of text."""
        if not show_run(self.name):
            print(self)

    def __repr__(self) -> str:
        record = self._history.record()
        return f"<Run {self.name} of {record.task}: {self.phase}>"

    def _details_now(self) -> RunDetails:
        return run_details(self._history)

    def _pause(self) -> None:
        from .._engine.blocking import wait_unless_stopped

        wait_unless_stopped(asyncio.sleep(POLL_EVERY_S), self._history.runtime.loop.get())

    @property
    def _live(self) -> LiveRun | None:
        self._driven = gone_on_with(self._driven, self._history)
        return self._driven

    def _version(self) -> int:
        view = self._history.view()
        return self._history._read_up_to + len(view.resumes)

    def _waited(self, limit_s: float | None) -> Waited:
        live = self._live
        if live is not None:
            live.raise_if_lost()
        raise_if_late(f"Run {self.name!r}", live.done.done() if live is not None else self.done(), limit_s)
        return Waited()
