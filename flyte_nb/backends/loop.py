"""Async tasks on the caller's own event loop."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Awaitable
from typing import Any

from .._engine.action import Action
from .._engine.branches import let_branches_wait
from .._engine.plan import TaskPlan
from .._engine.ports import Room
from .._engine.stepping import drive
from .._task.invocation import active_invoker


class LoopBackend:
    """Runs a coroutine function inside the awaiting task, in a context of its own."""

    name = "loop"
    capacity: Room | None = None
    by_reference = False
    may_repeat = False

    def check(self, plan: TaskPlan) -> None:
        """See `flyte_nb._engine.ports.Backend`; nothing is refused."""

    def run(self, action: Action, inputs: dict[str, Any]) -> Awaitable[Any]:
        """See `flyte_nb._engine.ports.Backend`."""
        context = contextvars.copy_context()
        context.run(active_invoker.set, action.scope)
        let_branches_wait(asyncio.get_running_loop())
        return drive(action.plan.func(**inputs), context, action)
