"""Static pictures of runs that have not succeeded: what they show changes when somebody goes on with the run."""

from __future__ import annotations

import threading
from dataclasses import dataclass

from ..errors import BaseRuntimeError
from ..models.phases import ActionPhase
from ..models.records import RunRecord
from ..remote.history import RunHistory
from .place import Place

MOST = 20


@dataclass(frozen=True)
class LeftPicture:
    """Where the picture of a run is, and which start of it that shows."""

    record: RunRecord
    live: Place
    static: Place


class LeftPictures:
    """The last of them: their places, and nothing of their runs."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._left: list[LeftPicture] = []

    def leave(self, name: str, live: Place, static: Place) -> None:
        """A picture is static from now on; one of a run that succeeded stays as it is."""
        record = _record(name)
        if record is not None and record.phase is not ActionPhase.SUCCEEDED:
            with self._lock:
                self._left = [*self._left, LeftPicture(record, live, static)][-MOST:]

    def take_outdated(self) -> list[LeftPicture]:
        """Those whose run somebody has gone on with since; they are left no more."""
        with self._lock:
            now = {name: _record(name) for name in {left.record.name for left in self._left}}
            outdated = [left for left in self._left if _was_resumed(left.record, now[left.record.name])]
            self._left = [left for left in self._left if left not in outdated and now[left.record.name] is not None]
            return outdated


def _record(name: str) -> RunRecord | None:
    """How a run is recorded; None where it is no more."""
    try:
        return RunHistory(name).record()
    except BaseRuntimeError:
        return None


def _was_resumed(before: RunRecord, now: RunRecord | None) -> bool:
    return now is not None and now.created_at == before.created_at and now.fence != before.fence
