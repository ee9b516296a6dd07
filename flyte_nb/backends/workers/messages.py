"""What the kernel and a worker tell each other, as tagged structs; values are literals as they are stored.

A worker does one attempt at a time. The kernel says `Setup` once per run and `Code` once per task, again where the
worker has forgotten them (`kept.py`), then `Start`; the worker ends an attempt with `Returned`, `Raised` or
`Cancelled`. Between the two it may record events, print, and ask things: every question has a number, and gets one
reply with that number. Messages keep their order in each direction.

`encode` makes bytes of them, `decode_for_worker` and `decode_from_worker` make messages of bytes. Fields that hold
pickles (`Code.payload`, `Call.code`, `Call.options`, `Setup.transformers`, `ErrorRecord.pickled`) are loaded by the
other end, so a link must carry nothing but what these two ends say.
"""

from __future__ import annotations

from typing import TypeAlias

import msgspec

from ...models.events import (
    ErrorRecord,
    GroupOpened,
    ProgressTold,
    PromptAsked,
    ReportChanged,
    RerunDecided,
    StoredLiterals,
    TraceEnded,
)
from ...models.text import packed


class Message(msgspec.Struct, array_like=True, tag_field="kind", frozen=True, gc=False):
    """Base of all messages."""


# kernel to worker -------------------------------------------------------------------------------------------


class Setup(Message, tag="setup", frozen=True):
    """A run, and the surroundings that its code expects.

    Attributes
    ----------
    path : list of str
        Where modules are found; empty leaves the worker's own.
    registry : str
        Address of the deployed tasks that its code may call.
    deployed : bool
        Whether the code is deployed: then nothing that the worker says is unpickled by the kernel.
    """

    run: str
    started_at: float
    store: str
    mode: str
    version: str
    project: str
    domain: str
    org: str
    raw_data_path: str
    folder: str
    path: list[str]
    environment: dict[str, str]
    log_levels: dict[str, int]
    transformers: bytes
    from_other_run: bool
    registry: str = ""
    deployed: bool = False


class Code(Message, tag="code", frozen=True):
    """A task: what `flyte_nb._code.snapshot.take_snapshot` made of it."""

    key: str
    payload: bytes


class Source(Message, tag="source", frozen=True):
    """A task of deployed code: the folder that holds it, and the modules that declare it."""

    key: str
    folder: str
    modules: list[str]
    task: str
    compat: bool


class Start(Message, tag="start", frozen=True):
    """Run a task once.

    Attributes
    ----------
    results : dict
        What traces gave in earlier attempts, by key.
    traces : dict
        What traces gave in an earlier try of the run, by key.
    secrets : list of dict
        Names of secrets that the worker looks up itself; see `flyte_nb._task.secret.Secret`.
    known_as : str
        What traces are named after.
    """

    run: str
    action: str
    code: str
    inputs: StoredLiterals
    attempt: int
    may_repeat: bool
    max_inline_io_bytes: int
    environment: dict[str, str]
    custom_context: dict[str, str]
    results: dict[str, StoredLiterals]
    traces: dict[str, StoredLiterals]
    secrets: list[dict[str, str]] = []
    known_as: str = ""


class Stop(Message, tag="stop", frozen=True):
    """Stop the attempt: raise `CancelledError` in its code."""


class Answered(Message, tag="answered", frozen=True):
    """A call succeeded."""

    number: int
    outputs: StoredLiterals


class Failed(Message, tag="failed", frozen=True):
    """What was asked for failed."""

    number: int
    error: ErrorRecord


class Withdrawn(Message, tag="withdrawn", frozen=True):
    """What was asked for was cancelled."""

    number: int


class CodeWanted(Message, tag="code_wanted", frozen=True):
    """The kernel does not know the task of a call; call again, with its code."""

    number: int


class Done(Message, tag="done", frozen=True):
    """What was asked for is done; `text` is JSON, or empty."""

    number: int
    text: str = ""


