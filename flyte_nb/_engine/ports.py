"""What the engine needs from rooms it does not know: a journal to write, back-ends to run on.

The composition root (`flyte_nb._runtime`) fills these.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from ..models.events import ActionEnded, ActionQueued, AnyEvent, LogLine, Owner, RunEnded, RunResumed, RunStarted
from ..models.records import CacheEntry, Request, RunRecord

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from ..errors import RunTakenOverError
    from .action import Action
    from .plan import TaskPlan


class EventLog(Protocol):
    """The events of one run, in the order they are appended; any thread may append.

    Attributes
    ----------
    fence : int
        Another one stands beside the run once somebody else has begun to write it.
    lost : RunTakenOverError or None
        Why this process may not write the run any more. What is appended after that goes nowhere.
    when_lost : callable or None
        Called with that error, once, on the thread whose commit found out.
    """

    fence: int
    lost: RunTakenOverError | None
    when_lost: Callable[[RunTakenOverError], None] | None

    @property
    def name(self) -> str:
        """The run's name."""

    @property
    def queued_bytes(self) -> int:
        """How much waits for the next flush."""

    def append(self, event: AnyEvent) -> None:
        """Queue an event for the next flush."""

    def append_numbered(self, event: AnyEvent) -> int:
        """As `append`; gives the number by which `read_back` finds it."""

    def read_back(self, number: int) -> AnyEvent:
        """An event that was appended here, whether it is durable already or not.

        Raises
        ------
        RunTakenOverError
            If it never will be.
        """

    def append_end(self, ended: RunEnded, last_word: Callable[[Request], str | None]) -> None:
        """Queue the run's last event, and what `last_word` will say of requests that are open when it is committed."""

    def append_line(self, line: LogLine) -> None:
        """Queue a piece of log for the next flush."""

    def settle(self, request_id: int, outcome: str, event: AnyEvent | None = None) -> None:
        """Queue what became of a request and the event that tells of it, for one commit."""


class Journal(Protocol):
    """Where events become durable. Every method may be called from any thread."""

    @property
    def has_queued(self) -> bool:
        """Whether a flush would write anything."""

    @property
    def is_committing(self) -> bool:
        """Whether some thread is in the middle of a commit, which ends by itself."""

    def begin_run(self, name: str, started: RunStarted, snapshot: bytes | None) -> Any:
        """Create a run; returns its `EventLog`."""

    def take_over_run(self, resumed: RunResumed, previous: RunRecord) -> Any:
        """Become the only one who may write a run that nobody has written since; returns its `EventLog`."""

    def end_run(self, log: Any, ended: RunEnded) -> None:
        """Commit the end of a run together with everything queued before it."""

    @property
    def patience_s(self) -> float:
        """For how long to wait while another process holds the journal."""

    def beat(self, logs: list[Any], wait_s: float | None = None) -> None:
        """Tell that this process still drives these runs, and commit what is queued."""

    def flush(self, wait_s: float | None = None) -> None:
        """Commit what is queued, or raise `JournalWriteError` and keep it queued.

        While another process holds the journal it waits for `wait_s` seconds, by default for `patience_s`, and raises
        an error that `is_held`.

        What belongs to a run that was taken over is dropped, and its log is `lost`.
        """


class EarlierEvents(Protocol):
    """What an earlier try of a run recorded."""

    @property
    def run(self) -> str:
        """Name of the run."""

    @property
    def others(self) -> list[AnyEvent]:
        """All events but the beginnings and ends of actions, in order."""

    def __len__(self) -> int:
        """How many actions below the root succeeded."""

    def queued(self, action: str) -> ActionQueued | None:
        """How an action began."""

    def succeeded(self, action: str) -> ActionEnded | None:
        """How an action ended, if it succeeded the last time it ran."""


class Requests(Protocol):
    """Where requests from outside arrive."""

    def open_requests(self, runs: list[str]) -> list[Request]:
        """Requests nobody has settled; cheap where nothing changed."""


class ResultCache(Protocol):
    """Where results are kept for later calls."""

    def get(self, key: str) -> CacheEntry | None:
        """The entry of a key."""

    def put(self, entry: CacheEntry, reserved_by: Owner | None = None) -> None:
        """Keep an entry, and give back the right to compute it."""

    def reserve(self, key: str, owner: Owner) -> bool:
        """Take the right to compute a key, unless another living process has it."""

    def release(self, key: str, owner: Owner) -> None:
        """Give it back."""


class Place(Protocol):
    """Room that an action has taken and gives back."""

    def give_back(self) -> None:
        """Free it, or hand it to whoever waits longest. Any thread may call it."""


class Lendable(Place, Protocol):
    """A place that an action which waits gives back, and takes again before it goes on."""

    async def take_again(self) -> None:
        """Wait for it, before those that begin; who calls it keeps the account."""


class Room(Protocol):
    """Says how much may run at once."""

    async def take(self, action: Action) -> None:
        """Wait for room for an attempt, and append what was taken to `action.places`.

        Whoever starts to wait for a child gives it back; otherwise parents would hold all of it while their
        children wait for some. Those that are `Lendable` are taken again before it goes on (`lending.py`).
        """


class Backend(Protocol):
    """A place where attempts run.

    Attributes
    ----------
    name : str
        Appears in the journal as the action's placement.
    may_repeat : bool
        Whether it may begin an attempt again by itself, because the place where it ran is given up. What the attempt
        had called is remembered then, as it is for retries.
    capacity : Room or None
        How much may run there at once; None is no limit.
    by_reference : bool
        Whether inputs and outputs go there as `StoredLiterals` instead of values: true of every place outside
        this process.
    """

    name: str
    capacity: Room | None
    by_reference: bool
    may_repeat: bool

    def check(self, plan: TaskPlan) -> None:
        """Refuse a task that can never run there; called once per run and task, before any call is recorded.

        Raises
        ------
        RuntimeUserError
            For what the place has not (memory, devices), or for code that cannot get there.
        """

    def run(self, action: Action, inputs: Any) -> Awaitable[Any]:
        """Run the user's function once and return what it returned.

        The function must see a scope of its action as the active invoker, in a context of its own. When the awaiting
        task is cancelled the attempt must stop: politely at first (`CancelledError` or the nearest thing the place
        has), hard once `action.stop_hard` is true or some seconds have gone. An exception of the user's passes through
        as it is, or as the error that `flyte_nb._engine.failure.error_from` makes of its record.

        Parameters
        ----------
        action : Action
        inputs : dict of str to object, or StoredLiterals
            Arguments by name; where `by_reference` is true, as they are stored.

        Returns
        -------
        object, or StoredLiterals
            Likewise.
        """
