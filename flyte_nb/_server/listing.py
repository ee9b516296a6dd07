"""What the list of runs tells a page, and what the page may say.

The TypeScript types are generated from these classes:
``python -m flyte_nb._server.listing > labextension/src/panel/wire.ts``.
"""

from __future__ import annotations

from typing import Annotated, TypeAlias

import msgspec

from .._view.wire import Notice, Prompt
from ..models.phases import ActionPhase
from ..models.records import RunFilter, RunRecord


class RunLine(msgspec.Struct, frozen=True):
    """A run in a list. Times are seconds since the epoch; for `paused_s` seconds nobody drove it.

    Attributes
    ----------
    interrupted : bool
        Whether its process is gone without having ended it; it is aborted then, and can be resumed.
    """

    name: str
    task: str
    phase: ActionPhase
    created_at: float
    ended_at: float | None
    source: str
    labels: dict[str, str]
    rerun_of: str
    host: str
    interrupted: bool
    can_resume: bool
    paused_s: float = 0.0


class Waiting(msgspec.Struct, frozen=True):
    """A question, and the run that asks it."""

    run: str
    task: str
    source: str
    question: Prompt


class SavedPicture(msgspec.Struct, frozen=True):
    """A run that has ended, as a notebook keeps it.

    Attributes
    ----------
    is_final : bool
        Whether it has ended by itself; else its process is gone, and it may go on elsewhere.
    """

    created_at: float
    is_final: bool
    html: str
    text: str


class Day(msgspec.Struct, array_like=True, frozen=True):
    """How many of the chosen runs started on a day; `number` counts days since the epoch where the reader is."""

    number: int
    runs: int


class RunList(msgspec.Struct, tag_field="type", tag="runs", frozen=True):
    """Some of the runs that fit, the newest first, how many there are, and on which days they started."""

    total: int
    offset: int
    runs: list[RunLine]
    days: list[Day] = []


class Running(msgspec.Struct, tag_field="type", tag="running", frozen=True):
    """All runs that go on, whatever the page has chosen to see."""

    runs: list[RunLine]


class Inbox(msgspec.Struct, tag_field="type", tag="inbox", frozen=True):
    """All questions that wait for a person, and the time by which they expire, when it was sent."""

    waiting: list[Waiting]
    at_ms: int = 0


class Facets(msgspec.Struct, tag_field="type", tag="facets", frozen=True):
    """What can be chosen: tasks and notebooks or files, those used last in front."""

    tasks: list[str]
    sources: list[str]


class Trouble(msgspec.Struct, tag_field="type", tag="trouble", frozen=True):
    """What keeps the list from being read; empty once that is over."""

    text: str


class Wanted(msgspec.Struct, tag_field="type", tag="list", frozen=True):
    """What part of the list a page shows; it is sent anew whenever it has changed.

    Attributes
    ----------
    utc_offset_s : int
        What to add to universal time to get the reader's.
    every_ms : int
        How often news may be sent.
    """

    chosen: RunFilter = RunFilter()
    offset: Annotated[int, msgspec.Meta(ge=0, le=1_000_000_000)] = 0
    limit: Annotated[int, msgspec.Meta(ge=0, le=1_000_000_000)] = 50
    utc_offset_s: Annotated[int, msgspec.Meta(ge=-100_000, le=100_000)] = 0
    every_ms: Annotated[int, msgspec.Meta(ge=0, le=3_600_000)] = 250


ListNews: TypeAlias = RunList | Running | Inbox | Facets | Trouble | Notice


def line_of(record: RunRecord, *, lost: bool) -> RunLine:
    """A run as the list shows it; `lost` if its process is gone."""
    phase = ActionPhase.ABORTED if lost else record.phase
    return RunLine(
        name=record.name,
        task=record.task,
        phase=phase,
        created_at=record.created_at,
        ended_at=record.ended_at if not lost else record.heartbeat_at,
        source=record.source,
        labels=record.labels,
        rerun_of=record.rerun_of,
        host=record.owner.host,
        interrupted=lost,
        can_resume=phase.is_terminal and phase is not ActionPhase.SUCCEEDED,
        paused_s=record.paused_s,
    )


if __name__ == "__main__":
    from .._view.typescript import typescript

    imports = 'import type { Notice, Prompt } from "../run/wire";'
    parts = [RunFilter, RunLine, Waiting, SavedPicture, Day, RunList, Running, Inbox, Facets, Trouble, Wanted]
    print(typescript("flyte_nb/_server/listing.py", parts, {"ListNews": ListNews}, imports), end="")
