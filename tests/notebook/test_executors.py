"""Notebooks that programs run, without a page: papermill, nbconvert, `jupyter execute`."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
import pytest

SETUP = """
%load_ext flyte_nb
import asyncio
import flyte_nb as flyte
env = flyte.TaskEnvironment("executed")
go_on = asyncio.Event()

@env.task
async def step(n: int) -> int:
    print("step", n)
    return n

@env.task
async def steps(n: int) -> int:
    print("begins")
    for number in range(n):
        await step(number)
    print("ends")
    return n

@env.task
async def waits() -> str:
    await go_on.wait()
    return "went on"

@env.task
async def fails() -> None:
    raise ValueError("mine")
"""
SHOWN = "print('before')\nrun = flyte.run(steps, 2)\nflyte.show(run)\nrun.wait()\nprint('after')"
CELL = "%%flyte_run\nprint('in the cell')\nawait step(7)"
STARTED = "late = flyte.run(waits)\nlate"
GOES_ON = "go_on.set()\nlate.outputs()[0]"

Execute = Callable[[Path, Path], list[str]]
EXECUTORS: dict[str, Execute] = {
    "papermill": lambda given, result: ["papermill", "--no-progress-bar", "-k", "python3", str(given), str(result)],
    "nbconvert": lambda given, result: [
        *("jupyter", "nbconvert", "--to", "notebook", "--execute", "--ExecutePreprocessor.kernel_name=python3"),
        *(str(given), "--output", str(result)),
    ],
    "nbclient": lambda given, result: [
        *("jupyter", "execute", "--kernel_name=python3", f"--output={result}", str(given)),
    ],
}


def executed(executor: str, folder: Path, *sources: str) -> tuple[subprocess.CompletedProcess[str], list[Any]]:
    """What the program said, and the cells of the notebook it wrote; none where it wrote none."""
    given, result = folder / "given.ipynb", folder / "result.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in sources]), given)
    said = subprocess.run(
        [sys.executable, "-m", *EXECUTORS[executor](given, result)],
        env={**os.environ, "FLYTE_NB_HOME": str(folder / "home")},
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    cells = nbformat.read(result, as_version=4).cells if result.exists() else []
    return said, [cell for cell in cells if cell.cell_type == "code"]


def printed(cell: Any) -> str:
    return "".join(output.text for output in cell.outputs if output.output_type == "stream")


def pictures(cell: Any) -> list[Any]:
    return [output.data for output in cell.outputs if "text/html" in output.get("data", {})]


@pytest.mark.parametrize("executor", EXECUTORS)
def test_a_notebook_that_a_program_runs_holds_settled_pictures_and_prints_in_their_cells(
    executor: str, tmp_path: Path
) -> None:
    said, cells = executed(executor, tmp_path, SETUP, SHOWN, CELL, STARTED, GOES_ON, "print('alone')")

    assert said.returncode == 0, said.stderr
    _, shown, cell, started, goes_on, alone = cells
    assert printed(shown) == "before\nbegins\nstep 0\nstep 1\nends\nafter\n"
    assert printed(cell) == "in the cell\nstep 7\n"
    assert printed(started) == printed(goes_on) == ""
    assert [printed(alone), pictures(alone), pictures(goes_on)] == ["alone\n", [], []]
    for one, task, count in ((shown, "executed.steps", 3), (cell, "notebook.cell", 2), (started, "executed.waits", 1)):
        [picture] = pictures(one)
        assert f"of {task}: succeeded" in picture["text/plain"]
        assert f"{count} succeeded" in picture["text/plain"] and f"{count} succeeded" in picture["text/html"]
        assert "<script" not in picture["text/html"]
        assert not [kind for kind in picture if "widget" in kind]


FAILS = "%%flyte_run\nawait fails()"
FAILS_WHERE_IT_IS_READ = "run = flyte.run(fails)\nflyte.show(run)\nrun.outputs()"


@pytest.mark.parametrize(
    ("executor", "source"), [*((executor, FAILS) for executor in EXECUTORS), ("papermill", FAILS_WHERE_IT_IS_READ)]
)
def test_a_run_that_fails_fails_the_notebook_with_the_users_traceback(
    executor: str, source: str, tmp_path: Path
) -> None:
    said, cells = executed(executor, tmp_path, SETUP, source, "open('after', 'w')")

    assert said.returncode != 0
    shown = re.sub(r"\x1b\[[0-9;]*m", "", said.stderr)
    assert 'raise ValueError("mine")' in shown and "ValueError: mine" in shown
    assert "_engine" not in shown
    assert not (tmp_path / "after").exists()
    if cells:  # only papermill writes a notebook in which a cell fails
        [picture] = [picture for cell in cells for picture in pictures(cell) if "text/plain" in picture]
        assert "failed" in picture["text/plain"] and "ValueError" in picture["text/html"]
