"""The code of a task on its way to workers."""

from __future__ import annotations

from hashlib import blake2b
from typing import NamedTuple

from ..._code.snapshot import take_snapshot
from ..._engine.plan import TaskPlan
from ...errors import CodeBundleError


class CarriedCode(NamedTuple):
    """A task as bytes, and the name that workers remember it by."""

    key: str
    payload: bytes


def carried_code(plan: TaskPlan) -> CarriedCode:
    """The task of `plan` as it is now, without overrides.

    Raises
    ------
    CodeBundleError
        If something it uses cannot be pickled; the message names the variable, and the function that uses it.
    """
    snapshot = take_snapshot(plan.declared)
    if snapshot.payload is None:
        raise CodeBundleError(f"{snapshot.problem} Task {plan.name!r} runs in a worker process: {_reason(plan)}.")
    return CarriedCode(blake2b(snapshot.payload, digest_size=16).hexdigest(), snapshot.payload)


def _reason(plan: TaskPlan) -> str:
    resources, timeout = plan.task.options.resources, plan.task.options.timeout
    if resources is not None and resources.memory_bytes is not None:
        return "it declares a memory limit"
    if resources is not None and resources.gpu:
        return "it asks for devices"
    if not plan.is_async and timeout is not None:
        return "it is not async and has a timeout"
    queue = plan.task.options.queue
    return f"so says its queue, {queue!r}" if queue is not None else "so says the run's mode, or its queue"
