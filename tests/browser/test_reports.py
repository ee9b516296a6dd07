"""Reports under the cell, live."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.browser.lab import Lab

SETUP = """
%load_ext flyte_nb
import asyncio, pathlib
import flyte_nb as flyte
env = flyte.TaskEnvironment("reports")

async def reached(path):
    while not pathlib.Path(path).exists():
        await asyncio.sleep(0.01)
"""


def frame_of(lab: Lab, cell: int) -> Any:
    """Inside of the report's frame."""
    return lab.output(cell).frame_locator("iframe.fnb-report-frame").frame_locator("iframe")


def test_scripts_of_a_streaming_report_run_as_they_arrive(open_notebook: Callable[..., Lab], tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    lab = open_notebook(
        SETUP,
        f"""
@env.task(report=True)
async def stream() -> None:
    flyte.report.log('''<h1 id="count">0</h1><script>
        let total = 0;
        function add(n) {{ total += n; document.getElementById("count").textContent = total; }}
        document.addEventListener("DOMContentLoaded", () => document.body.append("ready"));
    </script>''', do_flush=True)
    for n in range(200):
        flyte.report.log(f"<script>add({{n}})</script>", do_flush=True)
        await asyncio.sleep(0)
    await reached({str(gate)!r})
    flyte.report.log("<script>add(100)</script>", do_flush=True)

run = flyte.run(stream)
flyte.show(run)
run.wait()
""",
    )
    lab.run(0)
    lab.run(1, wait=False)
    frame = frame_of(lab, 1)
    frame.locator("#count").filter(has_text="19900").wait_for()
    assert frame.get_by_text("ready").count() == 1
    assert lab.busy(1)
    gate.touch()
    frame.locator("#count").filter(has_text="20000").wait_for()


# Forgets the next change of a tree that the kernel sends, as a server does where there is too much to send.
LOSE_ONE_MESSAGE = """() => {
    const { kernel } = window.jupyterapp.shell.currentWidget.sessionContext.session;
    window.lost = window.renewed = 0;
    for (const comm of kernel._comms.values()) {
        const take = comm.onMsg;
        comm.onMsg = (message) => {
            const type = message.content.data.content?.type;
            if (type === 'reset') window.renewed += 1;
            if (type === 'diff' && window.lost === 0) window.lost += 1;
            else return take(message);
        };
    }
}"""


def test_the_frame_of_a_report_stays_when_everything_else_is_asked_for_anew(
    open_notebook: Callable[..., Lab], tmp_path: Path
) -> None:
    gate, end = tmp_path / "gate", tmp_path / "end"
    lab = open_notebook(
        SETUP,
        f"""
@env.task
async def leaf() -> None: ...

@env.task(report=True)
async def stream() -> None:
    flyte.report.log("<p id='said'>1</p><script>let said = 1</script>", do_flush=True)
    await reached({str(gate)!r})
    await leaf()
    flyte.report.log("<script>said += 1; document.getElementById('said').textContent = said</script>", do_flush=True)
    await reached({str(end)!r})
    flyte.report.log("<script>said += 1; document.getElementById('said').textContent = said</script>", do_flush=True)

run = flyte.run(stream)
flyte.show(run)
run.wait()
""",
    )
    lab.run(0)
    lab.run(1, wait=False)
    said = frame_of(lab, 1).locator("#said")
    said.filter(has_text="1").wait_for()
    frames = list(lab.page.frames)
    lab.page.evaluate(LOSE_ONE_MESSAGE)
    gate.touch()
    lab.page.wait_for_function("window.lost === 1 && window.renewed > 0")
    said.filter(has_text="2").wait_for()
    end.touch()
    said.filter(has_text="3").wait_for()
    assert lab.page.frames == frames


def test_a_report_is_there_again_after_its_cell_was_moved(open_notebook: Callable[..., Lab]) -> None:
    lab = open_notebook(
        SETUP,
        """
@env.task(report=True)
async def show() -> None:
    flyte.report.log("<p>written</p><script>document.body.append('by a script')</script>")

flyte.run(show).wait()
""".replace("flyte.run(show).wait()", "run = flyte.run(show)\nrun.wait()\nrun"),
        "1 + 1",
    )
    lab.run(0)
    lab.run(1)
    frame_of(lab, 1).get_by_text("by a script").wait_for()
    before = list(lab.page.frames)
    lab.page.evaluate("() => { window.jupyterapp.shell.currentWidget.content.activeCellIndex = 1; }")
    lab.command("notebook:move-cell-down")
    frame = frame_of(lab, 2)
    frame.get_by_text("by a script").wait_for()
    assert frame.get_by_text("written").count() == 1
    assert lab.page.frames != before


def test_a_report_is_replaced_and_has_tabs(open_notebook: Callable[..., Lab]) -> None:
    lab = open_notebook(
        SETUP,
        """
@env.task(report=True)
async def tabs() -> None:
    flyte.report.log("<p>old</p>", do_flush=True)
    flyte.report.replace("<p>new</p>", do_flush=True)
    flyte.report.get_tab("More").log("<p>second tab</p>")

run = flyte.run(tabs)
run.wait()
run
""",
    )
    lab.run(0)
    lab.run(1)
    frame = frame_of(lab, 1)
    frame.get_by_text("new").wait_for()
    assert frame.get_by_text("old").count() == 0
    lab.output(1).get_by_role("button", name="More").click()
    frame.get_by_text("second tab").wait_for()


PLAIN = """<p id="said"></p><script>
said.innerHTML = "\u0130 made by a script, which speaks of srcdoc <!ENTITY and 'so' on>";
said.dataset.width = innerWidth;
</script>"""
COLORS = "root => { const { backgroundColor, color } = getComputedStyle(root); return [backgroundColor, color]; }"
WHEN_LIGHT = """async (root) => {
    while (!/^rgb.2../.test(getComputedStyle(root).backgroundColor)) await new Promise(requestAnimationFrame);
}"""


def _is_dark(color: str) -> bool:
    return sum(float(part) for part in re.findall(r"[\d.]+", color)[:3]) < 3 * 128


def test_a_report_has_the_width_and_the_colours_of_its_place_unless_it_sets_its_own(
    open_notebook: Callable[..., Lab],
) -> None:
    lab = open_notebook(
        f"{SETUP}\nPLAIN = {PLAIN!r}",
        """
@env.task(report=True)
async def plain() -> None:
    flyte.report.log(PLAIN)
    flyte.report.get_tab("Own").log("<style>html { background: #fffaf0; color: #010203 }</style><p>own</p>")

run = flyte.run(plain)
run.wait()
run
""",
        dark=True,
    )
    lab.run(0)
    lab.run(1)
    frame = frame_of(lab, 1)
    frame.get_by_text("made by a script").wait_for()
    assert frame.locator("#said").evaluate("said => Number(said.dataset.width) === innerWidth")
    ground, text = frame.locator("html").evaluate(COLORS)
    assert (_is_dark(ground), _is_dark(text)) == (True, False)
    lab.command("apputils:change-theme", {"theme": "JupyterLab Light"})
    lab.page.wait_for_selector('body[data-jp-theme-light="true"]', state="attached")
    frame.locator("html").evaluate(WHEN_LIGHT)
    lab.output(1).get_by_role("button", name="Own").click()
    frame.get_by_text("own", exact=True).wait_for()
    assert frame.locator("html").evaluate(COLORS) == ["rgb(255, 250, 240)", "rgb(1, 2, 3)"]


def test_a_wide_figure_fits_and_a_frame_looks_like_jupyterlabs_unless_the_report_says_otherwise(
    open_notebook: Callable[..., Lab],
) -> None:
    lab = open_notebook(
        SETUP,
        """
import matplotlib.figure
import pandas as pd

@env.task(report=True)
async def show() -> None:
    figure = matplotlib.figure.Figure(figsize=(30, 3))
    figure.subplots().plot([1, 3, 2])
    flyte.report.log(figure)
    flyte.report.log(pd.DataFrame({"n": [1, 20]}))
    own = flyte.report.get_tab("Own")
    own.log("<style>td { text-align: center } img { max-width: none }</style>")
    own.log(figure)
    own.log(pd.DataFrame({"n": [1, 20]}))

run = flyte.run(show)
run.wait()
run
""",
    )
    lab.run(0)
    lab.run(1)
    frame = frame_of(lab, 1)
    frame.locator("td").first.wait_for()
    fits = "img => img.decode().then(() => document.documentElement.scrollWidth <= innerWidth)"
    look = "td => [getComputedStyle(td).textAlign, getComputedStyle(td).borderTopWidth]"
    assert frame.locator("img").evaluate(fits)
    assert frame.locator("td").first.evaluate(look) == ["right", "0px"]
    lab.output(1).get_by_role("button", name="Own").click()
    frame.locator("style").first.wait_for(state="attached")
    frame.locator("body > style + img").wait_for()
    assert not frame.locator("img").evaluate(fits)
    assert frame.locator("td").first.evaluate(look) == ["center", "0px"]
