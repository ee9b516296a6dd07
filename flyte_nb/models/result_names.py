"""What a person calls the outputs of a task."""

from __future__ import annotations

import re
from collections.abc import Iterable

_UNNAMED = re.compile(r"o\d+")


def result_names(outputs: Iterable[str]) -> dict[str, str]:
    """Those without a name of their own (``o0``, ``o1``, …) are the result, or results by number."""
    names = list(outputs)
    if names == ["o0"]:
        return {"o0": "result"}
    return {name: f"result {int(name[1:]) + 1}" if _UNNAMED.fullmatch(name) else name for name in names}
