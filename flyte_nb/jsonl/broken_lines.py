"""What is done about lines that are no JSON: the `on_error` of every method that reads."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Callable, Iterator
from typing import Any, Literal, TypeAlias

from .lines import Block, Fault

logger: logging.Logger = logging.getLogger("flyte_nb")

OnError: TypeAlias = Literal["raise", "skip"] | Callable[[int, bytes, Exception], Any]


def fault_handler(on_error: OnError) -> Callable[[Fault], Any]:
    """What to call with each line that is no JSON.

    Raises
    ------
    ValueError
        If `on_error` is nothing that can be done.
    """
    if on_error == "raise":
        return _raise
    if on_error == "skip":
        return _warn
    if callable(on_error) and not inspect.iscoroutinefunction(on_error):
        return lambda fault: on_error(fault.error.line_number, fault.line, fault.error)
    raise ValueError(
        f"on_error cannot be {on_error!r}: expected 'raise', 'skip' or a function (line_number, raw_line, exception)"
        " that is not awaited."
    )


def settled(block: Block, handle: Callable[[Fault], Any]) -> Iterator[list[Any]]:
    """The records of a block; each fault is handled when those before it were used."""
    if not block.faults:
        yield block.records
        return
    begin = 0
    for fault in block.faults:
        yield block.records[begin : fault.position]
        begin = fault.position
        handle(fault)
    yield block.records[begin:]


def _raise(fault: Fault) -> None:
    raise fault.error


def _warn(fault: Fault) -> None:
    logger.warning("%s It is left out.", fault.error)
