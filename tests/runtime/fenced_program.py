"""The program whose run `test_fencing` lets another process take over, and that process.

Usage: fenced_program.py HOME FOLDER WAITS [resume]

`WAITS` says what the run does when its owner is stopped: ``"calls"`` (it will call tasks), ``"sleeps"`` (it awaits and
writes nothing), ``"blocks"`` (a sync task holds a thread).
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from pathlib import Path

import flyte_nb as flyte
from flyte_nb._follow.live_picture import LivePicture
from flyte_nb.remote import Run
from flyte_nb.remote.history import RunHistory

HOME, FOLDER, WAITS = sys.argv[1], Path(sys.argv[2]), sys.argv[3]
SECOND = len(sys.argv) > 4

env = flyte.TaskEnvironment("fenced")


def say(*words: object) -> None:
    print(*words, file=sys.__stdout__, flush=True)


@env.task
async def step(x: int) -> int:
    print("step", x, "in", os.getpid())
    return 10 * x


@env.task
def block() -> int:
    while not SECOND:
        time.sleep(0.01)
    return 1


async def go() -> None:
    """Wait until the test says go; nobody else waits in this process."""
    while not (FOLDER / "go").exists():
        await asyncio.sleep(0.01)


@env.task
async def main() -> int:
    total = await step(1)
    say("ready")
    if WAITS == "blocks":
        total += await block.aio()
    elif WAITS == "sleeps" and not SECOND:
        await asyncio.Event().wait()
    else:
        await go()
    for number in range(2, 50):
        try:
            total += await step(number)
        except Exception as error:  # what code may do that carries on whatever happens
            say("caught", type(error).__name__)
    return total


@env.task
async def bystander() -> int:
    await go()
    return await step(7)


if __name__ == "__main__":
    flyte.init(home=HOME)
    if SECOND:
        run = Run.get("shared").resume()
        say(run.outputs()[0])
    else:
        other = flyte.with_runcontext(name="other").run(bystander)
        run = flyte.with_runcontext(name="shared").run(main)
        try:
            run.wait()
        except flyte.errors.RunTakenOverError as error:
            say("wait:", error)
        try:
            asyncio.run(run.outputs.aio())
        except flyte.errors.RunTakenOverError as error:
            say("outputs:", error)
        say("phase:", run.phase)
        say("picture:", LivePicture(RunHistory("shared"), lambda _: None).text().splitlines()[0])
        say("other:", other.outputs()[0])
