"""The process that drives the runs which `test_other_process` reads.

Usage: owner_program.py HOME NAME TASK

It says "at the gate" on its output when all it did so far is committed, and goes on when it gets a line.
"""

from __future__ import annotations

import asyncio
import signal
import sys

import flyte_nb as flyte

HOME, NAME, TASK = sys.argv[1:4]

env = flyte.TaskEnvironment("owned")


@env.task(report=True)
async def step(x: int) -> int:
    print("step", x)
    flyte.report.log(f"<p>report {x}</p>")
    return 10 * x


@env.task
async def gate() -> str:
    flyte.Run.get(NAME).get_logs()  # commits what was printed so far
    sys.__stdout__.write("at the gate\n")
    sys.__stdout__.flush()
    await asyncio.to_thread(sys.stdin.readline)
    return "opened"


@env.task
async def good(n: int, label: str = "none") -> int:
    with flyte.group("steps"):
        values = [await step(x) for x in range(n)]
    await gate()
    return sum(values)


@env.task
async def careful(n: int) -> str:
    await step(n)
    try:
        return await gate()
    except flyte.errors.ActionAbortedError as error:
        return f"the gate was aborted: {error}"


@env.task
async def breaks() -> int:
    raise ValueError("it broke over there")


@env.task
async def bad(n: int) -> int:
    await gate()
    return await breaks()


if __name__ == "__main__":
    signal.alarm(120)  # so that a test which waits in vain ends
    flyte.init(home=HOME)
    run = flyte.with_runcontext(name=NAME).run(globals()[TASK], 3)
    run.wait()
