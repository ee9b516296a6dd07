"""The program that `test_kill` lets die at a write point, and resumes.

Usage: killed_program.py HOME MARKS POINT NUMBER [resume]
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

import flyte_nb as flyte
from flyte_nb._write_points import listen
from flyte_nb.remote import Run

HOME, MARKS, POINT, NUMBER = sys.argv[1], Path(sys.argv[2]), sys.argv[3], int(sys.argv[4])

env = flyte.TaskEnvironment("killed")


def mark(what: str) -> None:
    """A side effect that outlives the process."""
    with (MARKS / what).open("a") as file:
        file.write("x")


@flyte.trace
async def traced(x: int) -> int:
    mark(f"trace-{x}")
    return x


@env.task(retries=1)
async def flaky(x: int) -> int:
    mark(f"flaky-{x}")
    if len((MARKS / f"flaky-{x}").read_text()) == 1:
        raise ValueError("the first attempt fails")
    return x


@env.task(report=True)
async def leaf(x: int) -> int:
    mark(f"leaf-{x}")
    flyte.report.log(f"<p>{x}</p>", do_flush=True)
    print("leaf", x)
    return 10 * x


@env.task
def sync_leaf(x: int) -> str:
    mark(f"sync-{x}")
    return "y" * 40_000 + str(x)


@env.task
async def branch(x: int) -> int:
    value = await traced(x)
    with flyte.group("leaves"):
        values = await asyncio.gather(leaf(value), leaf(value + 10))
    return sum(values) + len(await sync_leaf.aio(x))


@env.task
async def main() -> list[int]:
    first = await asyncio.gather(branch(1), branch(2))
    return [*first, await flaky(3)]


def die_at(point: str, number: int) -> None:
    """Have this process killed at the n-th write of that kind."""
    seen = 0

    def hook(reached: str) -> None:
        nonlocal seen
        if reached == point:
            seen += 1
            if seen == number:
                os.kill(os.getpid(), signal.SIGKILL)

    listen(hook)


if __name__ == "__main__":
    flyte.init(home=HOME)
    if POINT != "never":
        die_at(POINT, NUMBER)
    if len(sys.argv) > 5:
        run = Run.get("killed").resume()
    else:
        run = flyte.with_runcontext(name="killed").run(main)
    print(list(run.outputs()[0]))
