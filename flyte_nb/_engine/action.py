"""An action while it lives: who called it, how it can be stopped, what it still holds.

Nothing of it outlives the action; what must be remembered is in the journal.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from ..models.events import ActionQueued, StoredLiterals
from .machine import ActionMachine, Stop, StopReason
from .naming import CallCounts
from .run_options import ROOT_WAS
from .scope import Scope
from .ticks import TickCommits

if TYPE_CHECKING:
    from .cached import LookedUp
    from .lending import Lent
    from .live_run import LiveRun
    from .logs import ActionLog
    from .plan import TaskPlan
    from .ports import Place
    from .reporting import Report
    from .time_limits import TimeLimit

GRACE_S = 2.0
LOOK_AGAIN_S = 0.05


class Action:
    """A call on its way.

    Attributes
    ----------
    known_as : str
        What its calls are named after: `name`, or for a root that runs an action of another run again, that one's.
    depth : int
        How many actions stand above it.
    environment : dict or None
        Environment variables of its attempts.
    results : dict of str to StoredLiterals, or None
        What its calls gave in earlier attempts, where there may be several.
    looked_up : LookedUp or None
        What the cache said, where it was asked.
    stop_hard : bool
        The grace period is over.
    ended, closed : bool
        `closed`: the user's code is done and may start nothing more; `ended`: the end is recorded.
    given_up : bool
        Its event loop stopped before it ended. Should that loop go on, its code is cancelled.
    code_changed : bool
        What it reaches was edited while it ran, so that what it gave may be that of other code.
    pauses : int
        How many answers of people it waits for.
    """

    __slots__ = (
        "_cancels",
        "_cancels_before",
        "_children",
        "_children_gone",
        "_loop",
        "_task",
        "closed",
        "code_changed",
        "commits",
        "counts",
        "custom_context",
        "depth",
        "ended",
        "environment",
        "given_up",
        "group",
        "held_inputs",
        "kept_outputs",
        "known_as",
        "lent",
        "limits",
        "log",
        "looked_up",
        "machine",
        "may_repeat",
        "name",
        "parent",
        "pauses",
        "places",
        "plan",
        "queued_number",
        "report",
        "results",
        "run",
        "scope",
        "seen_groups",
        "stop_hard",
    )

    def __init__(
        self, run: LiveRun, plan: TaskPlan, name: str, parent: Action | None, group: str, custom_context: dict[str, str]
    ) -> None:
        self.run: LiveRun = run
        self.plan: TaskPlan = plan
        self.name: str = name
        self.known_as: str = name if parent is not None else run.options.recorded.get(ROOT_WAS, name)
        self.parent: Action | None = parent
        self.depth: int = parent.depth + 1 if parent is not None else 0
        self.group: str = group
        self.commits: TickCommits
        self.custom_context: dict[str, str] = custom_context
        self.counts: CallCounts = {}
        self.machine: ActionMachine = ActionMachine(plan.max_attempts, plan.delay_s)
        self.environment: dict[str, str] | None = plan.environment
        self.places: list[Place] = []
        self.lent: Lent | None = None
        self.pauses: int = 0
        self.seen_groups: set[str] | None = None
        self.log: ActionLog | None = None
        self.report: Report | None = None
        self.limits: dict[str, TimeLimit] | None = None
        self.held_inputs: StoredLiterals | None = None
        self.queued_number: int = 0
        self.kept_outputs: StoredLiterals | None = None
        self.may_repeat: bool = plan.may_repeat or (parent is not None and parent.may_repeat)
        self.results: dict[str, StoredLiterals] | None = run.left_behind.pop(name, None)
        self.looked_up: LookedUp | None = None
        self.scope: Scope = Scope(self, 1, custom_context)
        self.closed: bool = False
        self.code_changed: bool = False
        self.ended: bool = False
        self.given_up: bool = False
        self.stop_hard: bool = False
        self._children: set[Action] | None = None
        self._children_gone: asyncio.Future[None] | None = None
        self._task: asyncio.Task[Any] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._cancels = 0
        self._cancels_before = 0

    def live_on(self, loop: asyncio.AbstractEventLoop) -> None:
        """Take note of the asyncio task that drives this action: the caller's."""
        self._loop = loop
        self._task = task = asyncio.current_task(loop)
        self._cancels_before = task.cancelling() if task is not None else 0
        self.commits = self.run.commits_on(loop)
        if self.machine.stop is not None:
            self._cancel_task()  # `stop` came first and found nothing to cancel

    @property
    def attempt(self) -> int:
        """Which attempt runs, counted from 1."""
        return self.machine.attempt

    @property
    def stored_inputs(self) -> StoredLiterals:
        """Its inputs as they were recorded. Larger ones are read from there: very many calls may wait for room."""
        if self.held_inputs is not None:
            return self.held_inputs
        queued = self.run.log.read_back(self.queued_number)
        assert isinstance(queued, ActionQueued)
        return queued.inputs

    @property
    def stop_requested(self) -> bool:
        """Whether `stop` has cancelled the awaiting task and nobody has taken it back."""
        return self._cancels > 0 or self.machine.stop is not None

    @property
    def waits(self) -> bool:
        """Whether it waits for calls, or for a person."""
        return bool(self._children) or self.pauses > 0

    @property
    def is_cancelled(self) -> bool:
        """Whether the awaiting task was cancelled; else it is something of the action's own that was."""
        return self.machine.stop is not None or self._task is None or self._task.cancelling() > 0

    # stopping ---------------------------------------------------------------------------------------------

    def stop(self, stop: Stop) -> None:
        """Have the action stopped; politely, and hard after `GRACE_S` seconds. Any thread may call it."""
        if self.ended or not self.machine.wish_stop(stop):
            return
        self._cancel_task()
        self.run.call_after(GRACE_S, lambda: self._harden(stop))

    def _harden(self, stop: Stop) -> None:
        if not self.ended and self.machine.stop is stop:
            self.stop_hard = True
            for child in tuple(self._children or ()):  # one with an asyncio task of its own is not told by this one's
                child.stop(Stop(StopReason.PARENT_ENDED, stop.message))
                if child.machine.stop is not None:
                    child._harden(child.machine.stop)
            self._cancel_task()
            self._give_up_if_stranded()

    def _give_up_if_stranded(self) -> None:
        """A loop that does not run delivers no cancellation. What still runs on another one below is waited for."""
        loop = self._loop
        if self.ended or self.parent is None or loop is None or loop.is_running():
            return
        if self._children:
            self.run.call_after(LOOK_AGAIN_S, self._give_up_if_stranded)
        else:
            self.run.give_up(self)

    def forgive(self) -> None:
        """Another attempt starts: nobody wants it stopped yet, and its calls are counted from the beginning.

        What succeeded below is remembered, so the attempt finds it by name and goes on where the last one failed.
        """
        self.stop_hard = False
        self.counts.clear()
        self.scope = Scope(self, self.attempt, self.custom_context)

    def remember(self, name: str, outputs: StoredLiterals) -> None:
        """Keep what a call of this action gave, for another attempt."""
        if self.results is None:
            self.results = {}
        self.results[name] = outputs

    def _cancel_task(self) -> None:
        loop = self._loop
        if loop is None:
            return
        try:
            loop.call_soon_threadsafe(self._deliver_cancel, self.machine.stop)
        except RuntimeError:
            pass  # the loop is closed, and with it all that ran there

    def _deliver_cancel(self, stop: Stop | None) -> None:
        if (self.ended and not self.given_up) or self._task is None or self.machine.stop is not stop:
            return  # it was meant for an attempt that has ended meanwhile
        self._cancels += 1
        self._task.cancel()

    async def absorb_cancels(self) -> None:
        """Take back the cancellations that `stop` sent, so that the awaiting code goes on.

        Raises
        ------
        asyncio.CancelledError
            If somebody else cancelled the awaiting task as well, since the action began.
        """
        task = asyncio.current_task()
        if task is None:
            return
        while self._cancels:
            self._cancels -= 1
            task.uncancel()
        try:
            await asyncio.sleep(0)
        except asyncio.CancelledError:
            pass
        if task.cancelling() > self._cancels_before:
            raise asyncio.CancelledError

    # children ---------------------------------------------------------------------------------------------

    def adopt(self, child: Action) -> None:
        """A call of this action has begun."""
        if self._children is None:
            self._children = set()
        self._children.add(child)

    def release(self, child: Action) -> None:
        """A call of this action is over."""
        children = self._children
        if children is None:
            return
        children.discard(child)
        gone = self._children_gone
        if gone is not None and not children:
            gone.get_loop().call_soon_threadsafe(_set_done, gone)

    def stop_children(self, message: str) -> None:
        """Stop what this action has begun."""
        for child in tuple(self._children or ()):
            child.stop(Stop(StopReason.PARENT_ENDED, message))

    async def settle_children(self) -> None:
        """Stop what is still going on below and wait until it is over."""
        cancelled = False
        while self._children:
            self.stop_children(f"Its parent {self.plan.short_name} ended.")
            self._children_gone = asyncio.get_running_loop().create_future()
            try:
                if self._children:
                    await self._children_gone
            except asyncio.CancelledError:
                cancelled = True
                for child in tuple(self._children):
                    if child.machine.stop is not None:
                        child._harden(child.machine.stop)
            finally:
                self._children_gone = None
        if cancelled and self.machine.stop is None:
            raise asyncio.CancelledError

    def __repr__(self) -> str:
        return f"<Action {self.name} {self.plan.name} of run {self.run.name}>"


def _set_done(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)
