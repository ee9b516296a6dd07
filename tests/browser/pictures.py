"""Takes the pictures of the documentation: ``python -m tests.browser.pictures`` writes them to ``docs/images``."""

from __future__ import annotations

import tempfile
from pathlib import Path

import nbformat
from playwright.sync_api import sync_playwright

from tests.browser.lab import ARGUMENTS, Lab, find_chromium, started_server

ROOT = Path(__file__).parents[2]
IMAGES = ROOT / "docs/images"
ASK = """
from flyte_nb import hitl

@env.task
async def release(table: pd.DataFrame) -> str:
    event = await hitl.new_event.aio("release", data_type=bool, prompt="Release the table of **16 airlines**?")
    return "released" if await event.wait.aio() else "held back"

flyte.run(release, table)
"""


def main() -> None:
    """Open the tour in JupyterLab, light and dark, run it and look at it."""
    with (
        tempfile.TemporaryDirectory() as folder,
        started_server(Path(folder)) as server,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=ARGUMENTS)
        for theme in ("light", "dark"):
            tour = nbformat.read(ROOT / "notebooks/00_tour.ipynb", as_version=4)
            for cell in tour.cells:
                if cell.cell_type == "code":
                    cell.outputs, cell.execution_count = [], None
            codes = [index for index, cell in enumerate(tour.cells) if cell.cell_type == "code"]
            starts = next(index for index in codes if tour.cells[index].source.startswith("run = flyte.run(main)"))
            reads = codes[codes.index(starts) + 1]
            save = f"run.tree().save({str(IMAGES / f'tree-{theme}.svg')!r}, dark={theme == 'dark'})"
            tour.cells = [*tour.cells[: reads + 1], *map(nbformat.v4.new_code_cell, (ASK, save))]
            lab = Lab(server, browser, f"tour-{theme}", notebook=tour, dark=theme == "dark", size=(1240, 1120))
            for index in codes[: codes.index(reads) + 1]:
                lab.run(index)
            output = lab.page.locator(".jp-Notebook .jp-Cell").nth(starts).locator(".jp-Cell-outputArea")
            output.locator(".fnb-state").filter(has_text="succeeded").wait_for()
            output.get_by_label("Filter by name").fill("publish")
            output.locator(".fnb-mark").get_by_text("report", exact=True).click()
            output.get_by_label("Filter by name").fill("")
            lab.page.evaluate("() => document.activeElement.blur()")
            lab.page.mouse.move(2, 2)
            output.locator("iframe.fnb-report-frame").wait_for()
            output.frame_locator("iframe.fnb-report-frame").frame_locator("iframe").locator(
                ".main-svg"
            ).first.wait_for()
            output.get_by_role("tree").evaluate("tree => { tree.scrollTop = tree.scrollHeight; }")
            output.locator(".fnb").screenshot(path=IMAGES / f"tour-{theme}.png")
            lab.run(reads + 1)
            question = lab.page.locator(".jp-Notebook .jp-Cell").nth(reads + 1).locator(".jp-Cell-outputArea")
            question.get_by_role("button", name="Yes").wait_for()
            question.locator(".fnb").screenshot(path=IMAGES / f"question-{theme}.png")
            lab.run(reads + 2)
            lab.close()
        browser.close()


if __name__ == "__main__":
    main()
