"""A run under its cell, live."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from tests.browser.lab import Lab

SETUP = """
%load_ext flyte_nb
import asyncio, pathlib, time
import flyte_nb as flyte
env = flyte.TaskEnvironment("live")

@env.task
async def wait_for(path: str) -> str:
    while not pathlib.Path(path).exists():
        await asyncio.sleep(0.01)
    return path

@env.task
async def step(n: int) -> int:
    print("step", n)
    return n * n

@env.task
async def broken(n: int) -> int:
    raise ValueError(f"no {n}")
"""


def test_the_tree_grows_while_the_cell_is_blocked(open_notebook: Callable[..., Lab], tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    lab = open_notebook(
        SETUP,
        f"""
@env.task
async def parent() -> int:
    values = await asyncio.gather(*(step(n) for n in range(5)))
    await wait_for({str(gate)!r})
    return sum(values)

run = flyte.run(parent)
flyte.show(run)
run.wait()
""",
    )
    lab.run(0)
    lab.run(1, wait=False)
    tree = lab.output(1).get_by_role("tree")
    tree.get_by_role("treeitem").filter(has_text="wait_for").wait_for()
    assert tree.get_by_role("treeitem").filter(has_text="step").count() == 5
    assert lab.busy(1)
    gate.touch()
    lab.output(1).locator(".fnb-state").filter(has_text=re.compile("succeeded")).wait_for()
    assert not lab.errors
