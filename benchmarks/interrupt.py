"""How soon an interrupted cell has stopped its run, in a real kernel: ``python -m benchmarks.interrupt``.

From the moment the interrupt is sent until the last action has cleaned up, and until the end of the run is recorded.
The run is a tree of branches with leaves that wait; the cell waits for it in one of two ways. Kernel and measurement
are on one machine and read one clock.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.notebook.conftest import Notebook, opened_notebook

BRANCHES, LEAVES = 10, 10
GOAL_MS = 250
WAYS = ("run.wait()", "await run.wait.aio()")

SETUP = f"""
import asyncio, time
import flyte_nb as flyte

env = flyte.TaskEnvironment("interrupted")
began, stopped = 0, []

@env.task
async def leaf(x: int) -> None:
    global began
    began += 1
    if began == {BRANCHES * LEAVES}:
        print("all leaves wait", flush=True)
    try:
        await asyncio.Event().wait()
    finally:
        stopped.append(time.time())

@env.task
async def branch(x: int) -> None:
    await asyncio.gather(*(leaf(100 * x + y) for y in range({LEAVES})))

@env.task
async def tree() -> None:
    await asyncio.gather(*(branch(x) for x in range({BRANCHES})))
"""
START = "began, stopped = 0, []\nrun = flyte.run(tree)\n"
TELL = """
import json
run.wait()
assert str(run.phase) == "aborted" and len(stopped) == {leaves}
print(json.dumps([max(stopped), run.details().end_time.timestamp()]))
"""


def measured(notebook: Notebook, way: str) -> tuple[float, float]:
    """Milliseconds from an interrupt until all leaves have stopped, and until the end of the run."""
    cell = notebook.start(START + way)
    notebook.until(cell, "all leaves wait")
    sent_at = time.time()
    notebook.interrupt()
    notebook.finish(cell)
    stopped_at, ended_at = json.loads(notebook.run(TELL.format(leaves=BRANCHES * LEAVES)).text)
    return (stopped_at - sent_at) * 1000, (ended_at - sent_at) * 1000


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.interrupt", description=__doc__)
    parser.add_argument("--times", type=int, default=15, help="So many interrupts of each kind.")
    arguments = parser.parse_args()
    table = Table("interrupted while the cell is in", "all actions stopped", "the run's end", "worst end", "goal")
    with tempfile.TemporaryDirectory() as folder, opened_notebook(Path(folder) / "home") as notebook:
        notebook.run(SETUP)
        for way in WAYS:
            measured(notebook, way)
            stopped, ended = zip(*(measured(notebook, way) for _ in range(arguments.times)), strict=True)
            shown = (statistics.median(stopped), statistics.median(ended), max(ended))
            table.add_row(way, *(f"{milliseconds:.0f} ms" for milliseconds in shown), f"under {GOAL_MS} ms")
    console = Console(width=110)
    console.print(table)
    console.print(f"{BRANCHES} branches with {LEAVES} leaves each; medians of {arguments.times}.")


if __name__ == "__main__":
    main()
