"""What is struck: programs whose every action has a side effect, and whose output tells whether they went right."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import flyte_nb as flyte
from flyte_nb import hitl
from flyte_nb.io import Dir, File

from .ledger import chaos_folder
from .strikes import effect

env = flyte.TaskEnvironment("chaos", depends_on=[hitl.env])
patient = flyte.TaskEnvironment("chaos_in_workers")


def act() -> None:
    """The side effect of the running action."""
    context = flyte.ctx()
    assert context is not None
    effect(context.action.name)


# deep: actions in actions, on the loop and on threads, large values, groups, the cache -------------------------------


@env.task
def large(x: int) -> str:
    act()
    return "y" * 40_000 + str(x)


@env.task(cache=flyte.Cache("auto", serialize=True))
async def costly(x: int) -> int:
    act()
    return 100 * x


@env.task(report=True)
async def nest(x: int, depth: int) -> int:
    act()
    flyte.report.log(f"<p>{x}</p>", do_flush=True)
    if depth == 0:
        return len(await large.aio(x)) + await costly(x % 3)
    with flyte.group(f"below {x}"):
        return sum(await asyncio.gather(nest(2 * x, depth - 1), nest(2 * x + 1, depth - 1)))


# wide: one fan-out ---------------------------------------------------------------------------------------------------


@env.task
async def leaf(x: int) -> int:
    act()
    return x * x


@env.task
async def fan_out(width: int) -> int:
    return sum(await asyncio.gather(*(leaf(x) for x in range(width))))


# traced: checkpoints inside actions ----------------------------------------------------------------------------------


@flyte.trace
async def looked_up(x: int) -> int:
    effect(f"looked_up:{x}")
    return 3 * x


@flyte.trace
async def counted(x: int) -> AsyncIterator[int]:
    effect(f"counted:{x}")
    for number in range(3):
        yield x + number


@env.task
async def tracing(x: int) -> int:
    act()
    total = 0
    for number in range(10 * x, 10 * x + 5):
        total += await looked_up(number)
        async for item in counted(number):
            total += item
    return total


@env.task
async def trace_all(width: int) -> int:
    return sum(await asyncio.gather(*(tracing(x) for x in range(width))))


# asked: questions to people, answered by another process -------------------------------------------------------------


@env.task
async def before_asking(x: int) -> int:
    act()
    return x


@env.task
async def asking(x: int) -> int:
    value = await before_asking(x)
    event = await hitl.new_event.aio(f"question {x}", data_type=int, prompt=f"What is {x}?", timeout_seconds=10**7)
    answer: int = await event.wait.aio()
    act()
    return value * answer


@env.task
async def ask_all(width: int) -> int:
    first = sum(await asyncio.gather(*(asking(x) for x in range(width))))
    return first + await asking(width)


# filed: files and folders in the store -------------------------------------------------------------------------------


@env.task
async def written(x: int) -> File:
    act()
    file = File.new_remote(f"{x}.txt")
    async with file.open("wb") as opened:
        await opened.write(str(x).encode() * 10_000)
    return file


@env.task
def collected(x: int, files: list[File]) -> Dir:
    act()
    folder = chaos_folder() / f"collected-{flyte.ctx().action.name}"  # type: ignore[union-attr]
    folder.mkdir(exist_ok=True)
    for number, file in enumerate(files):
        file.download_sync(folder / f"{number}.txt")
    return Dir.from_local_sync(folder)


@env.task
def digested(x: int, folder: Dir) -> str:
    act()
    files = sorted(folder.walk_sync(), key=lambda file: Path(file.path).name)
    return hashlib.sha256(b"".join(Path(file.download_sync()).read_bytes() for file in files)).hexdigest()


@env.task
async def file_all(width: int) -> list[str]:
    async def one(x: int) -> str:
        files = await asyncio.gather(*(written(10 * x + number) for number in range(4)))
        return await digested.aio(x, await collected.aio(x, files))

    return [*await asyncio.gather(*(one(x) for x in range(width)))]


# in workers: the same program in processes of this machine and on Dask -----------------------------------------------


@patient.task(retries=10)
def leaf_in_worker(x: int) -> int:
    act()
    return x * x


@patient.task(retries=10)
async def branch_in_worker(first: int, width: int) -> int:
    act()
    return sum(await asyncio.gather(*(leaf_in_worker.aio(x) for x in range(first, first + width))))


@patient.task(retries=10)
async def work(branches: int, width: int) -> int:
    act()
    return sum(await asyncio.gather(*(branch_in_worker(width * n, width) for n in range(branches))))


# ---------------------------------------------------------------------------------------------------------------------

DRIVER = ("kill driver",)
CLOCK = ("clock ahead", "clock back")
DISK = ("full disk", "sealed store")
IN_KERNEL = (*DRIVER, *CLOCK, *DISK, "kill this worker", "kill another worker", "kill server")


@dataclass(frozen=True)
class Workflow:
    """A program, how large it is, and what may strike it.

    Attributes
    ----------
    main : task
        Its main task; None if its tasks are those of the cells of `notebook.py`.
    small, large : tuple of int
        Arguments of `main`: in the usual tests, and at night.
    mode : str
        Where its tasks run; empty for where they run of themselves.
    on_s3 : bool
        Whether it may keep its values at an S3 address.
    asks : bool
        Whether it asks questions that another process answers.
    keeps_code : bool
        Whether cells that define its tasks are not run again once its run was begun.
    """

    main: Any
    small: tuple[int, ...]
    large: tuple[int, ...]
    faults: tuple[str, ...]
    mode: str = ""
    on_s3: bool = False
    asks: bool = False
    keeps_code: bool = False

    @property
    def in_kernel(self) -> bool:
        """Whether it is a notebook."""
        return self.main is None


WORKFLOWS = {
    "deep": Workflow(nest, (1, 4), (1, 7), (*DRIVER, *CLOCK, *DISK, "kill server")),
    "wide": Workflow(fan_out, (200,), (2000,), (*DRIVER, *CLOCK, "full disk", "kill server")),
    "traced": Workflow(trace_all, (4,), (20,), (*DRIVER, *CLOCK, "full disk")),
    "asked": Workflow(ask_all, (3,), (10,), (*DRIVER, *CLOCK, "kill server"), asks=True),
    "filed": Workflow(file_all, (3,), (8,), (*DRIVER, *DISK)),
    "stored on S3": Workflow(file_all, (2,), (4,), (*DRIVER, "cut network"), on_s3=True),
    "processes": Workflow(
        work, (3, 6), (4, 20), (*DRIVER, "kill this worker", "kill another worker", "full disk"), mode="process"
    ),
    "dask": Workflow(
        work, (2, 4), (3, 8), (*DRIVER, "kill this worker", "kill another worker", "kill Dask worker"), mode="dask"
    ),
    "notebook": Workflow(None, (2,), (12,), IN_KERNEL, asks=True),
    "notebook, code kept": Workflow(None, (2,), (12,), IN_KERNEL, asks=True, keeps_code=True),
}
