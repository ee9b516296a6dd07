"""Questions that wait for a person, of all runs that have not ended; those of a run whose process is gone too.

What is answered of the latter is kept for the resume, and waits for nobody any more.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Collection, Iterable

from .._follow.archive import Archive
from .._follow.history import RunHistory
from .._view.prompts import prompts_of
from ..errors import RunNotFoundError
from ..models.records import RunRecord
from .listing import Waiting

ASKED = "prompt_asked"


class Questions:
    """Finds questions; of a run without any only the kinds of its new events are looked at.

    Parameters
    ----------
    archive : Archive
    """

    def __init__(self, archive: Archive) -> None:
        self._archive = archive
        self._lock = threading.Lock()
        self._looked_up_to: dict[str, int] = {}
        self._asking: dict[str, RunHistory] = {}

    def waiting(self, unfinished: Iterable[RunRecord], lost: Collection[str]) -> list[Waiting]:
        """Questions of these runs that nobody has answered, those that expire first in front.

        Parameters
        ----------
        unfinished : iterable of RunRecord
        lost : collection of str
            Names of those whose process is gone.
        """
        with self._lock:
            records = {record.name: record for record in unfinished}
            for name in self._looked_up_to.keys() - records.keys():
                del self._looked_up_to[name]
                self._asking.pop(name, None)
            found = [one for record in records.values() for one in self._of_run(record, record.name in lost)]
            return sorted(found, key=lambda one: one.question.expires_at_ms)

    def _of_run(self, record: RunRecord, is_lost: bool) -> list[Waiting]:
        name = record.name
        if name not in self._asking:
            asks, newest = self._archive.reader.has_event(name, ASKED, self._looked_up_to.get(name, 0))
            self._looked_up_to[name] = newest
            if not asks:
                return []
            self._asking[name] = RunHistory(name, self._archive)
        try:
            view = self._asking[name].view()
        except RunNotFoundError:
            return []
        now_ms = time.time() * 1000
        standing = "stopped" if is_lost else "open"
        kept = self._archive.reader.kept_answers(name) if is_lost else frozenset()
        prompts = [
            prompt
            for action in view.actions.values()
            if action.prompts.keys() - action.answers.keys()
            for prompt in prompts_of(action)
        ]
        return [
            Waiting(name, record.task, record.source, prompt)
            for prompt in prompts
            if not prompt.answer
            and prompt.prompt not in kept
            and prompt.standing == standing
            and prompt.expires_at_ms > now_ms
        ]
