"""Buttons of a picture that are clicked again while a cell computes, and nothing seems to happen."""

from __future__ import annotations

import pytest

from .conftest import Notebook
from .test_old_kernel import SETUP

SHOWN = """
import threading

@env.task
async def quick() -> int:
    return 1

run = flyte.run(quick)
run.wait()
shown = display.display_picture(run.name)

def click(views):  # as a subshell does, on a thread of its own
    for view in views:
        shown._take({"type": "rerun", "view": view})
"""

CLICKED = "clicks = threading.Thread(target=click, args=({views!r},)); clicks.start(); clicks.join()"


@pytest.mark.parametrize("views", [["one", "one", "one"], ["one", "other"]])
def test_rerun_clicked_more_than_once_while_a_cell_computes_starts_one_run(
    notebook: Notebook, views: list[str]
) -> None:
    notebook.run(SETUP)
    notebook.run(SHOWN)
    notebook.run(CLICKED.format(views=views))
    notebook.run("while not shown.is_left: await asyncio.sleep(0.01)\nawait asyncio.sleep(0)")
    assert notebook.run("len(list(flyte.Run.listall()))").value == "2"


CAUGHT = """
import ipywidgets
caught = ipywidgets.Output()
with caught:
    shown = display.display_picture(run.name)
assert shown._is_within_output
"""


def test_rerun_of_a_run_in_an_output_widget_clicked_in_two_browsers_starts_one_run(notebook: Notebook) -> None:
    notebook.run(SETUP)
    notebook.run(SHOWN)
    notebook.run(CAUGHT)
    notebook.run(CLICKED.format(views=["one", "other"]))
    notebook.run("while len(list(flyte.Run.listall())) < 2: await asyncio.sleep(0.01)\nawait asyncio.sleep(0)")
    assert notebook.run("len(list(flyte.Run.listall()))").value == "2"


def test_what_was_given_to_a_kernel_begins_nothing_in_the_one_that_follows_it(module_notebook: Notebook) -> None:
    earlier = "from flyte_nb._notebook.from_a_page import resume; resume('any', 'earlier')"
    assert "restarted before it could begin" in module_notebook.run(earlier, ok=False).error
    this = "resume('any', get_ipython().kernel.session.session)"
    assert "RunNotFoundError" in module_notebook.run(this, ok=False).error
