"""What the engine tells the journal: the only account of a run that anybody else reads.

An event is a small typed record. It is appended, never changed; a picture of a run is a fold over its
events (`flyte_nb._view`). Events are stored as MessagePack arrays: a field may be added at the end of a
class, with a default; fields are never removed, reordered or given another meaning.

Times are seconds since the epoch, as `time.time()` gives them.
"""

from __future__ import annotations

from typing import TypeAlias

import msgspec

from .phases import ActionPhase


class Stored(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """Bytes that an event has: in the journal itself, or in the store under `uri`.

    Attributes
    ----------
    inline : bytes or None
        The bytes, when they are few.
    uri, size_bytes, checksum : str, int, str
        Where they are, how many, and their checksum, when they are not.
    """

    inline: bytes | None = None
    uri: str = ""
    size_bytes: int = 0
    checksum: str = ""


class StoredLiterals(Stored, array_like=True, frozen=True, gc=False):
    """A serialized `flyteidl2` literal map."""


class StoredText(Stored, array_like=True, frozen=True, gc=False):
    """Text that people read, in UTF-8; no program looks for literals in it."""


class StoredCode(Stored, array_like=True, frozen=True, gc=False):
    """A task as `flyte_nb._code.snapshot` takes it down."""


class ErrorRecord(msgspec.Struct, array_like=True, frozen=True):
    """A failure as it is remembered.

    `traceback` holds the user's frames only; `class_name` is the importable or notebook-local name of the
    exception's class, `code` what callers compare with. `cause` is the failure of a call that it was raised from.
    """

    code: str
    kind: str
    message: str
    class_name: str = ""
    traceback: str = ""
    pickled: bytes | None = None
    cause: ErrorRecord | None = None


class CacheOutcome(msgspec.Struct, array_like=True, frozen=True):
    """What the cache said, and why, in words a user understands.

    `status` is one of ``"hit"``, ``"miss"``, ``"disabled"``, ``"overwritten"``.
    """

    status: str
    reason: str
    key: str = ""
    source_run: str = ""
    source_action: str = ""


class Owner(msgspec.Struct, array_like=True, frozen=True):
    """The process that drives a run.

    `process_started_at` tells a reused process id from the first one, `machine` tells hosts of one name apart: where it
    is the same, process ids mean the same.
    """

    host: str
    pid: int
    process_started_at: float
    machine: str = ""


class Event(msgspec.Struct, array_like=True, tag_field="event", frozen=True):
    """Base of all events; `at` is when it happened."""

    at: float


class RunStarted(Event, tag="run_started", frozen=True):
    """A run has a name, an owner and inputs; its root action follows.

    `code`: the snapshot, where it is too large for the journal.
    """

    task: str
    owner: Owner
    mode: str = ""
    project: str = ""
    domain: str = ""
    org: str = ""
    version: str = ""
    raw_data_path: str = ""
    custom_context: dict[str, str] = {}
    env_vars: dict[str, str] = {}
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}
    options: dict[str, str] = {}
    source: str = ""
    rerun_of: str = ""
    inputs: StoredLiterals | None = None
    code: StoredCode | None = None


class RunResumed(Event, tag="run_resumed", frozen=True):
    """Another owner goes on with a run that ended badly, or whose owner is gone.

    `stopped_at`: when that was, or when the owner was last heard of; None was not recorded. `kept`: tasks whose results
    are taken whatever their code is now.
    """

    owner: Owner
    reusable: int = 0
    stopped_at: float | None = None
    kept: list[str] = []


class RunEnded(Event, tag="run_ended", frozen=True):
    """The root action's end, with everything below it settled."""

    phase: ActionPhase
    error: ErrorRecord | None = None


class GroupOpened(Event, tag="group_opened", frozen=True):
    """A `flyte.group` block was entered the first time under this parent.

    `group` identifies it in its run; the same name opened again under the same parent and group is the same
    group.
    """

    group: str
    name: str
    action: str
    parent_group: str = ""


class ActionQueued(Event, tag="action_queued", frozen=True):
    """An action exists. `running` says that its first attempt starts in the same breath."""

    action: str
    parent: str
    task: str
    short_name: str
    inputs: StoredLiterals
    group: str = ""
    code_digest: str = ""
    running: bool = False
    placement: str = ""
    max_attempts: int = 1
    report: bool = False
    cache_behavior: str = ""
    resources: dict[str, str] = {}
    custom_context: dict[str, str] | None = None
    options: dict[str, str] = {}


