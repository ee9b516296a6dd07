"""What stays in the notebook."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tests.browser.lab import Lab

SETUP = """
%load_ext flyte_nb
import asyncio, pathlib
import flyte_nb as flyte
from flyte_nb._notebook import displayed
displayed.SETTLE_AFTER_S = 0.5
env = flyte.TaskEnvironment("saved")

@env.task
async def step(n: int) -> int:
    if n == 3:
        raise ValueError("not three")
    return n

@env.task
async def parent() -> int:
    return len(await asyncio.gather(*(step(n) for n in range(6)), return_exceptions=True))
"""


def test_a_saved_notebook_shows_its_runs_with_the_kernel_off(open_notebook: Callable[..., Lab]) -> None:
    lab = open_notebook(SETUP, "flyte.run(parent)")
    lab.run(0)
    lab.run(1)
    lab.output(1).locator("details").first.wait_for()
    saved = lab.save()
    bundles = [output["data"] for output in saved.cells[1].outputs if "data" in output]
    assert {kind for bundle in bundles for kind in bundle} == {"text/plain", "text/html"}
    assert "<script" not in "".join(bundle["text/html"] for bundle in bundles)
    reopened = open_notebook(notebook=saved)
    reopened.command("kernelmenu:shutdown", wait=False)
    reopened.output(1).get_by_text("succeeded").first.wait_for()
    assert "saved.parent" in reopened.text(1)
    assert "step" in reopened.text(1)


def test_a_notebook_saved_while_its_run_goes_on_shows_how_far_it_was_and_when_it_is_opened_how_it_ended(
    open_notebook: Callable[..., Lab], tmp_path: Path
) -> None:
    gate = tmp_path / "gate"
    lab = open_notebook(
        SETUP,
        f"""
from flyte_nb._notebook import displayed
displayed.UPDATE_BESIDE_WIDGET_S = 0.1

@env.task
async def waits() -> int:
    first = await step(1)
    while not pathlib.Path({str(gate)!r}).exists():
        await asyncio.sleep(0.01)
    return first

run = flyte.run(waits)
run
""",
    )
    lab.run(0)
    lab.run(1)
    lab.output(1).get_by_role("treeitem").filter(has_text="step").wait_for()
    static = lab.output(1).locator("[class^=fnb-static-]")
    static.get_by_text("step").wait_for(state="attached")
    assert not static.first.is_visible()
    saved = lab.save()
    kept = "".join(output.get("data", {}).get("text/html", "") for output in saved.cells[1].outputs)
    assert "running" in kept
    assert "step" in kept
    gate.touch()
    reopened = open_notebook(notebook=saved)
    reopened.command("kernelmenu:shutdown", wait=False)
    reopened.output(1).get_by_text("succeeded").first.wait_for()
    assert "step" in reopened.text(1)
    assert "flyte.show(" in reopened.text(1)
    assert "model not found" not in reopened.text(1)


def test_a_picture_that_somebody_has_used_stays_live_and_one_that_nobody_has_gives_way(
    open_notebook: Callable[..., Lab],
) -> None:
    lab = open_notebook(
        SETUP.replace("displayed.SETTLE_AFTER_S = 0.5", ""),
        "flyte.run(parent)",
        "flyte.run(parent)",
        "displayed.SETTLE_AFTER_S = 0.2",
    )
    for cell in range(3):
        lab.run(cell)
    used, untouched = lab.output(1), lab.output(2)
    untouched.locator(".fnb-state").filter(has_text="succeeded").wait_for()
    used.get_by_label("Filter by name").fill("n=4")
    used.get_by_role("treeitem").filter(has_text="step n=4").wait_for()
    lab.run(3)
    untouched.locator(".fnb-open").wait_for()
    assert untouched.get_by_role("tree").count() == 0
    assert used.get_by_role("treeitem").count() == 2
    used.get_by_role("treeitem").filter(has_text="step n=4").click()
    used.locator(".fnb-variables").get_by_text("4", exact=True).first.wait_for()


REPORT = """
@env.task(report=True)
async def told() -> None:
    flyte.report.log("<p>read me</p>")
"""


def test_a_picture_with_an_open_report_stays_live_and_one_that_gave_way_can_be_opened_again(
    open_notebook: Callable[..., Lab],
) -> None:
    lab = open_notebook(SETUP + REPORT, "flyte.run(told)", "run = flyte.run(parent); run", "flyte.show(run.name)")
    lab.run(0)
    lab.run(1)
    read = lab.output(1)
    report = read.frame_locator("iframe.fnb-report-frame").frame_locator("iframe")
    report.get_by_text("read me").wait_for()
    lab.run(2)
    settled = lab.output(2)
    settled.locator(".fnb-open").wait_for()
    assert report.get_by_text("read me").is_visible()
    settled.locator(".fnb-open").click()
    lab.page.locator(".fnb-run-page .fnb-state").filter(has_text="succeeded").wait_for()
    lab.command("application:close")
    lab.run(3)
    lab.output(3).get_by_role("tree").wait_for()
