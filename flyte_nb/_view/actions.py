"""What the events of a run tell of one action: values, as the fold of them leaves them."""

from __future__ import annotations

import msgspec

from ..models import events as ev
from ..models.phases import ActionPhase

MAX_RAISED = 200

INTERRUPTED = ev.ErrorRecord("Interrupted", "system", "The process that drove this run went away.")


def frames_of(error: ev.ErrorRecord) -> str:
    """The traceback of a failure; empty where that only says the message again."""
    told = error.traceback.strip().rpartition(f"{error.code}: ")[2]
    is_alone = "\n" not in error.traceback.strip().removesuffix(error.message.strip())
    return "" if is_alone and told == error.message.strip() else error.traceback


class AttemptView(msgspec.Struct):
    """One attempt of an action; `error` is why another one followed."""

    number: int
    started_at: float
    ended_at: float | None = None
    error: ev.ErrorRecord | None = None


class TryView(msgspec.Struct):
    """An earlier time that an action ran: before its parent called it once more."""

    started_at: float
    ended_at: float | None
    phase: ActionPhase


class TraceView(msgspec.Struct):
    """One traced call."""

    key: str
    name: str
    action: str
    group: str
    started_at: float
    ended_at: float
    inputs: ev.StoredLiterals
    outputs: ev.StoredLiterals | None
    error: ev.ErrorRecord | None
    reused: bool


class GroupView(msgspec.Struct):
    """One heading: opened by an action, perhaps inside another group."""

    group: str
    name: str
    action: str
    parent_group: str


class ActionView(msgspec.Struct):
    """One action. Times are seconds since the epoch, of the last time that it ran; None is 'not yet'.

    The root starts once, and goes on when the run is resumed. `earlier` are the times that another action ran before,
    `tabs` are the pieces of its report, `editions` how often each tab has begun anew.
    """

    name: str
    parent: str
    task: str
    short_name: str
    group: str
    phase: ActionPhase
    queued_at: float
    inputs: ev.StoredLiterals
    code_digest: str = ""
    placement: str = ""
    max_attempts: int = 1
    has_report: bool = False
    cache_behavior: str = ""
    resources: dict[str, str] = {}
    custom_context: dict[str, str] | None = None
    options: dict[str, str] = {}
    started_at: float | None = None
    ended_at: float | None = None
    attempts: list[AttemptView] = []
    outputs: ev.StoredLiterals | None = None
    error: ev.ErrorRecord | None = None
    cache: ev.CacheOutcome | None = None
    reused: str = ""
    rerun_reason: str = ""
    children: list[str] = []
    traces: list[TraceView] = []
    links: list[ev.LinkAdded] = []
    tabs: dict[str, list[ev.StoredText]] = {}
    editions: dict[str, int] = {}
    prompts: dict[str, ev.PromptAsked] = {}
    answers: dict[str, ev.PromptAnswered] = {}
    progress: str = ""
    stalled_s: float = 0.0
    stall_is_over: bool = True
    earlier: list[TryView] = []

    @property
    def is_root(self) -> bool:
        """Whether it is the run's first action."""
        return not self.parent

    @property
    def raised(self) -> str:
        """What it failed with, in a line; empty where it has not failed."""
        if self.error is None or self.phase not in (ActionPhase.FAILED, ActionPhase.TIMED_OUT):
            return ""
        first_line = self.error.message.strip().partition("\n")[0]
        return f"{self.error.code}: {first_line}"[:MAX_RAISED]

    def open_questions(self) -> list[ev.PromptAsked]:
        """What it asks people and nobody has answered yet."""
        if self.phase.is_terminal:
            return []
        return [asked for key, asked in self.prompts.items() if key not in self.answers]
