"""Rows that can be read without folding a run's events."""

from __future__ import annotations

import msgspec

from .events import Owner
from .phases import ActionPhase

LONGEST_SEARCH = 1_000


class RunRecord(msgspec.Struct, frozen=True):
    """One line of the list of runs.

    `phase` is what the journal holds; whether the owner still lives is `flyte_nb._journal.liveness`' to say.
    Times are seconds since the epoch; `ended_at` is None while nothing ended. `fence` changes whenever somebody else
    may write the run from then on. `paused_s`: for how long nobody drove it, between an end and a resume.
    """

    name: str
    task: str
    project: str
    domain: str
    phase: ActionPhase
    created_at: float
    ended_at: float | None
    owner: Owner
    heartbeat_at: float
    source: str = ""
    labels: dict[str, str] = {}
    rerun_of: str = ""
    fence: int = 0
    paused_s: float = 0.0


class RunFilter(msgspec.Struct, frozen=True):
    """Which runs somebody wants to see; an empty field is no condition.

    Attributes
    ----------
    phases : tuple of ActionPhase
    task, source : str
        The task's full name, and the notebook or file.
    text : str
        Part of a run's name, task, source or labels, of at most `LONGEST_SEARCH` signs.
    """

    phases: tuple[ActionPhase, ...] = ()
    task: str = ""
    source: str = ""
    text: str = ""

    def __post_init__(self) -> None:
        if len(self.text) > LONGEST_SEARCH:
            raise ValueError(f"A search has at most {LONGEST_SEARCH:,} signs; got {len(self.text):,}.")


class TaskRecord(msgspec.Struct, frozen=True):
    """A task that runs were started with, how many of them are remembered, and when the last one started."""

    name: str
    runs: int
    last_started_at: float


class Request(msgspec.Struct, frozen=True):
    """Something a person asked of a run from outside its code.

    `kind` is ``"abort"`` or ``"answer"``; an empty `action` means the run itself. `body` is JSON.
    """

    request_id: int
    run: str
    action: str
    kind: str
    body: str
    posted_at: float
    posted_by: str = ""

    def outcome_after(self, end: ActionPhase) -> str | None:
        """What becomes of it when its run has ended in phase `end`; None if it waits for the run to be resumed."""
        if self.kind != "answer":
            return f"nothing to {self.kind}: the run has ended"
        return f"too late: run {self.run!r} has succeeded" if end is ActionPhase.SUCCEEDED else None


class CacheEntry(msgspec.Struct, frozen=True):
    """A remembered result: where it came from and the stored outputs (encoded `StoredLiterals`)."""

    key: str
    run: str
    action: str
    task: str
    outputs: bytes
    created_at: float
