"""An action as its own code meets it: the action itself in the kernel, a stand-in for it in a worker process.

Scopes, traces, groups, reports, logs, questions and steps know these ports and nothing else of an action.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Coroutine
    from contextlib import AbstractContextManager

    from .._task.task import Task
    from ..models.events import AnyEvent, LogLine, PromptAsked, StoredLiterals, StoredText
    from ..storage import Store
    from .logs import ActionLog
    from .naming import CallCounts
    from .reporting import Report
    from .run_options import RunOptions
    from .scope import Scope


class Events(Protocol):
    """Takes what happens, in order; any thread may append."""

    def append(self, event: AnyEvent) -> None:
        """Have an event recorded."""

    def append_line(self, line: LogLine) -> None:
        """Have a piece of log recorded."""


class EarlierTraces(Protocol):
    """Traces that an earlier try of the run has finished."""

    @property
    def from_other_run(self) -> bool:
        """Whether they are of another run than the one that goes on."""

    def trace(self, action: str, key: str) -> StoredLiterals | None:
        """What the finished trace of that key under that action gave."""


class Question(Protocol):
    """A question to a person that was asked."""

    @property
    def asked(self) -> PromptAsked:
        """How it was asked."""


class CallersRun(Protocol):
    """What code may ask of the run it belongs to."""

    stepping: Any
    dirty_logs: set[ActionLog]

    @property
    def name(self) -> str:
        """The run's name."""

    @property
    def options(self) -> RunOptions:
        """What the run was started with."""

    @property
    def started_at(self) -> float:
        """Seconds since the epoch."""

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The loop on which blocking calls have their coroutines run."""

    @property
    def store(self) -> Store:
        """Where its values are kept."""

    @property
    def log(self) -> Events:
        """Where its events go."""

    @property
    def finished(self) -> EarlierTraces | None:
        """What an earlier try has finished."""

    def reading(self) -> AbstractContextManager[None]:
        """Inside the block it is found out what code uses: the time that takes is not the caller's."""

    def keep(self, serialized: bytes) -> StoredLiterals:
        """Serialized literals as an event holds them."""

    def keep_text(self, text: str) -> StoredText:
        """A piece of HTML as an event holds it."""

    def fetch(self, kept: StoredLiterals) -> bytes:
        """The bytes that `keep` put away."""

    def submit(
        self, scope: Scope, task: Task[Any, Any], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Coroutine[Any, Any, Any]:
        """Call `task` from `scope` and return what it returns."""

    async def commit(self) -> None:
        """Wait until what was appended is durable."""

    async def ask(self, action: Any, name: str, data_type: str, prompt: str, timeout_s: float) -> Question:
        """Ask a person, unless this very question was asked before."""

    async def wait_for_answer(self, action: Any, question: Any) -> Any:
        """The answer, or `TimeoutError` if nobody gives one in time."""


class Caller(Protocol):
    """The action whose code runs.

    Attributes
    ----------
    counts : dict
        How often it made which call or trace.
    environment : dict or None
        Environment variables to set while its code runs.
    """

    report: Report | None
    log: ActionLog | None
    seen_groups: set[str] | None

    @property
    def name(self) -> str:
        """The action's name."""

    @property
    def known_as(self) -> str:
        """What its calls and traces are named after."""

    @property
    def run(self) -> CallersRun:
        """The run it belongs to."""

    @property
    def custom_context(self) -> dict[str, str]:
        """What its code begins with."""

    @property
    def closed(self) -> bool:
        """Whether its code is done and may start nothing more."""

    @property
    def counts(self) -> CallCounts:
        """How often it made which call."""

    @property
    def results(self) -> dict[str, StoredLiterals] | None:
        """What its calls and traces gave in earlier attempts."""

    @property
    def environment(self) -> dict[str, str] | None:
        """Environment variables to set while its code runs."""

    @property
    def stop_hard(self) -> bool:
        """Whether the time for politeness is over."""

    @property
    def attempt(self) -> int:
        """Which attempt runs, counted from 1."""

    @property
    def may_repeat(self) -> bool:
        """Whether what its calls give is worth remembering, for another attempt."""

    def remember(self, name: str, outputs: StoredLiterals) -> None:
        """Keep what a call gave, for another attempt."""
