"""How soon 10,000 runs are drawn, how late news are, what an idle server costs: ``python -m benchmarks.panel``.

The page is that of `flyte-nb ui`, which is the panel of JupyterLab with another server around it, in Chromium.
"""

from __future__ import annotations

import argparse
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
IDLE_S = 20.0


@env.task
async def nothing() -> None:
    """Nothing."""


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


def main() -> None:
    """Measure and print."""
    from playwright.sync_api import sync_playwright

    from tests.browser.lab import ARGUMENTS, find_chromium

    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--runs", type=int, default=10_000)
    runs = arguments.parse_args().runs
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        home = Path(folder) / "home"
        fill(home, runs)
        server = subprocess.Popen(
            [sys.executable, "-m", "flyte_nb._cli", "--home", str(home), "ui"], stdout=subprocess.PIPE, text=True
        )
        assert server.stdout is not None
        address = next(line.strip() for line in server.stdout if re.search("https?://", line))
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=ARGUMENTS)
        page = browser.new_page()
        page.goto(address)
        page.wait_for_selector(".fnb-runs .fnb-line code")
        drawn = [first_rows_ms(page) for _ in range(ROUNDS)]
        heard = [news_ms(page, number) for number in range(ROUNDS)]
        process = psutil.Process(server.pid)
        time.sleep(3)
        before = sum(process.cpu_times()[:2])
        time.sleep(IDLE_S)
        idle = (sum(process.cpu_times()[:2]) - before) / IDLE_S
        browser.close()
        server.terminate()
        server.wait(20)
    load = psutil.getloadavg()[0]
    print(f"{runs:,} runs, medians (and worst) of {ROUNDS}, load average {load:.1f} on {psutil.cpu_count()} cores")
    print(f"first rows {statistics.median(drawn):.0f} ms ({max(drawn):.0f})")
    print(f"a new run on the page {statistics.median(heard):.0f} ms ({max(heard):.0f})")
    print(f"server with a page connected and nothing running: {100 * idle:.2f} % of a core")


if __name__ == "__main__":
    main()
