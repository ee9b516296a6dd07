"""Showing runs that are elsewhere, or twice, and being interrupted meanwhile."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from .conftest import Notebook

SETUP = """
%load_ext flyte_nb
import asyncio, time
import flyte_nb as flyte
from flyte_nb._follow.live_picture import LivePicture
env = flyte.TaskEnvironment("shown")

@env.task
async def double(x: int) -> int:
    return 2 * x

@env.task
async def hangs() -> None:
    print("hanging", flush=True)
    await asyncio.sleep(600)

run = flyte.with_runcontext(name="one").run(double, 1)
run.wait()
read = LivePicture.read

def reads_for_long(picture, budget_s=0):
    print("hanging", flush=True)
    for _ in range(6000):
        time.sleep(0.1)
"""


@pytest.fixture(scope="module")
def cells(module_notebook: Notebook) -> Notebook:
    """A kernel that has seen one run, `one`."""
    module_notebook.run(SETUP)
    return module_notebook


def frames_of(error: str) -> list[str]:
    """The files of a traceback's frames, without what IPython's colours add."""
    return re.findall(r"File (\S+?)(?::\d+)?[,:]", re.sub(r"\x1b\[[0-9;]*m", "", error))


@pytest.mark.parametrize(
    ("source", "while_reading"),
    [
        ("flyte.run(hangs).wait()", False),
        ("flyte.run(hangs).outputs()", False),
        ("await flyte.run(hangs).wait.aio()", False),
        ("%%flyte_run\nawait hangs()", False),
        ("flyte.show(run)", True),
        ("%flyte_show one", True),
    ],
)
def test_an_interrupt_shows_the_cell_and_no_frame_of_ours(cells: Notebook, source: str, while_reading: bool) -> None:
    cells.run(f"LivePicture.read = {'reads_for_long' if while_reading else 'read'}")
    cell = cells.start(source)
    cells.until(cell, "hanging")
    cells.interrupt()
    result = cells.finish(cell)
    cells.run("LivePicture.read = read")
    assert result.status == "error"
    assert "KeyboardInterrupt" in result.error or "CancelledError" in result.error
    assert [frame for frame in frames_of(result.error) if "flyte_nb" in frame] == []


def test_a_run_that_is_shown_twice_in_a_cell_has_two_settled_pictures(cells: Notebook) -> None:
    result = cells.run("flyte.show(run)\nflyte.show(run)\nrun")
    assert ["succeeded" in data["text/plain"] for data in result.results] == [True, True]


def test_a_run_that_is_shown_into_a_captured_output_is_there_and_not_in_the_cell(cells: Notebook) -> None:
    assert cells.run("%%capture captured\nflyte.show(run)").results == []
    assert "succeeded" in cells.run("captured.outputs[0].data['text/plain']").value


def test_a_run_of_another_home_is_told_in_one_line_where_it_is_the_value_of_a_cell(
    cells: Notebook, tmp_path: Path
) -> None:
    cells.run(
        f"home = flyte._runtime.runtime.current_runtime().home.path; flyte.init(home={str(tmp_path / 'other')!r})"
    )
    last = cells.run("run")
    shown = cells.run("flyte.show(run)", ok=False)
    back = cells.run("flyte.init(home=home)\nrun")
    assert last.text.startswith(f"Run one cannot be shown: No run named 'one' in {tmp_path / 'other'}")
    assert len(last.text.splitlines()) == 1 and last.error == ""
    assert "RunNotFoundError: No run named 'one'" in re.sub(r"\x1b\[[0-9;]*m", "", shown.error)
    assert [frame for frame in frames_of(shown.error) if "flyte_nb" in frame] == []
    assert "succeeded" in back.results[0]["text/plain"]


def test_a_run_whose_home_was_removed_is_still_shown_or_told_in_one_line(cells: Notebook, tmp_path: Path) -> None:
    gone = str(tmp_path / "gone")
    cells.run(f"import shutil; flyte.init(home={gone!r}); lost = flyte.run(double, 2); lost.wait()")
    result = cells.run(f"shutil.rmtree({gone!r}); flyte.init(home={gone!r})\nlost")
    cells.run("flyte.init(home=home)")
    assert result.error == ""
    assert "cannot be shown: No run named" in result.text or "succeeded" in result.results[0]["text/plain"]


def test_a_cell_that_is_run_again_tells_of_the_runs_that_it_showed_and_that_go_on(cells: Notebook) -> None:
    again = "run = flyte.with_runcontext(name={!r}).run(hangs)\nrun"
    first, second, third = (cells.run(again.format(name), cell_id="a").text for name in ("first", "second", "third"))
    elsewhere = cells.run("flyte.show('first')", cell_id="b").text
    cells.run("for name in ('first', 'second'): flyte.Run.get(name).abort(); flyte.Run.get(name).wait()")
    fourth = cells.run(again.format("fourth"), cell_id="a").text
    cells.run("for name in ('third', 'fourth'): flyte.Run.get(name).abort(); flyte.Run.get(name).wait()")
    told = "Run '{0}' was going on when this cell was run again: flyte_nb.show('{0}') shows it"
    assert "was going on" not in first + elsewhere
    assert told.format("first") in second and "'second'" not in second
    assert told.format("first") in third and told.format("second") in third
    assert told.format("third") in fourth and "'first'" not in fourth and "'second'" not in fourth


def test_a_failure_as_the_last_line_of_a_cell_shows_the_traceback_and_in_a_list_one_line(notebook: Notebook) -> None:
    notebook.run(
        "import flyte_nb as flyte\nenv = flyte.TaskEnvironment('shown')\n\n"
        "@env.task\ndef bad() -> None:\n    raise ValueError('on purpose')\n\nrun = flyte.run(bad)\nrun.wait()"
    )
    alone = notebook.run("run.first_failure()").value
    assert alone.startswith("<shown.bad a0 failed ")
    assert alone.endswith("    raise ValueError('on purpose')\nValueError: on purpose")
    assert "raise" not in notebook.run("[run.first_failure()]").value
