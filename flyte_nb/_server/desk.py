"""What a server answers and does, without a word of HTTP."""

from __future__ import annotations

import asyncio
import functools
import math
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from typing import Any, TypeVar

import msgspec

from .._follow import requests
from .._follow.archive import Archive
from .._follow.history import RunHistory
from .._follow.inspector import Inspector
from .._follow.live_picture import Follower, LivePicture
from .._follow.origin import Origin, origin_of
from .._follow.page import Page, Send
from .._journal import Home
from .._journal.liveness import is_alive, is_same
from .._journal.network import network_warning
from .._view.wire import Notice, ToPage
from ..errors import ActionNotFoundError, RunStateError
from ..models.events import Owner
from ..models.records import RunFilter, RunRecord, TaskRecord
from .inbox import Questions
from .listing import Day, Facets, Inbox, RunLine, RunList, Running, SavedPicture, Waiting, Wanted, line_of
from .processes import Processes

T = TypeVar("T")
THREADS = 32
MAX_LIMIT = 500
FACETS_EVERY_S = 2.0


class News(msgspec.Struct, frozen=True):
    """All that a page with the list of runs shows."""

    chosen: RunList
    running: Running
    inbox: Inbox
    facets: Facets


class Desk:
    """Answers about the runs of a home, and takes requests for them.

    Parameters
    ----------
    home : Home

    Attributes
    ----------
    may_lose_runs : bool
        Whether some runs had not ended when last looked at; the process of such a run may die without a word.
    """

    may_lose_runs = True

    def __init__(self, home: Home) -> None:
        self._home = home
        self.archive = Archive(home)
        self._questions = Questions(self.archive)
        self._facets = Facets([], [])
        self._facets_read_at = -math.inf
        self._has_old_facets = False
        self._facets_version: object = None
        self._processes = Processes(home.path)
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="flyte_nb-desk")
        self._tidying = threading.Lock()
        self._follower = Follower()
        self._lock = threading.RLock()
        self._pictures: dict[str, LivePicture] = {}
        self._pages: dict[str, list[Page]] = {}

    async def asked(self, function: Callable[..., T], *args: Any, **kwargs: Any) -> T:
        """The result of a call that reads or waits, made on a thread of ours: the server has few."""
        call = functools.partial(function, *args, **kwargs)
        return await asyncio.get_running_loop().run_in_executor(self._threads, call)

    @cached_property
    def warnings(self) -> list[Notice]:
        """What a person should know of the home."""
        text = network_warning(self._home.path)
        return [Notice("warning", text)] if text else []

    # reading ------------------------------------------------------------------------------------------------

    def runs(self, chosen: RunFilter, *, offset: int = 0, limit: int = 50) -> RunList:
        """Runs that fit, the newest first."""
        return self._chosen(Wanted(chosen, offset, limit), self._unfinished()[1], with_days=False)

    def run(self, name: str) -> RunLine:
        """One run."""
        record = self.archive.reader.run(name)
        return line_of(record, lost=not record.phase.is_terminal and not is_alive(record.owner, record.heartbeat_at))

    def news(self, wanted: Wanted) -> News:
        """What a page with the list shows now."""
        records, lost = self._unfinished()
        living = [record for record in records if record.name not in lost]
        running = sorted(living, key=lambda record: -record.created_at)
        return News(
            self._chosen(wanted, lost, with_days=True),
            Running([line_of(record, lost=False) for record in running]),
            Inbox(self._questions.waiting(records, lost)),
            self._known_facets(),
        )

    def origin(self, name: str) -> Origin:
        """Where a run was started from."""
        return origin_of(self.archive.reader, name)

    def tasks(self) -> list[TaskRecord]:
        """Tasks that runs started with."""
        return self.archive.reader.tasks()

    def inbox(self) -> list[Waiting]:
        """Questions that wait for a person."""
        return self._questions.waiting(*self._unfinished())

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

    def saved_picture(self, name: str) -> SavedPicture:
        """What a notebook keeps of a run.

        Raises
        ------
        RunStateError
            If it goes on.
        """
        picture = self._picture_now(name)
        if not picture.ended:
            raise RunStateError(f"Run {name!r} goes on; its picture is kept when it has ended.")
        is_final = not picture.tree.view.is_interrupted
        return SavedPicture(picture.history.created_at, is_final, picture.html(), picture.text())

    def changes(self) -> object:
        """Differs when something was written since the last call."""
        return self.archive.version()

    @property
    def owes_facets(self) -> bool:
        """Whether it is time to read the known tasks and files anew: those that were told last may be old."""
        return self._has_old_facets and time.monotonic() - self._facets_read_at > FACETS_EVERY_S

    # acting -------------------------------------------------------------------------------------------------

    def abort(self, name: str, action: str, reason: str) -> None:
        """Ask that a run, or one of its actions, be stopped.

        Raises
        ------
        RunStateError
            If it has ended, or its process is gone.
        ActionNotFoundError
        """
        phase, what = self.run(name).phase, f"Run {name!r}"
        if action and not phase.is_terminal:
            found = RunHistory(name, self.archive).action(action)
            action, phase, what = found.name, found.phase, f"Action {found.name!r} of run {name!r}"
        if phase.is_terminal:
            raise RunStateError(f"{what} is {phase}; there is nothing to stop.")
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
        self._processes.begin(
            "resume", "--", name,
            folder=self.origin(name).folder, begun=lambda owner: is_same(self.archive.reader.run(name).owner, owner),
        )  # fmt: skip

    def rerun(self, name: str) -> str:
        """Run it again as a run of its own, in a process of its own; the new run's name.

        Raises
        ------
        RunStateError
            If it cannot be run again, or has not begun in time.
        """
        self.run(name)
        folder, begun = self.origin(name).folder, lambda owner: bool(self._started_by(owner))
        started = self._started_by(self._processes.begin("rerun", "--", name, folder=folder, begun=begun))
        if not started:
            raise RunStateError(
                f"Run {name!r} is being started again, which takes long. The list shows it once it has begun."
            )
        return started

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

    def tidy(self, older_than_days: int) -> str:
        """Forget runs that are older, and the values that nobody refers to any more; what was forgotten, in words."""
        with self._tidying:  # each page of JupyterLab asks for it when it opens
            return self._processes.run("gc", "--keep", f"{older_than_days}d")

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
        self._threads.shutdown(wait=False)

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

    def _started_by(self, owner: Owner) -> str:
        newest = self.archive.reader.runs(limit=50)
        return next((record.name for record in newest if is_same(record.owner, owner)), "")

    def _picture_now(self, name: str) -> LivePicture:
        self.archive.reader.run(name)
        picture = LivePicture(RunHistory(name, self.archive), lambda _: None)
        picture.read()
        return picture

    def _unfinished(self) -> tuple[list[RunRecord], frozenset[str]]:
        """Runs that have not ended, and names of those whose process is gone."""
        records = self.archive.reader.unfinished()
        self.may_lose_runs = bool(records)
        return records, frozenset(one.name for one in records if not is_alive(one.owner, one.heartbeat_at))

    def _chosen(self, wanted: Wanted, lost: frozenset[str], *, with_days: bool) -> RunList:
        reader, offset, limit = self.archive.reader, max(wanted.offset, 0), max(min(wanted.limit, MAX_LIMIT), 0)
        total, records = reader.find(wanted.chosen, lost=lost, offset=offset, limit=limit)
        days = reader.days(wanted.chosen, lost=lost, utc_offset_s=wanted.utc_offset_s) if with_days else []
        lines = [line_of(record, lost=record.name in lost) for record in records]
        return RunList(total, offset, lines, [Day(*day) for day in days])

    def _known_facets(self) -> Facets:
        version = self.archive.version()
        self._has_old_facets = version != self._facets_version
        if self.owes_facets:
            reader = self.archive.reader
            self._facets = Facets([task.name for task in reader.tasks()], reader.sources())
            self._facets_version, self._has_old_facets = version, False
            self._facets_read_at = time.monotonic()
        return self._facets


def _on_a_thread(action: Callable[[], Any]) -> None:
    threading.Thread(target=action, name="flyte_nb-asked", daemon=True).start()
