"""Environment variables of an attempt.

`os.environ` belongs to the process. On the loop it is swapped at every step, so that concurrent tasks do not
see each other's; threads share it while they overlap (docs/decisions.md).
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

NO_VARIABLES: Mapping[str, str] = {}

_lock = threading.Lock()
_in_force: dict[str, list[str | None]] = {}
"""Of each variable that some code has set for itself: what it was before, and what it is for each of them."""


def put_on(variables: Mapping[str, str]) -> None:
    """Set `variables` until `take_off`; whoever overlaps may do so in any order."""
    with _lock:
        for name, value in variables.items():
            _in_force.setdefault(name, [os.environ.get(name)]).append(value)
            os.environ[name] = value


def take_off(variables: Mapping[str, str]) -> None:
    """Undo one `put_on` of the same variables."""
    with _lock:
        for name, value in variables.items():
            values = _in_force[name]
            latest = len(values) - 1 - values[::-1].index(value)
            del values[latest]
            if latest == len(values):
                _set(name, values[-1])
            if len(values) == 1:
                del _in_force[name]


@contextmanager
def applied(variables: Mapping[str, str]) -> Iterator[None]:
    """Set `variables` inside the block."""
    put_on(variables)
    try:
        yield
    finally:
        take_off(variables)


def _set(name: str, value: str | None) -> None:
    if value is None:
        os.environ.pop(name, None)
    else:
        os.environ[name] = value


@dataclass(frozen=True)
class Surroundings:
    """Folder and environment variables that a run was started in."""

    folder: str
    environment: dict[str, str]

    @classmethod
    def now(cls) -> Surroundings:
        """Those of this moment."""
        try:
            folder = os.getcwd()
        except FileNotFoundError:
            folder = os.sep
        return cls(folder, dict(os.environ))
