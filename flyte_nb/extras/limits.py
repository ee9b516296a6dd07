"""Resources as limits of a container."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .._task.resources import GPU, Resources, bytes_in, cores_in
from ..backends.containers.engine import Engine

if TYPE_CHECKING:
    from docker.types import DeviceRequest

DEFAULT_DISK_BYTES = 5 * 2**30


@dataclass(frozen=True)
class Limits:
    """What a container may take.

    Attributes
    ----------
    host : dict of str to object
        For the engine, which enforces them: arguments of the SDK's `create_host_config`.
    memory_bytes : int or None
    disk_bytes : int
        What it may write to its own file system, outputs included; watched by us, since few engines can.
    """

    host: dict[str, Any]
    memory_bytes: int | None
    disk_bytes: int

    @classmethod
    def of(cls, resources: Resources | None, engine: Engine) -> Limits:
        """The limits that `resources` mean; without any, only the size of what is written is limited."""
        if resources is None:
            return cls({}, None, DEFAULT_DISK_BYTES)
        host: dict[str, Any] = {}
        memory = resources.memory_bytes
        if memory is not None:
            host |= {"mem_limit": memory, "memswap_limit": memory}
        if resources.cpu is not None:
            host["nano_cpus"] = round(cores_in(resources.cpu) * 1e9)
        if resources.shm is not None and resources.shm != "auto":
            host["shm_size"] = bytes_in(resources.shm)
        count = resources.gpu.quantity if isinstance(resources.gpu, GPU) else int(resources.gpu or 0)
        if count:
            host["device_requests"] = [_gpus(count, engine)]
        return cls(host, memory, bytes_in(resources.disk) if resources.disk else DEFAULT_DISK_BYTES)


def _gpus(count: int, engine: Engine) -> DeviceRequest:
    from docker.types import DeviceRequest

    if engine.is_podman:
        return DeviceRequest(driver="cdi", device_ids=[f"nvidia.com/gpu={number}" for number in range(count)])
    return DeviceRequest(count=count, capabilities=[["gpu"]])
