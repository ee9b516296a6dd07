"""The program that `test_kill` lets die at write points, and goes on with until it survives.

Usage: killed_program.py HOME MARKS POINT FIRST

The k-th process dies at the write point POINT when it gets there the (FIRST + k)-th time, counted from 0; before a run
can be taken over, one dies at its fourth commit. Each is a fork of this one, which uses no home, has no thread, and
knows nothing but the files that they leave. Prints as JSON the output, and what was completed at each death.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import threading
import traceback
from pathlib import Path
from typing import Any

import flyte_nb as flyte
from flyte_nb import hitl
from flyte_nb._journal import JournalReader
from flyte_nb._view.projection import project
from flyte_nb._write_points import listen
from flyte_nb.models.phases import ActionPhase
from flyte_nb.remote import Action, Run
from flyte_nb.remote.requests import answer_prompt

HOME, MARKS, POINT, FIRST = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3], int(sys.argv[4])
NAME = "killed"
MOST_DEATHS = 60

env = flyte.TaskEnvironment("killed", depends_on=[hitl.env])


def mark(what: str = "") -> str:
    """A side effect that outlives the process: one more "x"."""
    file = MARKS / (what or flyte.ctx().action.name)
    with file.open("a") as opened:
        opened.write("x")
    return file.read_text()


@flyte.trace
async def traced(x: int) -> int:
    mark(f"trace-{x}")
    return x


@env.task(retries=1)
async def flaky(x: int) -> int:
    if len(mark()) == 1:
        raise ValueError("the first attempt fails")
    return x


@env.task(report=True)
async def leaf(x: int) -> int:
    mark()
    flyte.report.log(f"<p>{x}</p>", do_flush=True)
    print("leaf", x)
    return 10 * x


@env.task
def large(x: int) -> str:
    mark()
    return "y" * 40_000 + str(x)


@env.task(cache=flyte.Cache("auto", serialize=True))
async def costly(x: int) -> int:
    mark()
    return 100 * x


@env.task
async def endless() -> int:
    mark()
    own = flyte.ctx().action
    threading.Thread(target=Action.get(own.run_name, own.name).abort, daemon=True).start()
    await asyncio.Event().wait()
    return 0


@env.task
async def decided() -> int:
    event = await hitl.new_event.aio("decision", data_type=int, prompt="How many?")
    threading.Thread(target=answer, args=(flyte.ctx().action.run_name,), daemon=True).start()
    return await event.wait.aio()


def answer(run: str) -> None:
    """A person answers the question, and says in which process they did."""
    try:
        answer_prompt(run, "decision", "5", by=f"whoever sat at {os.getpid()}")
    except flyte.errors.RunStateError:
        pass  # it was answered before


@env.task
async def branch(x: int) -> int:
    value = await traced(x)
    with flyte.group("leaves"):
        values = await asyncio.gather(leaf(value), leaf(value + 10))
    return sum(values) + len(await large.aio(x))


@env.task
async def main() -> list[int]:
    mark()
    results = await asyncio.gather(branch(1), branch(2), costly(4), costly(4))
    try:
        results.append(await endless())
    except flyte.errors.ActionAbortedError:
        results.append(-1)
    return [*results, await decided(), await flaky(3)]


def live(point: str, number: int) -> None:
    """One process: begin the run or go on with it, and die on the way."""
    seen = 0

    def die(reached: str) -> None:
        nonlocal seen
        if reached == point:
            if seen == number:
                os.kill(os.getpid(), signal.SIGKILL)
            seen += 1

    flyte.init(home=HOME)
    listen(die)
    try:
        run = Run.get(NAME)
        if run.phase is not ActionPhase.SUCCEEDED:  # one may die after the end of the run is committed
            run.resume()
    except flyte.errors.RunNotFoundError:
        run = flyte.with_runcontext(name=NAME).run(main)
    (MARKS.parent / "output").write_text(json.dumps(list(run.outputs()[0])))


def completed() -> dict[str, str]:
    """The marks of actions and traces whose end is committed."""
    reader = JournalReader(HOME / "journal.sqlite")
    view = project((event for _, event in reader.events(NAME)), NAME)
    reader.close()
    names = {name for name, action in view.actions.items() if action.phase is ActionPhase.SUCCEEDED}
    for action in view.actions.values():
        from flyte_nb.types.untyped import untyped_values

        for trace in action.traces:
            if trace.error is None and trace.inputs.inline is not None:
                names.add(f"trace-{untyped_values(trace.inputs.inline)['x']}")
    return {name: (MARKS / name).read_text() for name in names if (MARKS / name).exists()}


def until_one_survives() -> dict[str, Any]:
    """Deaths one after another."""
    deaths: list[dict[str, str]] = []
    points = [(POINT, FIRST + k) for k in range(MOST_DEATHS)]
    if POINT.endswith("take_over_run"):
        points.insert(0, ("after_commit", 3))
    for point, number in points:
        process = os.fork()
        if not process:
            status = 1
            try:
                live(point, number)
                status = 0
            except BaseException:
                traceback.print_exc()
            finally:
                sys.stderr.flush()
                os._exit(status)
        status = os.waitpid(process, 0)[1]
        if os.WIFEXITED(status):
            return {
                "status": os.WEXITSTATUS(status),
                "output": (MARKS.parent / "output").read_text() if status == 0 else "",
                "deaths": deaths,
            }
        deaths.append(completed())
    return {"status": -1, "output": "", "deaths": deaths}


if __name__ == "__main__":
    print(json.dumps(until_one_survives()))
