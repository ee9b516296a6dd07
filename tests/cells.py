"""Cells without a kernel, for tests of what code is."""

from __future__ import annotations

import textwrap
from typing import Any


def run(source: str, space: dict[str, Any] | None = None, *, file: str = "<cell>", **names: Any) -> dict[str, Any]:
    """Run a cell in the namespace of a notebook, a new one unless `space` is given; `names` are there already."""
    space = {"__name__": "__main__"} if space is None else space
    space.update(names)
    exec(compile(textwrap.dedent(source), file, "exec", dont_inherit=True), space)
    return space


def defined(source: str, name: str = "main") -> Any:
    """What a notebook with one cell defines under that name."""
    return run(source)[name]
