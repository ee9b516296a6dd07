"""The port through which the call of a task reaches whoever runs tasks."""

from __future__ import annotations

from collections.abc import Coroutine
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from .task import Task


class Invoker(Protocol):
    """Turns calls of tasks into actions."""

    def call(self, task: Task[Any, Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Call `task`: a coroutine for an async task, the value for a sync one."""

    def call_async(
        self, task: Task[Any, Any], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Coroutine[Any, Any, Any]:
        """Call `task`, to be awaited whatever it is."""


active_invoker: ContextVar[Invoker | None] = ContextVar("flyte_nb_active_invoker", default=None)
