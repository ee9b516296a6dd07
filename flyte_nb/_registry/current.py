"""The registry that this process was told to use, in a worker by the process that it serves."""

from __future__ import annotations

_address = ""


def use_registry(address: str) -> None:
    """Look for deployed tasks at `address` from now on."""
    global _address
    _address = address


def told_registry() -> str:
    """The address that `use_registry` was given last, an empty text in a process that serves nobody."""
    return _address
