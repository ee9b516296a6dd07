"""What the picture of a run costs, and how fast it is, in a real JupyterLab in a real Chromium.

python -m benchmarks.notebook
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from playwright.sync_api import sync_playwright
from rich.console import Console
from rich.table import Table

from tests.browser.lab import ARGUMENTS, Lab, Server, find_chromium, started_server

SETUP = """
%load_ext flyte_nb
import asyncio, time
import flyte_nb as flyte
from flyte_nb import hitl
env = flyte.TaskEnvironment("measured", depends_on=[hitl.env])

@env.task
async def nothing(n: int) -> int:
    return n

@env.task
async def fan_out(n: int) -> int:
    return len(await asyncio.gather(*(nothing(i) for i in range(n))))

@env.task
async def sleeps() -> None:
    await asyncio.sleep(60)

@env.task
async def asks() -> float:
    event = await hitl.new_event.aio("go", data_type=bool, prompt="Go on?")
    await event.wait.aio()
    return time.time()

@env.task(report=True)
async def streams(a_second: int, seconds: int) -> float:
    shows = "function show(n) { document.getElementById('n').textContent = n; }"
    flyte.report.log(f"<p id=n>0</p><script>{shows}</script>", do_flush=True)
    begun = time.perf_counter()
    for n in range(a_second * seconds):
        flyte.report.log(f"<script>show({n + 1})</script>", do_flush=True)
        await asyncio.sleep(max(0, begun + (n + 1) / a_second - time.perf_counter()))
    return time.perf_counter() - begun

def seconds(n, shown):
    begun, used = time.perf_counter(), time.process_time()
    run = flyte.run(fan_out, n)
    if shown:
        flyte.show(run)
    run.wait()
    return time.perf_counter() - begun, time.process_time() - used

def pair(n):
    measured = seconds(n, False), seconds(n, True)
    time.sleep(2)  # the picture catches up, and the browser draws it
    return measured
