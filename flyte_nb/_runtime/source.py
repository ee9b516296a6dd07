"""Where a run was started from, as far as that can be known."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

from .._code.ownership import file_of
from .notebook_loop import kernel

_CELL_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
"""What nbformat 4.5 allows; other editors send addresses of their own, which no notebook holds."""

_told: ContextVar[str] = ContextVar("flyte_nb_started_from", default="")


@contextmanager
def started_from(path: Path) -> Iterator[None]:
    """Runs that begin in the block come from `path`, whatever program this is."""
    token = _told.set(str(path))
    try:
        yield
    finally:
        _told.reset(token)


def source_name() -> str:
    """The file name of the notebook or the script."""
    return os.path.basename(_path())


def recorded_source() -> dict[str, str]:
    """The file's absolute path and the id of the notebook's cell, as options that are recorded with a run."""
    path = _path()
    if not path:
        return {}
    cell = cell_id()
    return {"source_path": os.path.abspath(path), **({"source_cell": cell} if cell else {})}


def _path() -> str:
    main = sys.modules.get("__main__")
    return _told.get() or os.environ.get("JPY_SESSION_NAME") or (file_of(main) if main is not None else "")


def cell_id() -> str:
    """The cell that the kernel was asked to run, by its id in the notebook; pages send it with the request."""
    here = kernel()
    request = here.get_parent("shell") if here is not None else None
    told = ((request or {}).get("metadata") or {}).get("cellId")
    return told if isinstance(told, str) and _CELL_ID.fullmatch(told) else ""
