"""The panel in Notebook 7, where each notebook is a page of its own."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import nbformat
import pytest

from tests.browser.lab import PATIENCE_MS, started_server

CELLS = [
    "import flyte_nb as flyte\nenv = flyte.TaskEnvironment('classic')",
    "@env.task\nasync def first() -> int:\n    return 40\nflyte.with_runcontext(name='here').run(first).wait()",
]
RUN_ALL = "() => window.jupyterapp.commands.execute('notebook:run-all-cells')"
SHOW_RUNS = "() => window.jupyterapp.commands.execute('flyte-nb:show-runs')"
IS_READY = "() => window.jupyterapp?.shell.currentWidget?.sessionContext?.session?.kernel?.status === 'idle'"


@pytest.mark.skipif(
    importlib.util.find_spec("notebook") is None, reason="Notebook 7 is not installed: pip install notebook"
)
def test_the_panel_is_shown_beside_a_notebook_and_a_run_opens_on_a_page_of_its_own(
    chromium: Any, tmp_path: Path
) -> None:
    cells = [nbformat.v4.new_code_cell(cell) for cell in CELLS]
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3"}}
    with started_server(tmp_path, "notebook") as server:
        nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=kernel), server.notebooks / "study.ipynb")
        context = chromium.new_context(viewport={"width": 1300, "height": 900})
        context.set_default_timeout(PATIENCE_MS)
        page = context.new_page()
        page.goto(f"{server.address}/notebooks/study.ipynb?token={server.token}")
        page.wait_for_function(IS_READY)
        page.evaluate(SHOW_RUNS)
        panel = page.locator(".fnb-panel")
        panel.get_by_text("Run a task in a notebook").wait_for()
        page.evaluate(RUN_ALL)
        line = panel.locator(".fnb-runs .fnb-line").filter(has=page.get_by_text("here", exact=True))
        line.get_by_label("succeeded").wait_for()
        with context.expect_page() as opened:
            line.click()
        run = opened.value.get_by_role("region", name="Run here")
        run.get_by_text("classic.first").wait_for()
        assert opened.value.url.startswith(f"{server.address}/flyte-nb/runs/here")
        context.close()
