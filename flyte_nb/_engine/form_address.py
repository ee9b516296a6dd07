"""Where people answer questions on a web page; filled by `flyte_nb`, which knows the room of such pages."""

from __future__ import annotations

from collections.abc import Callable

_address: Callable[[], str] | None = None


def serve_forms_with(function: Callable[[], str]) -> None:
    """Have the address given by `function`, which starts what must be started."""
    global _address
    _address = function


def form_address() -> str:
    """The address; empty where nobody serves forms."""
    return _address() if _address is not None else ""
