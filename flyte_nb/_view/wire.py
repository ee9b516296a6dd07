"""Messages between a picture of a run and the page that shows it.

Defined once, here: the TypeScript types are generated from these classes (`flyte_nb._view.typescript`) and checked for
drift. Messages are JSON objects with a `type`. Those to the page are numbered, because frontends drop messages when
there are too many: a page that misses a number asks for everything anew (`Hello`).

Nodes travel as arrays to keep them small. An id is the action's name, ``g:`` and a group's identity, or ``t:`` and a
trace's action and key. Children are sent only for branches that the page has opened.

Where several pages share one channel, as those of a widget do, a message also has a `view`: the page that it is from,
or the only one that it is for.
"""

from __future__ import annotations

import enum
from typing import TypeAlias

import msgspec


class NodeKind(enum.IntEnum):
    """What a node of the tree is."""

    ACTION = 0
    GROUP = 1
    TRACE = 2


class NodePhase(enum.IntEnum):
    """A phase as a small number. A group or a trace has the most pressing phase of what is in it."""

    QUEUED = 0
    RUNNING = 1
    PAUSED = 2
    SUCCEEDED = 3
    RECOVERED = 4
    FAILED = 5
    TIMED_OUT = 6
    ABORTED = 7


class Flag(enum.IntFlag):
    """Marks of a node, added up."""

    CACHE_HIT = 1
    RESUMED = 2
    REPORT = 4
    LINKS = 8
    PROMPT = 16
    STALLED = 32
    RERUN = 64


class Node(msgspec.Struct, array_like=True, frozen=True):
    """One row of the tree.

    Attributes
    ----------
    id, parent : str
        `parent` is empty for the root.
    kind : NodeKind
    label : str
    phase : NodePhase
    start_ms, end_ms : int
        That the run had run, pauses left out; -1 is not yet.
    attempts : int
    flags : int
        Sum of `Flag`.
    children : int
        How many nodes are right below.
    counts : list of int
        How many actions are in each `NodePhase`: its own and all below it; empty for a leaf.
    hint : str
        How far it is, or some of the inputs.
    """

    id: str
    parent: str
    kind: int
    label: str
    phase: int
    start_ms: int = -1
    end_ms: int = -1
    attempts: int = 1
    flags: int = 0
    children: int = 0
    counts: list[int] = []
    hint: str = ""


class Header(msgspec.Struct, frozen=True):
    """The run as a whole. `counts` is by `NodePhase`; times are milliseconds since the epoch, -1 is not yet.

    `catching_up`: the run has ended, and not all of it has been read yet. `resumed_by`: the process that went on with
    it last. `interrupted`: the process that drove it went away. `pauses`: where nobody drove it, after how many
    milliseconds of running, and for how long. `failed_in`: the branches, from the root down, around the action that
    made it fail. `rerun_of`: the run that this one runs again.
    """

    name: str
    task: str
    phase: int
    started_at_ms: int
    ended_at_ms: int
    counts: list[int]
    resumes: int
    reruns: list[str]
    error: str
    owned_here: bool
    can_resume: bool
    catching_up: bool = False
    resumed_by: str = ""
    interrupted: bool = False
    failed_in: list[str] = []
    pauses: list[list[int]] = []
    rerun_of: str = ""


class Frame(msgspec.Struct, frozen=True):
    """The first look at a data frame: `columns` are names with types, `rows` the first ones, cells as text."""

    shape: str
    columns: list[list[str]]
    rows: list[list[str]]


class Variable(msgspec.Struct, frozen=True):
    """A named input or output as text; `truncated` says that there was more. A data frame is shown as a table."""

    name: str
    text: str
    truncated: bool = False
    frame: Frame | None = None


class Failure(msgspec.Struct, frozen=True):
    """Why an action, or an attempt, failed."""

    code: str
    message: str
    traceback: str


class Attempt(msgspec.Struct, frozen=True):
    """One attempt of an action."""

    number: int
    start_ms: int
    end_ms: int
    failure: Failure | None = None


class LinkButton(msgspec.Struct, frozen=True):
    """A link; `address` is empty where it could not be made, and `problem` says why."""

    name: str
    address: str
    problem: str = ""


class Prompt(msgspec.Struct, frozen=True):
    """A question to a person.

    Attributes
    ----------
    kind : {"int", "float", "str", "bool"}
    html : str
        The prompt, rendered and made safe.
    expires_at_ms : int
    answer, answered_by : str
        Empty while nobody has answered; the answer is JSON.
    standing : {"open", "stopped", "over"}
        Whether its action goes on; has ended without success, and asks again when the run is resumed; or has
        succeeded.
    """

    action: str
    prompt: str
    name: str
    kind: str
    html: str
    expires_at_ms: int
    answer: str = ""
    answered_by: str = ""
    answered_at_ms: int = -1
    standing: str = "open"


class LogPiece(msgspec.Struct, array_like=True, frozen=True):
    """A piece of what an action printed (`stream` is stdout or stderr) or logged (the level); `number` goes up."""

    at_ms: int
    stream: str
    text: str
    number: int


