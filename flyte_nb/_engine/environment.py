"""Environment variables of an attempt.

`os.environ` belongs to the process. On the loop it is swapped at every step, so that concurrent tasks do not
see each other's; threads share it while they overlap (docs/decisions.md).
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass


@contextmanager
def applied(variables: Mapping[str, str]) -> Iterator[None]:
    """Set `variables` inside the block; afterwards each is what it was before."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
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
