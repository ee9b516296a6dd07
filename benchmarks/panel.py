"""How soon 10,000 runs are drawn, how late news are, what an idle server costs: ``python -m benchmarks.panel``.

The page is that of `flyte-nb ui`, which is the panel of JupyterLab with another server around it, in Chromium. A run of
50,000 actions is opened on it, and both lists are scrolled. JupyterLab is opened with and without the panel, in turns.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import psutil

import flyte_nb as flyte

env = flyte.TaskEnvironment("listed")
ROUNDS = 15
START_UPS = 5
SCROLLS = 60
PATIENCE_MS = 180_000
IDLE_S = 20.0


@env.task
async def nothing() -> None:
    """Nothing."""


@env.task
async def wide(actions: int) -> None:
    """Many actions under one."""
    await asyncio.gather(*(nothing() for _ in range(actions)))


def fill(home: Path, runs: int) -> None:
    """Runs of a home."""
    flyte.init(home=home)
    while runs > 0:
        begun = [flyte.run(nothing) for _ in range(min(runs, 200))]
        for run in begun:
            run.wait()
        runs -= len(begun)


def first_rows_ms(page: Any) -> float:
    """From the moment the page's script begins until rows are on the page."""
    page.reload()
    page.wait_for_selector(".fnb-runs .fnb-line code")
    return float(page.evaluate(f"performance.now() - {SCRIPT_CAME}"))


SCRIPT_CAME = "performance.getEntriesByType('resource').find((one) => one.name.endsWith('page.js')).responseEnd"
WATCH = """name => new Promise((done) => {
    const look = () => document.querySelector('.fnb-runs')?.textContent.includes(name) && done(Date.now());
    new MutationObserver(look).observe(document.body, { subtree: true, childList: true, characterData: true });
    look();
})"""


def news_ms(page: Any, number: int) -> float:
    """From the commit of a run's first event until the run is on the page."""
    name = f"news-{number}"
    page.evaluate(f"void (window.seen = ({WATCH})({name!r}))")
    begun = time.time()
    flyte.with_runcontext(name=name).run(nothing).wait()
    return float(page.evaluate("window.seen")) - 1000 * begun


LONG_TASKS = """() => { window.long = [];
    new PerformanceObserver((list) => window.long.push(...list.getEntries().map((one) => one.duration)))
        .observe({ type: 'longtask' }); }"""
SCROLL = """async ([place, steps]) => {
    const box = document.querySelector(place);
    for (let step = 1; step <= steps; step += 1) {
        box.scrollTop = (box.scrollHeight - box.clientHeight) * step / steps;
        await new Promise(requestAnimationFrame);
    }
    return window.long;
}"""


def scroll(page: Any, place: str) -> list[float]:
    """Scroll from top to bottom, one step a frame; how long the tasks took that took over 50 ms."""
    page.evaluate(LONG_TASKS)
    return list(page.evaluate(SCROLL, [place, SCROLLS]))


def opened_ms(page: Any, address: str) -> float:
    """From the moment the script of a run's page begins until actions are on the page."""
    page.goto(address)
    page.locator(".fnb-tree [role=treeitem]").nth(1).wait_for(timeout=PATIENCE_MS)
    return float(page.evaluate(f"performance.now() - {SCRIPT_CAME}"))


def start_ups_ms(browser: Any, folder: Path) -> dict[bool, list[float]]:
    """JupyterLab until it is restored, with and without the panel, in turns; the first of each is left out."""
    from tests.browser.lab import started_server

    taken: dict[bool, list[float]] = {True: [], False: []}
    with started_server(folder) as server:
        kept = folder / "config/labconfig/page_config.json"
        kept.parent.mkdir(parents=True, exist_ok=True)
        context = browser.new_context()
        context.set_default_timeout(PATIENCE_MS)
        for _ in range(START_UPS + 1):
            for with_panel, times in taken.items():
                kept.write_text(json.dumps({"disabledExtensions": {} if with_panel else {"flyte-nb": True}}))
                page = context.new_page()
                page.goto(f"{server.address}/lab?token={server.token}&reset")
                page.wait_for_function("window.jupyterapp !== undefined")
                times.append(page.evaluate("window.jupyterapp.restored.then(() => performance.now())"))
                assert page.evaluate("window.jupyterapp.hasPlugin('flyte-nb:panel')") is with_panel
                page.close()
        context.close()
    return {with_panel: times[1:] for with_panel, times in taken.items()}


def measure_page(browser: Any, home: Path, runs: int, actions: int) -> None:
    """The list of runs, and a run of many actions, on the page of `flyte-nb ui`."""
    flyte.with_runcontext(name="wide").run(wide, actions).wait()
    server = subprocess.Popen(
        [sys.executable, "-m", "flyte_nb", "--home", str(home), "ui"], stdout=subprocess.PIPE, text=True
    )
    assert server.stdout is not None
    address = next(line.strip() for line in server.stdout if re.search("https?://", line))
    page = browser.new_page()
    page.set_default_timeout(PATIENCE_MS)
    page.goto(address)
    page.wait_for_selector(".fnb-runs .fnb-line code")
    _say(f"{runs:,} runs: first rows", [first_rows_ms(page) for _ in range(ROUNDS)])
    _say("a new run on the page", [news_ms(page, number) for number in range(ROUNDS)])
    process = psutil.Process(server.pid)
    time.sleep(3)
    before = sum(process.cpu_times()[:2])
    time.sleep(IDLE_S)
    idle = (sum(process.cpu_times()[:2]) - before) / IDLE_S
    print(f"server with a page connected and nothing running: {100 * idle:.2f} % of a core")
    _say_long("the list, scrolled through", scroll(page, ".fnb-runs"))
    _say(f"a run of {actions:,} actions on the page", [opened_ms(page, f"{address.partition('?')[0]}runs/wide")])
    _say_long("its actions, scrolled through", scroll(page, ".fnb-tree"))
    page.close()
    server.terminate()
    server.wait(20)


def main() -> None:
    """Measure and print."""
    from playwright.sync_api import sync_playwright

    from tests.browser.lab import ARGUMENTS, find_chromium

    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--runs", type=int, default=10_000)
    arguments.add_argument("--actions", type=int, default=50_000)
    wanted = arguments.parse_args()
    print(f"load average {psutil.getloadavg()[0]:.1f} on {psutil.cpu_count()} cores; medians (and worst) of {ROUNDS}")
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        home = Path(folder) / "home"
        fill(home, wanted.runs)
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=ARGUMENTS)
        measure_page(browser, home, wanted.runs, wanted.actions)
        (Path(folder) / "lab").mkdir()
        for with_panel, times in start_ups_ms(browser, Path(folder) / "lab").items():
            _say(f"JupyterLab {'with' if with_panel else 'without'} the panel, restored", times)
        browser.close()


def _say(what: str, times: list[float]) -> None:
    worst = f" ({max(times):.0f})" if len(times) > 1 else ""
    print(f"{what}: {statistics.median(times):.0f} ms{worst}", flush=True)


def _say_long(what: str, tasks: list[float]) -> None:
    longest = max(tasks, default=0)
    print(f"{what} in {SCROLLS} steps: {len(tasks)} tasks over 50 ms, the longest {longest:.0f} ms", flush=True)


if __name__ == "__main__":
    main()
