"""Takes the pictures of the panel for the documentation: ``python -m tests.browser.panel_pictures``."""

from __future__ import annotations

import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

from tests.browser.lab import ARGUMENTS, Lab, find_chromium, started_server
from tests.browser.pictures import IMAGES

STUDY = """
import asyncio, random
import plotly.express as px
import flyte_nb as flyte
from flyte_nb import hitl

env = flyte.TaskEnvironment("flights", depends_on=[hitl.env])

@env.task
async def delay_of(month: int) -> float:
    await asyncio.sleep(0.2 + 0.1 * (month % 4))
    print("month", month, "is read")
    return 8 + 6 * abs(6 - month) / 6 + month % 3

@env.task(report=True)
async def chart(delays: list[float]) -> int:
    labels = {"x": "month", "y": "mean delay (min)"}
    figure = px.bar(x=list(range(1, len(delays) + 1)), y=delays, labels=labels, height=330)
    await flyte.report.log.aio(figure.to_html(include_plotlyjs=True, full_html=False), do_flush=True)
    return len(delays)

@env.task
async def yearly_report(months: int = 12) -> int:
    with flyte.group("read"):
        delays = await asyncio.gather(*(delay_of(month) for month in range(1, months + 1)))
    return await chart(list(delays))

@env.task
async def check(threshold: float) -> None:
    raise ValueError(f"3 airlines have delays above {threshold} minutes")

@env.task
async def train(epochs: int) -> None:
    for _ in range(epochs):
        await delay_of(4)
        await asyncio.sleep(3)

@env.task
async def publish() -> bool:
    event = await hitl.new_event.aio("publish", data_type=bool, prompt="Publish the table of **16 airlines**?")
    return await event.wait.aio()
"""
RUNS = """
for months in (3, 6, 12, 12): flyte.run(yearly_report, months).wait()
flyte.run(check, 15.0).wait()
flyte.with_runcontext(name="report-2013").run(yearly_report).wait()
flyte.run(publish)
flyte.run(train, 200)
None
"""


def main() -> None:
    """Run the study, open the panel and a run beside it, light and dark."""
    with (
        tempfile.TemporaryDirectory() as folder,
        started_server(Path(folder)) as server,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=ARGUMENTS)
        lab = Lab(server, browser, "flights", (STUDY, RUNS), size=(1280, 800))
        for cell in range(2):
            lab.run(cell)
        lab.command("flyte-nb:show-runs")
        panel = lab.page.locator(".fnb-panel")
        panel.locator(".fnb-runs .fnb-line").filter(has_text="report-2013").click()
        run = lab.page.get_by_role("region", name="Run report-2013")
        run.get_by_role("treeitem").filter(has_text="chart").last.click()
        run.get_by_role("button", name="Report").click()
        report = run.frame_locator("iframe.fnb-report-frame").frame_locator("iframe")
        report.locator(".main-svg").first.wait_for()
        for theme in ("light", "dark"):
            lab.command("apputils:change-theme", {"theme": f"JupyterLab {theme.title()}"})
            lab.page.wait_for_selector(
                f'body[data-jp-theme-light="{"true" if theme == "light" else "false"}"]', state="attached"
            )
            lab.page.wait_for_selector("#jupyterlab-splash", state="detached")
            lab.page.mouse.move(640, 790)
            panel.locator(".fnb-line").first.wait_for()
            lab.screenshot(IMAGES / f"panel-{theme}.png")
        lab.close()
        browser.close()


if __name__ == "__main__":
    main()
