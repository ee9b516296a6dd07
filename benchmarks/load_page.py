"""A large run in JupyterLab, with its picture under the cell and the panel open, and its page beside them or not."""

from __future__ import annotations

import json
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
from playwright.sync_api import sync_playwright
from rich.table import Table

from tests.browser.lab import ARGUMENTS, Lab, Server, find_chromium, started_server

from .notebook import LONG_TASKS, SCROLL

SIZES = (5_000, 20_000, 50_000)
PATIENCE_MS = 600_000
SETUP = """
%load_ext flyte_nb
import asyncio, json, pathlib, resource, time
import flyte_nb as flyte
env = flyte.TaskEnvironment("loaded")

@env.task
async def nothing(n: int) -> int:
    return n

@env.task
async def fan_out(n: int, gate: str) -> int:
    while not pathlib.Path(gate).exists():
        await asyncio.sleep(0.05)
    return len(await asyncio.gather(*(nothing(i) for i in range(n))))

def loaded(name, n, gate, shown):
    run = flyte.with_runcontext(name=name).run(fan_out, n, gate)
    if shown:
        flyte.show(run)
    begun = time.process_time()
    run.wait()
    took = time.process_time() - begun
    run.raise_for_status()
    print("measured", json.dumps([took, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024]))
"""
WATCHED = ("nothing", "picture and panel", "picture, panel and page")


@dataclass(frozen=True)
class Loaded:
    """What one run took: processor seconds of kernel and server, MiB of the kernel, milliseconds of the page."""

    kernel_s: float
    kernel_mib: float
    server_s: float
    longest_ms: float
    frame_ms: float


def load(server: Server, browser: Any, size: int, watched: str) -> Loaded:
    """One run in a kernel of its own."""
    name = f"load-{size}-{WATCHED.index(watched)}"
    gate = server.home.parent / f"gate-{name}"
    shown = watched != "nothing"
    lab = Lab(
        server,
        browser,
        f"sheet-{size}-{WATCHED.index(watched)}",
        (SETUP, f"loaded({name!r}, {size}, {str(gate)!r}, {shown})"),
    )
    lab.page.set_default_timeout(PATIENCE_MS)
    lab.run(0)
    if shown:
        lab.command("flyte-nb:show-runs")
        lab.page.locator(".fnb-panel").wait_for()
    lab.run(1, wait=False)
    if shown:
        lab.page.locator(".fnb-panel").get_by_role("region", name="Running now").get_by_text(
            name, exact=True
        ).wait_for()
        lab.output(1).get_by_role("tree").wait_for()
    if watched == WATCHED[-1]:
        lab.page.locator(".fnb-panel .fnb-runs .fnb-line").filter(has_text=name).click()
        lab.page.locator(".fnb-run-page .fnb-state").filter(has_text="running").wait_for()
    lab.page.evaluate(LONG_TASKS)
    process = psutil.Process(server.process.pid)
    before = sum(process.cpu_times()[:2])
    gate.touch()
    lab.page.wait_for_function(SAID)
    longest = frame = 0.0
    if shown:
        lab.output(1).locator(".fnb-state").filter(has_text="succeeded").wait_for(state="attached")
        in_panel = lab.page.locator(".fnb-panel .fnb-runs .fnb-line").filter(has_text=name)
        in_panel.get_by_label("succeeded").wait_for()
    if watched == WATCHED[-1]:
        lab.page.locator(".fnb-run-page .fnb-state").filter(has_text="succeeded").wait_for()
    server_s = sum(process.cpu_times()[:2]) - before
    if shown:
        longest = lab.page.evaluate("() => Math.max(0, ...window.longTasks)")
        tree = ".fnb-run-page .fnb-tree" if watched == WATCHED[-1] else ".fnb-tree"
        frame = lab.page.evaluate(SCROLL.replace(".fnb-tree", tree))[1]
    kernel_s, kernel_mib = json.loads(lab.page.evaluate(SAID))
    lab.close()
    return Loaded(kernel_s, kernel_mib, server_s, longest, frame)


SAID = """() => {
    const cell = document.querySelectorAll('.jp-Notebook .jp-CodeCell')[1];
    return [...cell.querySelectorAll('.jp-OutputArea-output pre')].map((one) => one.textContent)
        .find((text) => text.startsWith('measured'))?.slice(9);
}"""


def measured() -> Table:
    """A line for each size and what looks at it."""
    headings = ("kernel, each", "kernel, most memory", "server, each", "longest task of the page", "a frame, scrolling")
    table = Table("actions of one run", "open", *headings)
    with (
        tempfile.TemporaryDirectory() as folder,
        started_server(Path(folder)) as server,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=ARGUMENTS)
        for size in SIZES:
            for watched in WATCHED:
                found = load(server, browser, size, watched)
                page = (f"{found.longest_ms:.0f} ms", f"{found.frame_ms:.0f} ms") if watched != "nothing" else ()
                kernel = (f"{1e6 * found.kernel_s / size:.0f} µs", f"{found.kernel_mib:.0f} MiB")
                table.add_row(f"{size:,}", watched, *kernel, f"{1e6 * found.server_s / size:.1f} µs", *page)
        browser.close()
    return table