class Span(msgspec.Struct, array_like=True, frozen=True):
    """One bar of the timeline, in milliseconds that the run had run; an action that ran again has several."""

    action: str
    label: str
    depth: int
    start_ms: float
    end_ms: float
    phase: int


# to the page ------------------------------------------------------------------------------------------------------


class Reset(msgspec.Struct, tag_field="type", tag="reset", frozen=True):
    """Forget everything: the header, the root, and the nodes of all open branches follow in it or after it.

    `heard` tells whether the kernel has heard this page; one without subshells hears it only after the cell. `at_ms` is
    the time there, by which the page reads all other times.
    """

    seq: int
    at_ms: int
    header: Header
    nodes: list[Node]
    open: list[str]
    heard: bool = True


class Diff(msgspec.Struct, tag_field="type", tag="diff", frozen=True):
    """Nodes that are new or changed, in opened branches; `header` where it changed."""

    seq: int
    nodes: list[Node] = []
    header: Header | None = None
    prompts: list[Prompt] = []


class Heartbeat(msgspec.Struct, tag_field="type", tag="heartbeat", frozen=True):
    """The newest number, so that a lost last message is noticed, and the time where it comes from."""

    seq: int
    at_ms: int


class Details(msgspec.Struct, tag_field="type", tag="details", frozen=True):
    """All about one action, for the page that selected it; sent again when it changes."""

    action: str
    task: str
    placement: str
    context: list[Variable]
    inputs: list[Variable]
    outputs: list[Variable]
    attempts: list[Attempt]
    links: list[LinkButton]
    tabs: list[str]
    notes: list[str]
    failure: Failure | None = None
    can_abort: bool = False


class Logs(msgspec.Struct, tag_field="type", tag="logs", frozen=True):
    """Log of an action after the number `after`, or its end where that is 0; `cut` if older pieces are left out."""

    action: str
    after: int
    up_to: int
    pieces: list[LogPiece]
    cut: bool = False


class EarlierLogs(msgspec.Struct, tag_field="type", tag="earlier_logs", frozen=True):
    """Log of an action just before the number `before`; `cut` if there is more before these."""

    action: str
    before: int
    pieces: list[LogPiece]
    cut: bool


class ReportChunk(msgspec.Struct, tag_field="type", tag="report", frozen=True):
    """A tab of an action's report from piece number `first` on; another edition takes the place of the one before.

    The pieces are HTML, and untrusted.
    """

    action: str
    tab: str
    edition: int
    first: int
    pieces: list[str]


class TimelineSpans(msgspec.Struct, tag_field="type", tag="timeline", frozen=True):
    """What ran when; `left_out` spans are too many to draw."""

    spans: list[Span]
    left_out: int = 0


class Notice(msgspec.Struct, tag_field="type", tag="notice", frozen=True):
    """What became of something the person asked for. `about` is the action or the prompt."""

    level: str
    text: str
    about: str = ""


# from the page ----------------------------------------------------------------------------------------------------


class Hello(msgspec.Struct, tag_field="type", tag="hello", frozen=True):
    """Send everything; `open` is what the page has open, if it was there before."""

    open: list[str] = []


class Open(msgspec.Struct, tag_field="type", tag="open", frozen=True):
    """Send the children of a branch and keep them up to date; `all` opens everything below it too."""

    id: str
    all: bool = False


class Close(msgspec.Struct, tag_field="type", tag="close", frozen=True):
    """No longer send the children of a branch."""

    id: str


class Select(msgspec.Struct, tag_field="type", tag="select", frozen=True):
    """Send details, logs and report of an action and keep them up to date; an empty one selects nothing."""

    action: str


class AskTimeline(msgspec.Struct, tag_field="type", tag="ask_timeline", frozen=True):
    """Send the timeline: of those actions only, or of all."""

    actions: list[str] | None = None


class AskEarlierLogs(msgspec.Struct, tag_field="type", tag="ask_earlier_logs", frozen=True):
    """Send what an action printed or logged before the piece of that number."""

    action: str
    before: int


class Abort(msgspec.Struct, tag_field="type", tag="abort", frozen=True):
    """Stop an action; an empty one is the run."""

    action: str = ""


class Resume(msgspec.Struct, tag_field="type", tag="resume", frozen=True):
    """Go on with the run."""


class Rerun(msgspec.Struct, tag_field="type", tag="rerun", frozen=True):
    """Run it again, as a run of its own."""


class Answer(msgspec.Struct, tag_field="type", tag="answer", frozen=True):
    """Answer a question; `value` is what was typed."""

    prompt: str
    value: str


class Look(msgspec.Struct, tag_field="type", tag="look", frozen=True):
    """Somebody looks at an ended run: it should not settle to a static picture before their eyes.

    `uses`: they have opened, chosen or typed something here, and it should not settle while the page shows it.
    """

    uses: bool = False


class Leave(msgspec.Struct, tag_field="type", tag="leave", frozen=True):
    """The page shows the run no more: send nothing until it says hello again."""


ToPage: TypeAlias = Reset | Diff | Heartbeat | Details | Logs | EarlierLogs | ReportChunk | TimelineSpans | Notice
FromPage: TypeAlias = (
    Hello | Open | Close | Select | AskTimeline | AskEarlierLogs | Abort | Resume | Rerun | Answer | Look | Leave
)
