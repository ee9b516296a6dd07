"""How a run is shown where there is something to show it on; filled by `flyte_nb` for notebooks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

_show: Callable[[str], Any] | None = None


def show_with(function: Callable[[str], Any]) -> None:
    """Have runs shown by `function`, which gets a run's name."""
    global _show
    _show = function


def show_run(name: str) -> bool:
    """Show a run; False where nobody knows how."""
    if _show is None:
        return False
    _show(name)
    return True
