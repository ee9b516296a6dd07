"""The program that `test_survival` kills, with its workers or without, and resumes.

Usage: survivor_program.py HOME MARKS SIZE [resume]
"""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import flyte_nb as flyte
from flyte_nb.remote import Run

env = flyte.TaskEnvironment("survivor")
MARKS = Path(sys.argv[2])


@env.task(retries=10)
def leaf(x: int, marks: str) -> int:
    with (Path(marks) / f"leaf-{x}").open("a") as file:
        file.write("x")
    (Path(marks) / f"worker-{os.getpid()}").touch()
    return x * x


@env.task(retries=10)
async def branch(first: int, n: int, marks: str) -> int:
    (Path(marks) / f"worker-{os.getpid()}").touch()
    return sum(await asyncio.gather(*(leaf.aio(x, marks) for x in range(first, first + n))))


@env.task(retries=10)
async def main(n: int, marks: str) -> int:
    (Path(marks) / f"worker-{os.getpid()}").touch()
    return sum(await asyncio.gather(*(branch(first, 49, marks) for first in range(0, n * 49, 49))))


if __name__ == "__main__":
    flyte.init(home=sys.argv[1])
    if len(sys.argv) > 4:
        run = Run.get("survivor").resume()
    else:
        run = flyte.with_runcontext(name="survivor", mode="process").run(main, int(sys.argv[3]), str(MARKS))
    print(run.outputs()[0])