class TaskSeen(Event, tag="task_seen", frozen=True):
    """The code of a task as this run uses it: `parts` tells, per reached name, its digest.

    Written once per task before its first action, so that a later resume can say what changed.
    """

    task: str
    code_digest: str
    parts: dict[str, str] = {}


class AttemptStarted(Event, tag="attempt_started", frozen=True):
    """An attempt runs. Attempts count from 1."""

    action: str
    attempt: int


class AttemptFailed(Event, tag="attempt_failed", frozen=True):
    """An attempt failed and another one follows after `retry_in_s` seconds."""

    action: str
    attempt: int
    error: ErrorRecord
    retry_in_s: float


class ActionPaused(Event, tag="action_paused", frozen=True):
    """An action waits for a person, or goes on (`phase` RUNNING) after one answered."""

    action: str
    phase: ActionPhase
    reason: str = ""


class ActionEnded(Event, tag="action_ended", frozen=True):
    """The end of an action. Whoever awaited it hears of it only after this is committed.

    `reused` tells why an earlier result was taken instead of running: ``"cache"``, ``"resume"`` or ``""``;
    `rerun_reason` why a recorded result could *not* be taken on resume. `code_changed`: what it reaches was edited
    while it ran, so that its result may be that of other code than the digest it was queued with.
    """

    action: str
    phase: ActionPhase
    outputs: StoredLiterals | None = None
    error: ErrorRecord | None = None
    cache: CacheOutcome | None = None
    reused: str = ""
    attempt: int = 1
    code_changed: bool = False


class RerunDecided(Event, tag="rerun_decided", frozen=True):
    """On resume a finished action is not reused, and why."""

    action: str
    task: str
    reason: str


class TraceEnded(Event, tag="trace_ended", frozen=True):
    """A traced call under `action` ended. It is no checkpoint where `outputs` is None, because it raised, or where its
    `code_changed` meanwhile.
    """

    action: str
    key: str
    name: str
    started_at: float
    inputs: StoredLiterals
    outputs: StoredLiterals | None = None
    error: ErrorRecord | None = None
    code_digest: str = ""
    group: str = ""
    reused: bool = False
    code_changed: bool = False


class ReportChanged(Event, tag="report_changed", frozen=True):
    """A tab of an action's report was appended to or replaced. `content` is HTML, inline or in the store."""

    action: str
    tab: str
    replace: bool
    content: StoredText


class LinkAdded(Event, tag="link_added", frozen=True):
    """A link of an action, or why it could not be made (`error`, then `uri` is empty)."""

    action: str
    name: str
    uri: str
    error: str = ""


class PromptAsked(Event, tag="prompt_asked", frozen=True):
    """A question waits for a person."""

    action: str
    prompt_id: str
    name: str
    prompt: str
    data_type: str
    expires_at: float


class PromptAnswered(Event, tag="prompt_answered", frozen=True):
    """The first valid answer to a question; `value` is JSON."""

    action: str
    prompt_id: str
    value: str
    answered_by: str = ""


class ProgressTold(Event, tag="progress_told", frozen=True):
    """How far something is that takes an action long, in a few words; empty once it is over."""

    action: str
    text: str


class StallNoticed(Event, tag="stall_noticed", frozen=True):
    """An action has held the event loop for `seconds` and let nobody else run; it still does unless `is_over`."""

    action: str
    seconds: float
    is_over: bool = False


AnyEvent: TypeAlias = (
    RunStarted
    | RunResumed
    | RunEnded
    | GroupOpened
    | TaskSeen
    | ActionQueued
    | AttemptStarted
    | AttemptFailed
    | ActionPaused
    | ActionEnded
    | RerunDecided
    | TraceEnded
    | ReportChanged
    | LinkAdded
    | PromptAsked
    | PromptAnswered
    | ProgressTold
    | StallNoticed
)


class LogLine(msgspec.Struct, array_like=True, frozen=True):
    """A piece of text an action printed or logged.

    `stream` is ``"stdout"``, ``"stderr"`` or the name of a logging level in lower case. `text` holds one or
    more whole lines, or the rest of a last line without its end.
    """

    at: float
    action: str
    stream: str
    text: str


def stored_in(event: AnyEvent) -> list[Stored]:
    """All that an event has stored: inputs and outputs, which are literals, text, and code."""
    fields = (getattr(event, name, None) for name in ("inputs", "outputs", "content", "code"))
    return [kept for kept in fields if isinstance(kept, Stored)]
