"""What a server answers and does, without a word of HTTP."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from .._follow import requests
from .._follow.archive import Archive
from .._follow.history import RunHistory
from .._follow.inspector import Inspector
from .._follow.live_picture import Follower, LivePicture
from .._follow.page import Page, Send
from .._journal import Home
from .._journal.liveness import is_alive
from .._view.wire import ToPage
from ..errors import ActionNotFoundError, RunStateError
from ..models.phases import ActionPhase
from ..models.records import RunFilter, RunRecord, TaskRecord
from .inbox import Inbox, Waiting
from .processes import Processes

MAX_LIMIT = 500


class RunLine(msgspec.Struct, frozen=True):
    """A run in a list. Times are seconds since the epoch.

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


class RunList(msgspec.Struct, frozen=True):
    """Some of the runs that fit, the newest first, and how many there are."""

    total: int
    offset: int
    runs: list[RunLine]


class Desk:
    """Answers about the runs of a home, and takes requests for them.

    Parameters
    ----------
    home : Home
    """

    def __init__(self, home: Home) -> None:
        self.archive = Archive(home)
        self._inbox = Inbox(self.archive)
        self._processes = Processes(home.path)
        self._follower = Follower()
        self._lock = threading.RLock()
        self._pictures: dict[str, LivePicture] = {}
        self._pages: dict[str, list[Page]] = {}

    # reading ------------------------------------------------------------------------------------------------

    def runs(self, chosen: RunFilter, *, offset: int = 0, limit: int = 50) -> RunList:
        """Runs that fit, the newest first."""
        lost = self._lost()
        total, records = self.archive.reader.find(chosen, lost=lost, offset=offset, limit=min(limit, MAX_LIMIT))
        return RunList(total, offset, [_line(record, record.name in lost) for record in records])

    def run(self, name: str) -> RunLine:
        """One run."""
        record = self.archive.reader.run(name)
        return _line(record, not record.phase.is_terminal and not is_alive(record.owner, record.heartbeat_at))

    def tasks(self) -> list[TaskRecord]:
        """Tasks that runs started with."""
        return self.archive.reader.tasks()

    def inbox(self) -> list[Waiting]:
        """Questions that wait for a person."""
        return self._inbox.waiting(
            record for record in self.archive.reader.unfinished() if is_alive(record.owner, record.heartbeat_at)
        )

    def tree(self, name: str, opened: Sequence[str]) -> list[ToPage]:
        """The messages that a page gets first: the header, the root, and what is below opened branches."""
        picture = self._picture_now(name)
        feed = picture.attach(lambda _: None)
        try:
            feed.heard = True
            return feed.reset(list(opened))
        finally:
            picture.detach(feed)

    def action(self, name: str, action: str) -> list[ToPage]:
        """The messages about one action: details, log, report."""
        picture = self._picture_now(name)
        if action not in picture.tree.view.actions:
            raise ActionNotFoundError(f"Run {name!r} has no action {action!r}.")
        return Inspector(picture, action).news()

    def changes(self) -> int:
        """A number that differs when something was written since the last call."""
        return self.archive.reader.data_version()

    # acting -------------------------------------------------------------------------------------------------

    def abort(self, name: str, action: str, reason: str) -> None:
        """Ask that a run, or one of its actions, be stopped.

        Raises
        ------
        RunStateError
            If it has ended, or its process is gone.
        """
        line = self.run(name)
        if line.phase.is_terminal:
            raise RunStateError(f"Run {name!r} is {line.phase}; there is nothing to stop.")
        requests.post_abort(self.archive, name, action, reason)

    def answer(self, name: str, prompt: str, value: str, *, by: str) -> str:
        """Answer a question; what became of it."""
        return requests.answer_prompt(self.archive, name, prompt, value, by=by)

    def resume(self, name: str) -> None:
        """Go on with a run, in a process of its own.

        Raises
        ------
        RunStateError
            If it cannot be resumed; the message is what `flyte-nb resume` said.
        """
        if not self.run(name).can_resume:
            raise RunStateError(f"Run {name!r} is {self.run(name).phase}; it cannot be resumed.")
        self._processes.begin("resume", "--", name, begun=lambda pid: self.archive.reader.run(name).owner.pid == pid)

    def rerun(self, name: str) -> str:
        """Run it again as a run of its own, in a process of its own; the new run's name."""
        self.run(name)
        pid = self._processes.begin("rerun", "--", name, begun=lambda pid: bool(self._started_by(pid)))
        return self._started_by(pid)

    def delete(self, name: str) -> None:
        """Forget a run that has ended.

        Raises
        ------
        RunStateError
            If it is going on.
        """
        if not self.run(name).phase.is_terminal:
            raise RunStateError(f"Run {name!r} is going on; abort it first.")
        self._processes.run("delete", "--", name)

    # pages --------------------------------------------------------------------------------------------------

    def open_page(self, name: str, send: Send, *, by: str) -> Page:
        """A page that is kept up to date until `close_page`.

        Raises
        ------
        RunNotFoundError
            If there is no such run.
        """
        self.archive.reader.run(name)
        with self._lock:
            picture = self._pictures.get(name)
            if picture is None or picture.is_forgotten:
                picture = self._pictures[name] = LivePicture(RunHistory(name, self.archive), lambda _: None)
                self._follower.follow(picture, lambda: self._needs_no_more(name, picture))
            page = Page(picture, send, resume=self.resume, rerun=self.rerun, schedule=_on_a_thread, answerer=by)
            self._pages.setdefault(name, []).append(page)
            return page

    def close_page(self, name: str, page: Page) -> None:
        """The page is gone."""
        with self._lock:
            page.leave()
            self._pages[name].remove(page)

    def close(self) -> None:
        """Close the files."""
        self.archive.close()

    def _needs_no_more(self, name: str, picture: LivePicture) -> bool:
        with self._lock:
            pages = list(self._pages.get(name, ()))
            if not pages:
                self._pictures.pop(name, None)
                self._pages.pop(name, None)
                return True
        for page in pages:
            page.news_of_selection()
        return False

    def _started_by(self, pid: int) -> str:
        newest = self.archive.reader.runs(limit=50)
        return next((record.name for record in newest if record.owner.pid == pid), "")

    def _picture_now(self, name: str) -> LivePicture:
        self.archive.reader.run(name)
        picture = LivePicture(RunHistory(name, self.archive), lambda _: None)
        picture.read()
        return picture

    def _lost(self) -> frozenset[str]:
        return frozenset(
            record.name
            for record in self.archive.reader.unfinished()
            if not is_alive(record.owner, record.heartbeat_at)
        )


def _line(record: RunRecord, lost: bool) -> RunLine:
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
    )


def _on_a_thread(action: Callable[[], Any]) -> None:
    threading.Thread(target=action, name="flyte_nb-asked", daemon=True).start()
