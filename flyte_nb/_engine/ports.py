"""What the engine needs from rooms it does not know: a journal to write, back-ends to run on.

The composition root (`flyte_nb._runtime`) fills these.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from ..models.events import AnyEvent, LogLine, Owner, RunEnded, RunResumed, RunStarted
from ..models.records import CacheEntry, Request

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from .action import Action
    from .capacity import Capacity


class EventLog(Protocol):
    """The events of one run, in the order they are appended; any thread may append."""

    @property
    def name(self) -> str:
        """The run's name."""

    @property
    def run_id(self) -> int:
        """The run's number in the journal."""

    def append(self, event: AnyEvent) -> None:
        """Queue an event for the next flush."""

    def append_line(self, line: LogLine) -> None:
        """Queue a piece of log for the next flush."""


class Journal(Protocol):
    """Where events become durable. Every method may be called from any thread."""

    @property
    def has_queued(self) -> bool:
        """Whether a flush would write anything."""

    def begin_run(self, name: str, started: RunStarted, snapshot: bytes | None) -> Any:
        """Create a run; returns its `EventLog`."""

    def take_over_run(self, name: str, resumed: RunResumed, expected: Owner) -> Any:
        """Become the owner of an abandoned run; returns its `EventLog`."""

    def end_run(self, log: Any, ended: RunEnded) -> None:
        """Commit a run's end and everything queued before it."""

    def beat(self, run_ids: list[int]) -> None:
        """Tell that this process still drives these runs."""

    def flush(self) -> None:
        """Commit what is queued, or raise `JournalWriteError` and keep it queued."""


class Requests(Protocol):
    """Where requests from outside arrive."""

    def open_requests(self, runs: list[str]) -> list[Request]:
        """Requests nobody has settled."""

    def settle(self, request_id: int, outcome: str) -> bool:
        """Write what became of one; False if it was settled before."""


class ResultCache(Protocol):
    """Where results are kept for later calls."""

    def get(self, key: str) -> CacheEntry | None:
        """The entry of a key."""

    def put(self, entry: CacheEntry) -> None:
        """Keep an entry."""

    def reserve(self, key: str, owner: Owner) -> bool:
        """Take the right to compute a key, unless another living process has it."""

    def release(self, key: str, owner: Owner) -> None:
        """Give it back."""


class Backend(Protocol):
    """A place where attempts run.

    `name` appears in the journal as the action's placement; `capacity` limits how many attempts run there at
    once, None is no limit.
    """

    name: str
    capacity: Capacity | None

    def run(self, action: Action, arguments: dict[str, Any]) -> Awaitable[Any]:
        """Run the user's function once and return what it returned.

        The function must see `action.scope` as the active invoker, in a context of its own. When the
        awaiting task is cancelled the attempt must stop: politely at first (`CancelledError` or the nearest
        thing the place has), hard once `action.stop_hard` is true. The user's exceptions pass through unchanged.
        """
