"""Messages of widgets that would wait for the end of the cell, on kernels that have no subshells (ipykernel 6).

Such a kernel handles one message of the shell channel after the other, and a running cell is one. A cell that waits for
a run lets the loop go on meanwhile: messages of widgets are then taken out of the kernel's queue and handled at once.
What else is queued, such as the next cell, stays in its order.
"""

from __future__ import annotations

import asyncio
import json
import math
import time
from collections.abc import Callable
from typing import Any

LOOK_EVERY_S = 0.05
TURNS = 5
_HEADER = 1


def holds_messages(kernel: Any) -> bool:
    """Whether `kernel` lets messages of widgets wait behind a running cell."""
    return hasattr(kernel, "msg_queue") and not getattr(kernel, "_supports_kernel_subshells", False)


async def let_through(kernel: Any, needed: Callable[[], bool]) -> None:
    """Handle messages of widgets as they come, for as long as `needed` says so."""
    while needed():
        await asyncio.sleep(LOOK_EVERY_S)
        queue = kernel.msg_queue
        queued = [queue.get_nowait() for _ in range(queue.qsize())]
        ours = [item for item in queued if _is_of_a_widget(kernel, item)]
        for item in queued:
            if item not in ours:
                queue.put_nowait(item)
        for item in ours:
            await _handle(kernel, item)


def _is_of_a_widget(kernel: Any, item: Any) -> bool:
    _, dispatch, arguments = item
    if dispatch != kernel.dispatch_shell:
        return False
    try:
        _, frames = kernel.session.feed_identities(list(arguments[0]), copy=False)
        kind = json.loads(bytes(frames[_HEADER])).get("msg_type", "")
    except (ValueError, IndexError, AttributeError):
        return False  # the kernel says itself what it makes of it
    return str(kind).startswith("comm_")


async def _handle(kernel: Any, item: Any) -> None:
    """Handle one message; what the cell prints afterwards is still the cell's."""
    _, dispatch, arguments = item
    identity, parent = kernel._parent_ident["shell"], kernel.get_parent("shell")
    try:
        await dispatch(*arguments)
    finally:
        kernel.set_parent(identity, parent, "shell")


class Ear:
    """Whether the kernel has had time to hear what pages say, which may have to wait for the end of a cell.

    Parameters
    ----------
    loop : AbstractEventLoop or None
        The loop that takes messages; None is always listening.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop | None) -> None:
        self._loop = loop
        self._asks = False
        self._listened_at = -math.inf

    def has_listened_since(self, moment: float) -> bool:
        """Whether the loop has turned a few times since that moment of the monotonic clock; else that is found out."""
        if self._loop is None or self._loop.is_closed() or self._listened_at >= moment:
            return True
        if not self._asks:
            self._asks = True
            self._loop.call_soon_threadsafe(self._turn, self._loop, TURNS)
        return False

    def _turn(self, loop: asyncio.AbstractEventLoop, left: int) -> None:
        if left > 0:
            loop.call_later(LOOK_EVERY_S, self._turn, loop, left - 1)
            return
        self._listened_at, self._asks = time.monotonic(), False
