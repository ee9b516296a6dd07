"""What the service thread does for runs that live: it hears requests, beats, commits, and looks after their loops."""

from __future__ import annotations

import asyncio
import logging
import time
import weakref
from typing import TYPE_CHECKING, NamedTuple

from ..errors import RuntimeSystemError
from ..models.events import StallNoticed
from ..models.records import Request
from .interrupts import STUCK_AFTER_S, has_unread_interrupt, interrupts_are_handled, strike_main_thread
from .ports import Journal, Requests
from .prompts import said_in, take_answer

if TYPE_CHECKING:
    from .live_run import LiveRun

logger = logging.getLogger("flyte_nb")

HEARTBEAT_EVERY_S = 2.0
STALL_AFTER_S = 1.0
PING_EVERY_S = 0.1


class Duty:
    """Done on the service thread, many times a second; must not block.

    Parameters
    ----------
    journal, requests : see `flyte_nb._engine.ports`
    """

    def __init__(self, journal: Journal, requests: Requests) -> None:
        self._journal = journal
        self._requests = requests
        self._is_deaf = False
        self._last_beat = 0.0
        self._pings: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, _Ping] = weakref.WeakKeyDictionary()

    def do(self, runs: dict[str, LiveRun]) -> None:
        """Requests, heartbeats, logs, commits, stalls."""
        self._hear_requests(runs)
        for run in runs.values():
            run.flush_logs()
        now = time.monotonic()
        try:
            if now - self._last_beat >= HEARTBEAT_EVERY_S:
                self._journal.beat([run.log for run in runs.values()], wait_s=0)
                self._last_beat = now
            elif self._journal.has_queued:
                self._journal.flush(wait_s=0)
        except RuntimeSystemError:
            pass  # stays queued; whoever needs it durable hears of it
        self._ping_loops(list(runs.values()), now)

    def _hear_requests(self, runs: dict[str, LiveRun]) -> None:
        """Carry out what is asked of `runs`. That it cannot be read now holds up nothing else."""
        try:
            requests = self._requests.open_requests(list(runs))
        except RuntimeSystemError as error:
            if not self._is_deaf:
                logger.warning("Aborts and answers do not reach runs for now; they go on. %s", error)
            self._is_deaf = True
            return
        if self._is_deaf:
            logger.warning("Aborts and answers reach runs again.")
        self._is_deaf = False
        still_open = {request.request_id for request in requests}
        for run in runs.values():
            run.settled &= still_open
        for request in requests:
            run = runs[request.run]
            if request.request_id not in run.settled:  # else its outcome waits for a commit
                self._carry_out(request, run)

    def _carry_out(self, request: Request, run: LiveRun) -> None:
        with run.settling:
            if run.phase.is_terminal:
                return
            if request.kind == "answer":
                take_answer(run, request)
            elif request.kind == "abort":
                reason = said_in(request).get("reason") or "It was aborted."
                by = f" by {request.posted_by}" if request.posted_by else ""
                found = run.abort(f"{reason}{by}", request.action)
                run.settle(request, "aborted" if found else "nothing to abort: it is not running")
            else:
                run.settle(request, f"unknown kind of request: {request.kind}")

    def _ping_loops(self, runs: list[LiveRun], now: float) -> None:
        for run in runs:
            ping = self._pings.setdefault(run.loop, _Ping(now))
            if ping.answered:
                if now - ping.sent_at >= PING_EVERY_S:
                    ping.send(run.loop, now)
            elif not ping.struck and now - ping.sent_at > STUCK_AFTER_S and has_unread_interrupt(run.loop):
                if not (self._journal.is_committing or interrupts_are_handled()):
                    ping.struck = True
                    strike_main_thread()
            elif (at_work := run.stepping) is not None:
                ping.sees(run, at_work.name, now)

    def forget(self, loop: asyncio.AbstractEventLoop) -> None:
        """No run is on `loop` any more."""
        self._pings.pop(loop, None)


class _Ping:
    """Asks a loop whether it still turns; the asking also wakes it. Meanwhile it knows whom it saw at work there.

    Many short steps in one turn of the loop keep an answer waiting as one long step does, and none of them is to blame.
    """

    def __init__(self, now: float) -> None:
        self.sent_at = self._since = now
        self._seen: tuple[LiveRun, str] | None = None
        self._stall: _Stall | None = None
        self.answered = True
        self.struck = False

    def send(self, loop: asyncio.AbstractEventLoop, now: float) -> None:
        self.sent_at, self.answered, self.struck = now, False, False
        self._seen, self._since = None, now
        try:
            loop.call_soon_threadsafe(self._answer)
        except RuntimeError:
            self.answered = True

    def sees(self, run: LiveRun, action: str, now: float) -> None:
        """Note which action is at work now; one that is for long blocks the loop."""
        if self._seen not in (None, (run, action)):
            self._end_stall(now)
            self._since = now
        self._seen = run, action
        begun = max(self._since, run.busy_until)
        if self._stall is None and now - begun > STALL_AFTER_S:
            self._stall = _Stall(run, action, begun)
            self._stall.note(now)

    def _end_stall(self, now: float) -> None:
        stall, self._stall = self._stall, None
        if stall is not None:
            stall.note(now, is_over=True)

    def _answer(self) -> None:
        self._end_stall(time.monotonic())
        self.answered = True


class _Stall(NamedTuple):
    """An action that blocks the loop, and since when."""

    run: LiveRun
    action: str
    begun: float

    def note(self, now: float, *, is_over: bool = False) -> None:
        self.run.log.append(StallNoticed(time.time(), self.action, now - self.begun, is_over))