"""
LONG_TASKS = """() => {
    window.longTasks = [];
    new PerformanceObserver((list) => {
        for (const entry of list.getEntries()) window.longTasks.push(entry.duration);
    }).observe({entryTypes: ["longtask"]});
}"""
FIRST_ROWS = """async () => {
    const begun = performance.now();
    const done = window.jupyterapp.commands.execute("notebook:run-cell");
    for (;;) {
        await new Promise(requestAnimationFrame);
        if (document.querySelectorAll('[role="treeitem"]').length > 1) break;
        if (performance.now() - begun > 30000) throw new Error("no rows");
    }
    const painted = performance.now() - begun;
    await done;
    return painted;
}"""
SCROLL = """async () => {
    const tree = document.querySelector(".fnb-tree");
    window.longTasks.length = 0;
    const before = performance.now();
    let frames = 0;
    for (let top = 0; top < tree.scrollHeight; top += tree.scrollHeight / 200) {
        tree.scrollTop = top;
        frames += 1;
        await new Promise(requestAnimationFrame);
    }
    return [frames, (performance.now() - before) / frames, Math.max(0, ...window.longTasks)];
}"""

FRAMES = """async (milliseconds) => {
    const frames = [];
    const end = performance.now() + milliseconds;
    let before = performance.now();
    while (before < end) {
        await new Promise(requestAnimationFrame);
        frames.push(performance.now() - before);
        before = performance.now();
    }
    return frames;
}"""


class Measurements:
    """Measurements in one JupyterLab.

    Parameters
    ----------
    server : Server
    browser : playwright Browser
    times : int
        Take the median of so many.
    """

    def __init__(self, server: Server, browser: Any, times: int) -> None:
        self._server = server
        self._browser = browser
        self._times = times

    def open(self, name: str, *cells: str) -> Lab:
        """A notebook whose first cell has been run."""
        lab = Lab(self._server, self._browser, name, (SETUP, *cells))
        lab.run(0)
        return lab

    def cost_of_showing(self, size: int) -> tuple[float, float]:
        """A fan-out with its picture, against without: elapsed time, processor time of the kernel; medians of pairs."""
        pairs = (
            f"pair({size})\npairs = [pair({size}) for _ in range({3 * self._times})]\n"
            "import json; print('measured', json.dumps(pairs))"
        )
        lab = self.open(f"cost{size}", pairs)
        lab.run(1)
        measured = json.loads(lab.text(1).split("measured ")[-1])
        lab.close()
        elapsed, used = ([shown[which] / plain[which] for plain, shown in measured] for which in (0, 1))
        return statistics.median(elapsed), statistics.median(used)

    def large_run(self, size: int) -> tuple[float, float, float, float]:
        """First paint (ms), time a frame while scrolling (ms), longest task meanwhile (ms), bytes an action."""
        lab = self.open(
            "large",
            f"run = flyte.with_runcontext(name='large').run(fan_out, {size}); run.wait()",
            "flyte.show('large')",
            f"run = flyte.run(fan_out, {size}); flyte.show(run)",
        )
        lab.run(1)
        lab.page.evaluate("() => { window.jupyterapp.shell.currentWidget.content.activeCellIndex = 2; }")
        lab.page.evaluate(LONG_TASKS)
        painted = lab.page.evaluate(FIRST_ROWS)
        tree = lab.output(2).get_by_role("tree")
        tree.wait_for()
        _, frame, longest = lab.page.evaluate(SCROLL)
        lab.page.evaluate("() => { window.jupyterapp.shell.currentWidget.content.activeCellIndex = 3; }")
        received = bytes_received(lab)
        lab.run(3)
        lab.output(3).locator(".fnb-state").filter(has_text="succeeded").wait_for(timeout=120_000)
        total = received()
        lab.close()
        return painted, frame, longest, total / size

    def streaming(self, a_second: int, seconds: int) -> tuple[float, float, float, float]:
        """Logs a second, longest task (ms), median and worst frame (ms) of a page while a report streams."""
        lab = self.open(
            "stream", f"run = flyte.run(streams, {a_second}, {seconds}); flyte.show(run); run.wait()\nrun.outputs()[0]"
        )
        lab.run(1, wait=False)
        frame = lab.output(1).frame_locator("iframe.fnb-report-frame").frame_locator("iframe")
        frame.locator("#n").wait_for()
        lab.page.evaluate(LONG_TASKS)
        frames = lab.page.evaluate(FRAMES, 1000 * (seconds - 3))
        longest = lab.page.evaluate("() => Math.max(0, ...window.longTasks)")
        lab.output(1).locator(".fnb-state").filter(has_text="succeeded").wait_for(timeout=120_000)
        frame.locator("#n").filter(has_text=str(a_second * seconds)).wait_for()
        took = float(lab.output(1).locator(".jp-OutputArea-executeResult pre").inner_text())
        lab.close()
        return a_second * seconds / took, longest, statistics.median(frames), max(frames)

    def abort(self) -> float:
        """Milliseconds from a click on Abort, in a blocked cell, to ABORTED on the page."""
        return statistics.median(self._abort(turn) for turn in range(self._times))

    def _abort(self, turn: int) -> float:
        lab = self.open(f"abort{turn}", "run = flyte.run(sleeps); flyte.show(run); run.wait()")
        lab.run(1, wait=False)
        button = lab.output(1).locator(".fnb-header").get_by_role("button", name="Abort")
        button.wait_for()
        lab.output(1).locator(".fnb-state").filter(has_text="running").wait_for()
        milliseconds: float = lab.page.evaluate(
            """async () => {
                const buttons = [...document.querySelectorAll(".fnb-header button")];
                const button = buttons.find((one) => one.textContent === "Abort");
                const begun = performance.now();
                button.click();
                while (!document.querySelector(".fnb-state").textContent.includes("aborted"))
                    await new Promise(requestAnimationFrame);
                return performance.now() - begun;
            }"""
        )
        lab.close()
        return milliseconds

    def answer(self) -> float:
        """Milliseconds from a click on an answer, in a blocked cell, until the task goes on."""
        return statistics.median(self._answer(turn) for turn in range(self._times))

    def _answer(self, turn: int) -> float:
        lab = self.open(
            f"answer{turn}", "run = flyte.run(asks); flyte.show(run); run.wait(); print('went on', run.outputs()[0])"
        )
        lab.run(1, wait=False)
        yes = lab.output(1).get_by_role("button", name="Yes")
        yes.wait_for()
        clicked: float = lab.page.evaluate(
            """() => {
                [...document.querySelectorAll(".fnb-prompt button")].find((b) => b.textContent === "Yes").click();
                return Date.now();
            }"""
        )
        lab.output(1).get_by_text("went on").wait_for()
        went_on = float(lab.text(1).split("went on ")[-1].split()[0])
        lab.close()
        return went_on * 1000 - clicked


def bytes_received(lab: Lab) -> Callable[[], int]:
    """Counts what the kernel's messages to widgets weigh, from now on."""
    session = lab.context.new_cdp_session(lab.page)
    session.send("Network.enable")
    total = 0

    def received(event: Any) -> None:
        nonlocal total
        response = event["response"]
        weight = len(response["payloadData"])
        total += weight * 3 // 4 if response["opcode"] == 2 else weight

    session.on("Network.webSocketFrameReceived", received)
    return lambda: total


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.notebook", description=__doc__)
    parser.add_argument("--times", type=int, default=3, help="Take the median of so many measurements.")
    parser.add_argument("--size", type=int, default=50_000, help="Actions of the large run.")
    arguments = parser.parse_args()
    chromium = find_chromium()
    if chromium is None:
        raise SystemExit("There is no Chromium: apt-get install chromium, or name one in CHROMIUM.")
    table = Table("in JupyterLab", "flyte_nb", "goal")
    begun = time.monotonic()
    with (
        tempfile.TemporaryDirectory() as folder,
        started_server(Path(folder)) as server,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS)
        measure = Measurements(server, browser, arguments.times)
        for size, goal in ((4_000, "at most 1.15"), (20_000, "")):
            elapsed, used = measure.cost_of_showing(size)
            what = f"fan-out of {size:,} with its picture, against without"
            table.add_row(what, f"{elapsed:.2f} (processor time {used:.2f})", goal)
        painted, frame, longest, weight = measure.large_run(arguments.size)
        table.add_row(f"{arguments.size:,} actions: first rows after display", f"{painted:.0f} ms", "under 1,000 ms")
        table.add_row("... a frame while scrolling", f"{frame:.1f} ms", "")
        table.add_row("... longest task while scrolling", f"{longest:.0f} ms", "at most 100 ms")
        table.add_row("... bytes over the wire, an action", f"{weight:.0f}", "at most 200")
        rate, longest, usual, worst = measure.streaming(1_000, 20)
        table.add_row(
            f"a report that streams {rate:.0f} logs a second: longest task", f"{longest:.0f} ms", "at most 100 ms"
        )
        table.add_row("... a frame, median and worst", f"{usual:.0f} and {worst:.0f} ms", "")
        table.add_row("click on Abort to ABORTED, cell blocked", f"{measure.abort():.0f} ms", "under 500 ms")
        table.add_row("click on an answer to the task going on", f"{measure.answer():.0f} ms", "under 500 ms")
        browser.close()
    console = Console(width=110)
    console.print(table)
    console.print(f"Median of {arguments.times}; took {time.monotonic() - begun:.0f} s.")


if __name__ == "__main__":
    main()
