"""What must hold of a run that was struck, healed and resumed, whatever struck it.

A side effect is *completed* when the end of its action, or of its trace, is committed. A completed one never happens
again. One that was in flight when its process died may: once more for each death that it was in flight at. Within one
life it happens as often as attempts have begun; that the last one has begun may not be committed when it dies.
"""

from __future__ import annotations

import contextlib
import itertools
import time
from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeGuard

import psutil

from flyte_nb._journal import JournalReader
from flyte_nb._journal.doctor import examine
from flyte_nb._view.projection import RunView, project
from flyte_nb.models.events import ActionEnded, ActionQueued, AnyEvent, AttemptStarted
from flyte_nb.models.phases import ActionPhase
from flyte_nb.storage.store import checksum_of
from flyte_nb.types.untyped import untyped_values

from . import ledger
from .lives import RUN, home_of

GONE_WITHIN_S = 30.0


@dataclass(frozen=True)
class Snapshot:
    """What was completed at one moment, and how often each side effect had begun and happened by then."""

    completed: frozenset[str] = frozenset()
    effects: Counter[str] = field(default_factory=Counter)
    begun: Counter[str] = field(default_factory=Counter)


def events_of(folder: Path) -> list[AnyEvent]:
    """Of the run; none if it was not begun."""
    path = home_of(folder) / "journal.sqlite"
    if not path.exists():
        return []
    with contextlib.closing(JournalReader(path)) as reader:
        return [event for _, event in reader.events(RUN)]


def snapshot(folder: Path) -> Snapshot:
    """Of now; the journal is read first, so that what it calls completed stands in the ledger."""
    events = events_of(folder)
    completed = completed_in(project(events, RUN))
    return Snapshot(frozenset(completed), ledger.effects_in(folder), begun_in(events))


def begun_in(events: list[AnyEvent]) -> Counter[str]:
    """How many attempts of each action have begun, as far as that is committed."""
    return Counter(event.action for event in events if is_begin(event))


def stopped_before_begin(events: list[AnyEvent]) -> Counter[str]:
    """How often each action was stopped before its kernel heard that an attempt had begun: on a cluster it may have."""
    found: Counter[str] = Counter()
    waiting: set[str] = set()
    for event in events:
        if is_begin(event):
            waiting.discard(event.action)
        elif isinstance(event, ActionQueued):
            waiting.add(event.action)
        elif isinstance(event, ActionEnded) and event.action in waiting:
            found[event.action] += 1
    return found


def is_begin(event: AnyEvent) -> TypeGuard[ActionQueued | AttemptStarted]:
    """Whether an attempt begins."""
    return isinstance(event, AttemptStarted) or (isinstance(event, ActionQueued) and event.running)


def completed_in(view: RunView) -> Iterator[str]:
    """Side effects whose end is committed."""
    for name, action in view.actions.items():
        if action.phase is ActionPhase.SUCCEEDED:
            yield name
        for trace in action.traces:
            if trace.error is None and trace.inputs.inline is not None:
                yield f"{trace.name}:{untyped_values(trace.inputs.inline)['x']}"


def violations(folder: Path, deaths: list[Snapshot], lost_attempts: int) -> Iterator[str]:
    """Whatever does not hold, in words; `lost_attempts` is how many may have died before anybody heard of them."""
    events = events_of(folder)
    view = project(events, RUN)
    yield from repeated(events, ledger.effects_in(folder), deaths, lost_attempts)
    yield from unfinished(view)
    yield from unsound(home_of(folder))


def repeated(
    events: list[AnyEvent], effects: Counter[str], deaths: list[Snapshot], lost_attempts: int
) -> Iterator[str]:
    """Side effects that happened too often, or not at all."""
    for number, death in enumerate(deaths, 1):
        for name in death.completed:
            if effects[name] != death.effects[name]:
                yield f"{name} was completed at end {number} and ran again: {death.effects[name]} -> {effects[name]}"
    ended: set[str] = set()
    for event in events:
        if is_begin(event):
            if event.action in ended:
                yield f"{event.action} has an attempt after its good end"
        elif isinstance(event, ActionEnded) and event.phase is ActionPhase.SUCCEEDED:
            ended.add(event.action)
            if not effects[event.action] and not event.reused and event.action in _acting(events):
                yield f"{event.action} succeeded and has no side effect"
    last = Snapshot(frozenset(ended), effects, begun_in(events))
    stopped_before = stopped_before_begin(events) if lost_attempts else Counter()
    for before, after in itertools.pairwise([Snapshot(), *deaths, last]):
        for name, often in (after.effects - before.effects).items():
            died = after is not last and name not in after.completed
            begun = after.begun[name] - before.begun[name] + died + lost_attempts + stopped_before[name]
            allowed = 1 if ":" in name else begun
            if often > allowed:
                yield f"{name} happened {often} times in one life, and {allowed} can be accounted for"


def _acting(events: list[AnyEvent]) -> set[str]:
    """Actions whose task has a side effect: all but the roots that only gather."""
    gathering = {"fan_out", "trace_all", "ask_all", "file_all"}
    return {event.action for event in events if isinstance(event, ActionQueued) and event.short_name not in gathering}


def unfinished(view: RunView) -> Iterator[str]:
    """Actions in a phase that is not the last one, and a run that has not succeeded."""
    if view.phase is not ActionPhase.SUCCEEDED:
        yield f"the run is {view.phase}"
    for name, action in view.actions.items():
        if not action.phase.is_terminal:
            yield f"{action.short_name} {name} is {action.phase}"


def unsound(home: Path) -> Iterator[str]:
    """What `flyte-nb doctor` finds, and stored values that are not what their name says."""
    found = examine(home / "journal.sqlite")
    yield from found.damage
    yield from found.living
    yield from (f"run {name} has no end" for name in found.orphans)
    yield from (f"cache entry {key} is damaged" for key in found.damaged_cache_keys)
    yield from (f"cache key {key} is reserved by the dead" for key in found.stale_reservations)
    for blob in (home / "store" / "blobs").glob("*/[!.]*"):
        if checksum_of(blob.read_bytes()) != blob.name.partition(".")[0]:
            yield f"stored value {blob.name} is damaged"


def orphans(folder: Path, *, but: Collection[int] = ()) -> Iterator[str]:
    """Processes of the round that are still there; they are given the time that the dead of their kind take."""
    deadline = time.monotonic() + GONE_WITHIN_S
    while left := [process for process in processes_of(folder) if process.pid not in but]:
        if time.monotonic() > deadline:
            for process in left:
                with contextlib.suppress(psutil.Error):
                    yield f"process {process.pid} is left behind: {' '.join(process.cmdline())[:200]}"
                    process.kill()
            return
        psutil.wait_procs(left, timeout=0.1)


def processes_of(folder: Path) -> list[psutil.Process]:
    """Those that a process of the round has started, by their environment."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if process.environ().get(ledger.FOLDER_VARIABLE) == str(folder) and process.status() != "zombie":
                found.append(process)
    return found