class Posed(Message, tag="posed", frozen=True):
    """A question was asked. People answer it at `page`, programs below `programs`."""

    number: int
    asked: PromptAsked
    page: str
    programs: str


ToWorker: TypeAlias = Setup | Code | Source | Start | Stop | Answered | Failed | Withdrawn | CodeWanted | Done | Posed

# worker to kernel -------------------------------------------------------------------------------------------


class Recorded(Message, tag="recorded", frozen=True):
    """Something happened that belongs into the journal."""

    event: GroupOpened | TraceEnded | RerunDecided | ReportChanged | ProgressTold


class Printed(Message, tag="printed", frozen=True):
    """Text for ``stdout`` or ``stderr``."""

    stream: str
    text: str


class Withheld(Message, tag="withheld", frozen=True):
    """So much more was printed than is kept; it was not sent, but for the last of it."""

    characters: int
    last: str


class Logged(Message, tag="logged", frozen=True):
    """A record of `logging`."""

    logger: str
    level: int
    text: str


class Call(Message, tag="call", frozen=True):
    """Call a task below this action.

    Attributes
    ----------
    options : bytes
        Pickled `TaskOptions`, or JSON from deployed code; empty without overrides.
    code : bytes
        As `Code.payload`, or, from deployed code, JSON that says which deployed task it is; empty unless the kernel
        wanted it.
    code_digest : str
        Of the task's code, to tell tasks of one name apart; not needed from deployed code.
    """

    number: int
    task: str
    options: bytes
    code: bytes
    inputs: StoredLiterals
    digest: bytes
    group: str
    custom_context: dict[str, str]
    code_digest: str = ""


class Withdraw(Message, tag="withdraw", frozen=True):
    """Cancel what was asked for."""

    number: int


class Commit(Message, tag="commit", frozen=True):
    """Reply when all that was recorded before is durable."""

    number: int


class Ask(Message, tag="ask", frozen=True):
    """Ask a person."""

    number: int
    name: str
    data_type: str
    prompt: str
    timeout_s: float


class AwaitAnswer(Message, tag="await_answer", frozen=True):
    """Reply when a person has answered."""

    number: int
    prompt_id: str


class Returned(Message, tag="returned", frozen=True):
    """The end of an attempt.

    Attributes
    ----------
    wrote : bool
        Whether there may be output of the attempt's that went past Python, and that nobody has read yet.
    """

    outputs: StoredLiterals
    wrote: bool = False


class Raised(Message, tag="raised", frozen=True):
    """The end of an attempt."""

    error: ErrorRecord
    wrote: bool = False


class Cancelled(Message, tag="cancelled", frozen=True):
    """The end of an attempt."""

    wrote: bool = False


class Stale(Message, tag="stale", frozen=True):
    """The worker begins nothing more; an attempt that was ordered and has not begun is for another one to do.

    A module that it has imported was edited since, or a task has left something behind. So it may come after the end of
    an attempt, when the kernel has ordered another one or has not.
    """


FromWorker: TypeAlias = (
    Recorded
    | Printed
    | Withheld
    | Logged
    | Call
    | Withdraw
    | Commit
    | Ask
    | AwaitAnswer
    | Returned
    | Raised
    | Cancelled
    | Stale
)

ENDS = (Returned, Raised, Cancelled)
"""How an attempt ends that has begun."""

_to_worker = msgspec.msgpack.Decoder(ToWorker)
_from_worker = msgspec.msgpack.Decoder(FromWorker)


def encode(message: ToWorker | FromWorker) -> bytes:
    """`message` as bytes."""
    return packed(message)


def decode_for_worker(data: bytes | memoryview) -> ToWorker:
    """What the kernel said."""
    message: ToWorker = _to_worker.decode(data)
    return message


def decode_from_worker(data: bytes | memoryview) -> FromWorker:
    """What a worker said."""
    message: FromWorker = _from_worker.decode(data)
    return message
