"""What tasks ask for, in Dask's words: resources that workers declare, and memory that they have."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from ...errors import RuntimeUserError

if TYPE_CHECKING:
    from ..._engine.plan import TaskPlan
    from .cluster import DaskWorker

GPU, MEMORY, CPU = "GPU", "MEMORY", "CPU"


def dask_resources(plan: TaskPlan, workers: Mapping[str, DaskWorker]) -> dict[str, float]:
    """The resources of the Dask task that does an attempt.

    Devices are always asked for. Memory and cores are where some worker declares them; else a Dask worker takes as many
    attempts as it has threads.

    Raises
    ------
    RuntimeUserError
        If there are workers and none of them can ever do it. Where there are none yet, they may come.
    """
    resources = plan.task.options.resources
    if resources is None:
        return {}
    there = list(workers.values())
    declared = {name for worker in there for name in worker.resources}
    wanted: dict[str, float] = {}
    if resources.devices:
        wanted[GPU] = resources.devices
    if resources.memory_bytes is not None and MEMORY in declared:
        wanted[MEMORY] = resources.memory_bytes
    if resources.cpu is not None and CPU in declared:
        wanted[CPU] = resources.cores
    least_bytes = resources.memory_bytes or 0
    if there and not any(_can_do(worker, wanted, least_bytes) for worker in there):
        raise RuntimeUserError("NoSuchWorker", _refusal(plan, wanted, there))
    return wanted


def _can_do(worker: DaskWorker, wanted: dict[str, float], least_bytes: int) -> bool:
    has = worker.resources
    enough = all(has.get(name, 0) >= amount for name, amount in wanted.items())
    return enough and (not worker.memory or worker.memory >= least_bytes)


def _refusal(plan: TaskPlan, wanted: dict[str, float], there: list[DaskWorker]) -> str:
    asked = ", ".join(f"{name}={amount}" for name, amount in plan.resources.items())
    most = max((worker.memory for worker in there), default=0)
    has = {name: max(worker.resources.get(name, 0) for worker in there) for name in wanted}
    most_of = ", ".join([f"{amount:g} {name}" for name, amount in has.items()] + [f"{most / 2**30:,.1f} GiB of memory"])
    return (
        f"Task {plan.name!r} asks for {asked}, and none of the {len(there)} Dask workers can ever do it: the most that"
        f" one of them has is {most_of}. Add a worker that has it (devices are declared: dask worker --resources"
        ' "GPU=1"), or ask for less: override(resources=Resources(...)).'
    )
