"""The events of one run, read and folded once, then kept up to date."""

from __future__ import annotations

import threading
from functools import cached_property

from .._journal.liveness import is_alive
from .._view.projection import ActionView, RunView
from .._view.tree import Tree
from ..errors import ActionNotFoundError
from ..models.events import RunStarted
from ..models.phases import ActionPhase
from ..models.records import RunRecord
from ..storage import Store
from .archive import Records
from .log_order import in_time, whole_lines

MOST_NAMED = 5


class RunHistory:
    """Reader of a run.

    Parameters
    ----------
    name : str
    records : Records
        Where it is read from.

    Raises
    ------
    RunNotFoundError
        When it is read and there is no such run.
    """

    def __init__(self, name: str, records: Records) -> None:
        self.name = name
        self.records = records
        self._lock = threading.Lock()
        self._view = RunView(name)
        self._read_up_to = 0

    def record(self) -> RunRecord:
        """The run's line in the list of runs."""
        return self.records.reader.run(self.name)

    @cached_property
    def created_at(self) -> float:
        """When it was started, which tells it from a run of that name in another home."""
        return self.record().created_at

    def phase(self) -> ActionPhase:
        """Phase of the run; ABORTED when its process is gone."""
        self.records.commit(self.name)
        return self.recorded_phase()

    def recorded_phase(self) -> ActionPhase:
        """Phase of the run without what this process still holds of it."""
        return ActionPhase.ABORTED if self._is_orphan() else self.record().phase

    def view(self) -> RunView:
        """The run as it is now."""
        self.records.commit(self.name)
        interrupted = self._is_orphan()
        with self._lock:
            for seq, event in self.records.reader.events(self.name, self._read_up_to):
                self._view.apply(event)
                self._read_up_to = seq
            if interrupted:
                self._view.interrupted(self.record().heartbeat_at)
            return self._view

    def tree(self) -> Tree:
        """The tree of the run as it is now, folded anew."""
        self.records.commit(self.name)
        interrupted = self._is_orphan()
        tree = Tree(self.name)
        for _, event in self.records.reader.events(self.name):
            tree.apply(event)
        if interrupted:
            tree.interrupted(self.record().heartbeat_at)
        return tree

    def action(self, name: str) -> ActionView:
        """One action of the run, by its name or, where its task has no other action, by the task's.

        Raises
        ------
        ActionNotFoundError
        """
        view = self.view()
        found = view.actions.get(name)
        if found is None:
            of_task = [action for action in view.actions.values() if name in (action.task, action.short_name)]
            if len(of_task) == 1:
                return of_task[0]
            asked = f"action {name!r}" if name else "root action"
            raise ActionNotFoundError(
                f"Run {self.name!r} has no {asked}; it has {len(view.actions)} actions.{_named(of_task)}"
            )
        return found

    def store(self) -> Store:
        """Where the run's large values are."""
        started = self._view.started or next((event for _, event in self.records.reader.events(self.name)), None)
        if not isinstance(started, RunStarted):
            started = None
        return self.records.open_store(started.raw_data_path if started is not None else "")

    def log_lines(self, action: str | None = None) -> list[str]:
        """Text that actions printed or logged, in the order of time, one whole line each."""
        self.records.commit(self.name, logs=True)
        pieces = (piece for _, piece in self.records.reader.logs(self.name) if action in (None, piece.action))
        return whole_lines(in_time(pieces))

    def report(self, action: str) -> str:
        """The HTML of an action's report: one section per tab."""
        view, store = self.action(action), self.store()
        sections = []
        for tab, pieces in view.tabs.items():
            html = "".join(
                (
                    piece.inline if piece.inline is not None else store.get_nowait(piece.uri, checksum=piece.checksum)
                ).decode()
                for piece in pieces
            )
            sections.append((tab, html))
        if len(sections) == 1:
            return sections[0][1]
        return "\n".join(f"<section data-tab={_quoted(tab)}>{html}</section>" for tab, html in sections)

    def _is_orphan(self) -> bool:
        if self.records.drives(self.name):
            return False
        record = self.record()
        if record.phase.is_terminal or is_alive(record.owner, record.heartbeat_at):
            return False
        return not self.record().phase.is_terminal  # its process may have ended it, and itself, just now


def _named(of_task: list[ActionView]) -> str:
    """The actions of a task, for who asks for an action by its task's name."""
    found = [repr(action.name) for action in of_task]
    more = f" and {len(found) - MOST_NAMED:,} more" if len(found) > MOST_NAMED else ""
    return f" Actions of that task: {', '.join(found[:MOST_NAMED])}{more}." if found else ""


def _quoted(text: str) -> str:
    import html

    return f'"{html.escape(text)}"'
