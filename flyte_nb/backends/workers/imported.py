"""Whether the user's modules are still what this process has imported."""

from __future__ import annotations

import os
import sys

from ..._code.ownership import is_user_module


class ImportedFiles:
    """The files of the user's modules, and when each had been changed last."""

    def __init__(self) -> None:
        self._known: set[str] = set(sys.modules)
        self._count = len(sys.modules)
        self._changed_at: dict[str, int] = {}

    def note(self) -> None:
        """Take note of what was imported since the last call."""
        if len(sys.modules) == self._count:
            return
        self._count = len(sys.modules)
        for name in sys.modules.keys() - self._known:
            self._known.add(name)
            file = getattr(sys.modules.get(name), "__file__", None)
            if isinstance(file, str) and is_user_module(name):
                self._changed_at[file] = _changed_at(file)

    def are_stale(self) -> bool:
        """Whether one of them was edited since."""
        return any(_changed_at(file) != before for file, before in self._changed_at.items())


def _changed_at(file: str) -> int:
    try:
        return os.stat(file).st_mtime_ns
    except OSError:
        return 0
