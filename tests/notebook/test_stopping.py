"""The kernel's interrupt and restart buttons, whatever a run is at: all of it stops, and the next cell runs."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest

if TYPE_CHECKING:
    from .conftest import Notebook

SETUP = """
import asyncio, os, pathlib, time
import flyte_nb as flyte
from flyte_nb import hitl
from flyte_nb.remote import Action
env = flyte.TaskEnvironment("stopping", depends_on=[hitl.env])

@env.task
async def double(x: int) -> int:
    return 2 * x
"""

BUSY = """
@env.task
def leaf(x: int, folder: str) -> None:
    here = pathlib.Path(folder) / f"process-{os.getpid()}"
    here.touch()
    if x == 1:
        print("busy", flush=True)
    try:
        time.sleep(600)
    finally:
        here.with_suffix(".stopped").touch()

@env.task
async def main(folder: str) -> None:
    await asyncio.gather(*(leaf.aio(x, folder) for x in range(2)))
"""

CLUSTER = """
from flyte_nb.backends.dask import DaskBackend
flyte.init(home=os.environ["FLYTE_NB_HOME"], queues={"dask": DaskBackend.local(1, 3)})
"""

STATES = {
    "a fan-out on the loop": (
        "",
        """
@env.task
async def leaf(x: int) -> None:
    if x == 19:
        print("busy", flush=True)
    await asyncio.sleep(600)

@env.task
async def main(folder: str) -> None:
    await asyncio.gather(*(leaf(x) for x in range(20)))
""",
    ),
    "a question": (
        "",
        """
@env.task
async def main(folder: str) -> None:
    event = await hitl.new_event.aio("decision", data_type=int)
    print("busy", flush=True)
    await event.wait.aio()
""",
    ),
    "worker processes": ("process", BUSY),
    "Dask": ("dask", CLUSTER + BUSY),
}

GONE_WITHIN_S = 30


def begun(notebook: Notebook, state: str, folder: Path, wait: str) -> str:
    """A cell that waits for a run in that state."""
    mode, program = STATES[state]
    notebook.run(SETUP + program)
    cell = notebook.start(
        f"run = flyte.with_runcontext(name='struck', mode={mode or None!r}).run(main, {str(folder)!r})\n{wait}"
    )
    notebook.until(cell, "busy")
    return cell


def assert_gone(state: str, folder: Path, *, with_processes: bool = False) -> None:
    """Nothing that the run has started goes on: each process has stopped its task, or is gone (with it, or at all)."""
    deadline = time.monotonic() + GONE_WITHIN_S
    begun = [path for path in folder.glob("process-*") if not path.suffix]
    assert len(begun) == (2 if STATES[state][0] else 0)
    for path in begun:
        while psutil.pid_exists(_process_of(path)) and (with_processes or not path.with_suffix(".stopped").exists()):
            assert time.monotonic() < deadline, "tasks go on in worker processes, or these are left behind"
            time.sleep(0.02)


def _process_of(path: Path) -> int:
    return int(path.name.removeprefix("process-"))


PHASES = "print(flyte.Run.get('struck').phase, sorted({str(one.phase) for one in Action.listall('struck')}))"


@pytest.mark.parametrize("wait", ["run.wait()", "await run.wait.aio()"])
@pytest.mark.parametrize("state", STATES)
def test_interrupting_a_cell_that_waits_stops_all_of_its_run(
    notebook: Notebook, tmp_path: Path, state: str, wait: str
) -> None:
    cell = begun(notebook, state, tmp_path, wait)
    notebook.interrupt()

    assert notebook.finish(cell).status == "error"
    assert notebook.run("run.wait()\n" + PHASES).text == "aborted ['aborted']\n"
    assert_gone(state, tmp_path)
    assert notebook.run("flyte.run(double, 3).outputs()[0]").value == "6"


@pytest.mark.parametrize("state", STATES)
def test_restarting_the_kernel_ends_all_of_a_run_which_can_be_seen_and_gone_on_with(
    notebook: Notebook, tmp_path: Path, state: str
) -> None:
    begun(notebook, state, tmp_path, "")
    notebook.restart()

    assert_gone(state, tmp_path, with_processes=True)
    notebook.run(SETUP)
    assert notebook.run(PHASES).text == "aborted ['aborted']\n"
    assert notebook.run("flyte.run(double, 3).outputs()[0]").value == "6"
    if state == "Dask":
        notebook.run(CLUSTER)
    notebook.run("@env.task\nasync def main(folder: str) -> None:\n    print('went on')")
    assert notebook.run("flyte.Run.get('struck').resume().wait()").text == "went on\n"
