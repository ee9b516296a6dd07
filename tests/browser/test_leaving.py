"""A page that goes says so: the kernel keeps nothing for it, and the page that comes next goes on."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat

from tests.browser.lab import KERNEL, Lab
from tests.browser.test_saved import SETUP

HAS_ENDED = "async (run) => (await (await fetch(`/flyte-nb/api/runs/${run}`)).json()).ended_at !== null"
USED = SETUP.replace("SETTLE_AFTER_S = 0.5", "SETTLE_AFTER_S = 600")
VIEWS = """
from flyte_nb._notebook.displays import displays

def views():
    return [view for one in displays.now for view in one._pages._pages]

def live():
    return [one for one in displays.now if not one.is_left]
"""


def shown_and_used(open_notebook: Callable[..., Lab], *cells: str) -> Lab:
    """A notebook with the picture of a run that has ended, which somebody has used."""
    lab = open_notebook(USED + VIEWS, "flyte.run(parent)", *cells)
    lab.run(0)
    lab.run(1)
    output = lab.output(1)
    output.locator(".fnb-state").filter(has_text="succeeded").wait_for()
    output.get_by_label("Filter by name").fill("step")
    output.get_by_text("6 rows found").wait_for()
    lab.save()
    return lab


def test_a_notebook_that_is_closed_and_opened_again_has_one_view(open_notebook: Callable[..., Lab]) -> None:
    lab = shown_and_used(open_notebook, "print(len(views()))")
    lab.page.evaluate(
        """() => {
            const { currentWidget } = window.jupyterapp.shell;
            currentWidget.context.model.dirty = false;
            currentWidget.dispose();
        }"""
    )
    lab._open()
    lab.output(1).locator(".fnb-state").filter(has_text="succeeded").wait_for()
    lab.run(2)
    assert lab.text(2).strip() == "1"


def test_a_page_that_is_loaded_anew_goes_on_with_the_picture_and_is_the_only_view(
    open_notebook: Callable[..., Lab],
) -> None:
    lab = shown_and_used(open_notebook, "print(len(views()), len(live()))")
    lab.window.load("lab")
    lab._open()
    output = lab.output(1)
    output.locator(".fnb-state").filter(has_text="succeeded").wait_for()
    output.get_by_label("Filter by name").fill("step")
    output.get_by_text("6 rows found").wait_for()
    lab.run(2)
    assert lab.text(2).strip() == "1 1"


def test_a_rerun_on_a_page_that_was_loaded_anew_is_shown_in_the_place_of_the_old_run(
    open_notebook: Callable[..., Lab],
) -> None:
    lab = shown_and_used(open_notebook)
    lab.window.load("lab")
    lab._open()
    output = lab.output(1)
    first = output.locator(".fnb-name").inner_text()
    output.get_by_role("button", name="Rerun").click()
    output.locator(".fnb-header").get_by_text(f"rerun of {first}").wait_for()
    output.locator(".fnb-state").filter(has_text="succeeded").wait_for()
    assert output.locator(".fnb").count() == 1
    output.get_by_role("button", name="Rerun").click()
    output.locator(".fnb-header").get_by_text(f"rerun of {first}").wait_for(state="detached")
    output.locator(".fnb-state").filter(has_text="succeeded").wait_for()


WAITS = """
@env.task
async def waits() -> int:
    while not pathlib.Path({gate!r}).exists():
        await asyncio.sleep(0.01)
    return await step(1)

run = flyte.run(waits)
run
"""


def saved_while_it_runs(open_notebook: Callable[..., Lab], gate: Path, setup: str = SETUP) -> Lab:
    """A notebook that was saved while its run went on."""
    lab = open_notebook(setup, WAITS.format(gate=str(gate)), "run.wait(); print('ended')")
    lab.run(0)
    lab.run(1)
    lab.output(1).locator(".fnb-state").filter(has_text="running").wait_for()
    lab.output(1).locator("[class^=fnb-static-]").get_by_text("running").first.wait_for(state="attached")
    assert "running" in pictures_in(lab.save())
    return lab


def pictures_in(notebook: Any) -> str:
    """All that a saved notebook keeps of the runs of its second cell."""
    return "".join(output.get("data", {}).get("text/html", "") for output in notebook.cells[1].outputs)


def is_kept(lab: Lab) -> None:
    """The notebook that is open keeps how the run has ended, and nothing of the widget."""
    lab.page.wait_for_function(
        """() => {
            const { outputs } = window.jupyterapp.shell.currentWidget.context.model.cells.get(1);
            const kept = [...Array(outputs.length).keys()].map((index) => outputs.get(index));
            const isPlain = kept.every(({ data, metadata }) => !('application/vnd.jupyter.widget-view+json' in data)
                && Object.keys(metadata).length === 0);
            return isPlain && kept.some(({ data }) => data['text/html'].includes('succeeded'));
        }"""
    )
    assert lab.page.evaluate("() => window.jupyterapp.shell.currentWidget.context.model.dirty")
    saved = lab.save()
    assert "succeeded" in pictures_in(saved)
    assert "running" not in pictures_in(saved)
    assert [output.metadata for output in saved.cells[1].outputs] == [{}] * len(saved.cells[1].outputs)


def test_a_run_that_ends_after_its_page_was_loaded_anew_is_kept_in_the_notebook_as_it_ended(
    open_notebook: Callable[..., Lab], tmp_path: Path
) -> None:
    lab = saved_while_it_runs(open_notebook, tmp_path / "gate")
    lab.window.load("lab")
    lab._open()
    lab.output(1).locator(".fnb-state").filter(has_text="running").wait_for()
    (tmp_path / "gate").touch()
    is_kept(lab)
    lab.output(1).get_by_text("succeeded").first.wait_for()


def test_a_run_that_ends_while_its_notebook_is_closed_is_kept_as_it_ended_once_that_is_opened(
    open_notebook: Callable[..., Lab], tmp_path: Path
) -> None:
    lab = saved_while_it_runs(
        open_notebook, tmp_path / "gate", SETUP.replace("SETTLE_AFTER_S = 0.5", "SETTLE_AFTER_S = 0")
    )
    run = lab.output(1).locator(".fnb-name").inner_text()
    lab.page.evaluate("() => window.jupyterapp.shell.currentWidget.dispose()")
    (tmp_path / "gate").touch()
    lab.page.wait_for_function(HAS_ENDED, arg=run)
    lab._open()
    is_kept(lab)
    lab.output(1).get_by_text("succeeded").first.wait_for()


def test_only_outputs_of_that_very_run_are_filled_anew(open_notebook: Callable[..., Lab]) -> None:
    lab = open_notebook(SETUP, "flyte.with_runcontext(name='namesake').run(parent).wait()")
    lab.run(0)
    lab.run(1)
    started = lab.server.get("/flyte-nb/api/runs/namesake")["created_at"]
    marks = [
        {"run": "namesake", "created_at": at, "place": "p", "picture": "", "is_live": False} for at in (1.5, started)
    ]
    cells = [nbformat.v4.new_code_cell("1"), nbformat.v4.new_code_cell("2")]
    notebook = nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": KERNEL})
    for mark in marks:
        data = {"text/html": "as it was", "text/plain": ""}
        notebook.cells[1].outputs.append(nbformat.v4.new_output("display_data", data, metadata={"flyte_nb": mark}))
    other = open_notebook(notebook=notebook)
    other.output(1).get_by_text("succeeded").first.wait_for()
    assert other.text(1).split("\n")[0] == "as it was"
