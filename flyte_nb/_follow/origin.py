"""Where a run was started from."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from .._code.ownership import is_user_file
from .._journal import JournalReader
from ..models.events import RunStarted


class Origin(NamedTuple):
    """Path of a notebook or file, and the id of a cell. What is not known is empty."""

    path: str
    cell: str

    @property
    def folder(self) -> Path | None:
        """Where the modules are that its code finds beside it; None where that is not known, or not there any more."""
        folder = Path(self.path).parent
        return folder if self.path and is_user_file(self.path) and folder.is_dir() else None


def origin_of(reader: JournalReader, run: str) -> Origin:
    """Where a run was started from.

    Raises
    ------
    RunNotFoundError
        If there is no such run.
    """
    reader.run(run)
    started = next((event for _, event in reader.events(run, at_a_time=1)), None)
    recorded = started.options if isinstance(started, RunStarted) else {}
    return Origin(recorded.get("source_path", ""), recorded.get("source_cell", ""))
