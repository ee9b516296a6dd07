"""Where tasks run whose work is done by a container."""

from __future__ import annotations

import asyncio
import contextvars
import os
from typing import Any

from ..._engine.action import Action
from ..._engine.capacity import Capacity
from ..._engine.plan import TaskPlan
from ..._engine.ports import Room
from ..._task.invocation import active_invoker


class ContainerBackend:
    """Awaits a container task's own coroutine; as many at once as there are places.

    Stopping an attempt stops its container, and takes as long as that takes: the end of the action is the end of the
    container.

    Parameters
    ----------
    places : int, optional
        How many containers run at once; by default two for each processor, at least four.
    """

    name = "container"
    by_reference = False
    may_repeat = False

    def __init__(self, places: int | None = None) -> None:
        if places is None:
            places = max(4, 2 * (os.cpu_count() or 1))
        self.capacity: Room | None = Capacity(places, "places is how many containers run at once")

    def check(self, plan: TaskPlan) -> None:
        """See `flyte_nb._engine.ports.Backend`; nothing is refused."""

    async def run(self, action: Action, inputs: dict[str, Any]) -> Any:
        """See `flyte_nb._engine.ports.Backend`."""
        context = contextvars.copy_context()
        context.run(active_invoker.set, action.scope)
        return await asyncio.get_running_loop().create_task(action.plan.func(**inputs), context=context)
