"""The panel in Notebook 7, where each notebook is a page of its own."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest

from tests.browser.lab import PATIENCE_MS, Server, started_server

CELLS = [
    "import flyte_nb as flyte\nenv = flyte.TaskEnvironment('classic')",
    "@env.task\nasync def first() -> int:\n    return 40\nflyte.with_runcontext(name='here').run(first).wait()",
]
RUN_ALL = "() => window.jupyterapp.commands.execute('notebook:run-all-cells')"
SHOW_RUNS = "() => window.jupyterapp.commands.execute('flyte-nb:show-runs')"
IS_READY = "() => window.jupyterapp?.shell.currentWidget?.sessionContext?.session?.kernel?.status === 'idle'"


pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("notebook") is None, reason="Notebook 7 is not installed: pip install notebook"
)


@pytest.fixture(scope="module")
def classic(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Notebook 7."""
    with started_server(tmp_path_factory.mktemp("classic"), "notebook") as started:
        yield started


@pytest.fixture
def page(chromium: Any) -> Iterator[Any]:
    """A page of a browser."""
    context = chromium.new_context(viewport={"width": 1300, "height": 900})
    context.set_default_timeout(PATIENCE_MS)
    yield context.new_page()
    context.close()


def opened(page: Any, server: Server, name: str, cells: list[str]) -> None:
    """A notebook with these cells, open in the page."""
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3"}}
    made = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells], metadata=kernel)
    nbformat.write(made, server.notebooks / f"{name}.ipynb")
    page.goto(f"{server.address}/notebooks/{name}.ipynb?token={server.token}")
    page.wait_for_function(IS_READY)


def test_the_panel_is_shown_beside_a_notebook_and_a_run_opens_on_a_page_of_its_own(page: Any, classic: Server) -> None:
    opened(page, classic, "study", CELLS)
    page.evaluate(SHOW_RUNS)
    panel = page.locator(".fnb-panel")
    panel.get_by_text("Run a task in a notebook").wait_for()
    page.evaluate(RUN_ALL)
    line = panel.locator(".fnb-runs .fnb-line").filter(has=page.get_by_text("here", exact=True))
    line.get_by_label("succeeded").wait_for()
    with page.context.expect_page() as shown:
        line.click()
    run = shown.value.get_by_role("region", name="Run here")
    run.get_by_text("classic.first").wait_for()
    assert shown.value.url.startswith(f"{classic.address}/flyte-nb/runs/here")


WAITS = """
import asyncio, pathlib
@env.task
async def waits() -> int:
    while not pathlib.Path({gate!r}).exists():
        await asyncio.sleep(0.01)
    return 40
flyte.run(waits)
"""


def test_a_run_that_ends_after_its_page_was_loaded_anew_is_kept_in_the_notebook_and_can_be_run_again_there(
    page: Any, classic: Server, tmp_path: Path
) -> None:
    gate = tmp_path / "gate"
    opened(page, classic, "waits", [CELLS[0], WAITS.format(gate=str(gate))])
    page.evaluate(RUN_ALL)
    state = page.locator(".fnb-state")
    state.filter(has_text="running").wait_for()
    page.locator("[class^=fnb-static-]").get_by_text("running").first.wait_for(state="attached")
    page.evaluate("() => window.jupyterapp.commands.execute('docmanager:save')")
    page.reload()
    page.wait_for_function(IS_READY)
    state.filter(has_text="running").wait_for()
    gate.touch()
    page.locator("[class^=fnb-static-]").get_by_text("succeeded").first.wait_for(state="attached")
    page.evaluate("() => window.jupyterapp.commands.execute('docmanager:save')")
    kept = nbformat.read(classic.notebooks / "waits.ipynb", as_version=4).cells[1].outputs
    assert "running" not in "".join(output.data.get("text/html", "") for output in kept)
    name = page.locator(".fnb-name").inner_text()
    page.get_by_role("button", name="Rerun").click()
    page.locator(".fnb-header").get_by_text(f"rerun of {name}").wait_for()
