"""A task in a worker process that goes on after a call has its core and its devices to itself again."""

from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path

import pytest

import flyte_nb as flyte
from flyte_nb.backends.processes import ProcessBackend

env = flyte.TaskEnvironment("going_on", queue="workers")
with_device = flyte.TaskEnvironment("with_device", queue="workers", resources=flyte.Resources(cpu=0.1, gpu=1))


@env.task
def child(x: int) -> int:
    return x


def computes_alone(folder: str) -> bool:
    """Whether nobody else computes meanwhile."""
    computing = Path(folder) / "computing"
    try:
        computing.touch(exist_ok=False)
    except FileExistsError:
        return False
    time.sleep(0.1)
    computing.unlink()
    return True


@env.task
async def computes_before_and_after_a_call(folder: str, x: int) -> list[bool]:
    before = computes_alone(folder)
    await child.aio(x)
    return [before, computes_alone(folder)]


@with_device.task
def keeps_its_device(folder: str, x: int) -> list[bool]:
    device = os.environ["CUDA_VISIBLE_DEVICES"]
    before = computes_alone(f"{folder}/{device}")
    child(x)
    return [before, computes_alone(f"{folder}/{device}")]


@flyte.TaskEnvironment("here").task
async def many(folder: str, with_devices: bool) -> list[bool]:
    task = keeps_its_device if with_devices else computes_before_and_after_a_call
    return [alone for both in await asyncio.gather(*(task.aio(folder, x) for x in range(4))) for alone in both]


@pytest.mark.parametrize("with_devices", [False, True])
def test_who_goes_on_after_a_call_has_what_it_asked_for_to_itself(
    home: Path, tmp_path: Path, with_devices: bool
) -> None:
    cpus = 4 if with_devices else 1
    flyte.init(home=home, queues={"workers": ProcessBackend(cpus=cpus, gpus=["a", "b"])})
    for device in ("a", "b"):
        (tmp_path / device).mkdir()

    assert flyte.run(many, str(tmp_path), with_devices).outputs()[0] == [True] * 8
