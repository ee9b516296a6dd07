"""The store of code outside a run, such as a cell; named by `flyte_nb`, whose runtime has one."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .storage import Store

_opener: Callable[[], Store] | None = None


def open_outside_with(opener: Callable[[], Store]) -> None:
    """Have code outside a run use the store that `opener` gives."""
    global _opener
    _opener = opener


def store_outside() -> Store | None:
    """The store of code outside a run; None if nobody named one."""
    return _opener() if _opener is not None else None
