"""Resources as limits of a container."""

from __future__ import annotations

from dataclasses import dataclass

from .._task.resources import GPU, Resources, bytes_in, cores_in
from ..backends.containers.engine import Engine

DEFAULT_DISK_BYTES = 5 * 2**30


@dataclass(frozen=True)
class Limits:
    """What a container may take.

    Attributes
    ----------
    flags : list of str
        For the engine, which enforces them.
    memory_bytes : int or None
    disk_bytes : int
        What it may write to its own file system, outputs included; watched by us, since few engines can.
    """

    flags: list[str]
    memory_bytes: int | None
    disk_bytes: int

    @classmethod
    def of(cls, resources: Resources | None, engine: Engine) -> Limits:
        """The limits that `resources` mean; without any, only the size of what is written is limited."""
        if resources is None:
            return cls([], None, DEFAULT_DISK_BYTES)
        flags = []
        memory = resources.memory_bytes
        if memory is not None:
            flags += [f"--memory={memory}b", f"--memory-swap={memory}b"]
        if resources.cpu is not None:
            flags.append(f"--cpus={cores_in(resources.cpu):.3f}")
        if resources.shm is not None and resources.shm != "auto":
            flags.append(f"--shm-size={bytes_in(resources.shm)}b")
        flags += _accelerator_flags(resources, engine)
        return cls(flags, memory, bytes_in(resources.disk) if resources.disk else DEFAULT_DISK_BYTES)


def _accelerator_flags(resources: Resources, engine: Engine) -> list[str]:
    count = resources.gpu.quantity if isinstance(resources.gpu, GPU) else int(resources.gpu or 0)
    if not count:
        return []
    if engine.is_podman:
        return [f"--device=nvidia.com/gpu={number}" for number in range(count)]
    return [f"--gpus={count}"]
