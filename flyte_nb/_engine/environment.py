"""Environment variables of an attempt.

`os.environ` belongs to the process. On the loop it is swapped at every step, so that concurrent tasks do not
see each other's; threads share it while they overlap (docs/decisions.md).
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager


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
