"""What stays in the notebook."""

from __future__ import annotations

from collections.abc import Callable

from tests.browser.lab import Lab

SETUP = """
%load_ext flyte_nb
import asyncio
import flyte_nb as flyte
from flyte_nb._notebook import display
display.SETTLE_AFTER_S = 0.5
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
    bundle = saved.cells[1].outputs[0]["data"]
    assert set(bundle) == {"text/plain", "text/html"}
    assert "<script" not in bundle["text/html"]
    reopened = open_notebook(notebook=saved)
    reopened.command("kernelmenu:shutdown", wait=False)
    reopened.output(1).get_by_text("succeeded").first.wait_for()
    assert "saved.parent" in reopened.text(1)
    assert "step" in reopened.text(1)


def test_show_makes_a_settled_run_live_again(open_notebook: Callable[..., Lab]) -> None:
    lab = open_notebook(SETUP, "run = flyte.run(parent); run.wait(); run", "flyte.show(run.name)")
    lab.run(0)
    lab.run(1)
    lab.output(1).locator("details").first.wait_for()
    lab.run(2)
    lab.output(2).get_by_role("tree").wait_for()
