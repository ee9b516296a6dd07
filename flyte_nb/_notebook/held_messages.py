"""Messages of widgets that would wait for the end of the cell, on kernels that have no subshells (ipykernel 6).

Such a kernel handles one message of the shell channel after the other, and a running cell is one. A cell that waits for
a run lets the loop go on meanwhile: messages of widgets are then taken out of the kernel's queue and handled at once.
What else is queued, such as the next cell, stays in its order.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

LOOK_EVERY_S = 0.05
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
    _, frames = kernel.session.feed_identities(list(arguments[0]), copy=False)
    kind = json.loads(bytes(frames[_HEADER])).get("msg_type", "")
    return str(kind).startswith("comm_")


async def _handle(kernel: Any, item: Any) -> None:
    """Handle one message; what the cell prints afterwards is still the cell's."""
    _, dispatch, arguments = item
    identity, parent = kernel._parent_ident["shell"], kernel.get_parent("shell")
    try:
        await dispatch(*arguments)
    finally:
        kernel.set_parent(identity, parent, "shell")
