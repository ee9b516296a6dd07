"""The picture can be read and used without a mouse, without colours, and in the dark."""

from __future__ import annotations

import re
from collections.abc import Callable

from tests.browser.lab import Lab

SETUP = """
%load_ext flyte_nb
import asyncio
import flyte_nb as flyte
from flyte_nb import hitl
env = flyte.TaskEnvironment("seen", depends_on=[hitl.env])

@env.task
async def broken(n: int) -> int:
    raise ValueError(f"no {n}")

@env.task
async def step(n: int) -> int:
    print("step", n)
    return n

@env.task(report=True)
async def parent() -> int:
    flyte.report.log("<p>half way</p>", do_flush=True)
    with flyte.group("work"):
        await asyncio.gather(step(1), step(2), broken(3), return_exceptions=True)
    asked = [await hitl.new_event.aio(kind.__name__, data_type=kind, prompt="**Well?**") for kind in (int, str, bool)]
    return len([await event.wait.aio() for event in asked])
"""


def faults(lab: Lab) -> list[tuple[str, str]]:
    """What axe finds in the picture: the rule, and where."""
    from axe_playwright_python.sync_playwright import Axe

    found = Axe().run(lab.page, context=".fnb").response["violations"]
    return [(one["id"], one["nodes"][0]["html"]) for one in found]


def test_no_part_of_the_picture_has_a_fault_of_accessibility_in_light_or_dark(
    open_notebook: Callable[..., Lab],
) -> None:
    lab = open_notebook(SETUP, "flyte.run(parent)")
    lab.run(0)
    lab.run(1)
    output = lab.output(1)
    output.get_by_role("form", name="Question bool").wait_for()
    output.get_by_label("Answer to int").fill("many")
    output.get_by_role("form", name="Question int").get_by_role("button", name="Answer", exact=True).click()
    output.get_by_role("alert").filter(has_text="many").wait_for()
    for theme in ("JupyterLab Light", "JupyterLab Dark"):
        lab.command("apputils:change-theme", {"theme": theme})
        is_light = "true" if "Light" in theme else "false"
        lab.page.wait_for_selector(f'body[data-jp-theme-light="{is_light}"]', state="attached")
        output.get_by_role("treeitem").filter(has_text="parent").click()
        output.get_by_role("button", name="Report").click()
        output.locator("iframe").wait_for()
        assert faults(lab) == []
        output.get_by_role("treeitem").filter(has_text="broken").click()
        output.locator(".fnb-traceback").wait_for()
        assert faults(lab) == []
        output.get_by_role("treeitem").filter(has_text="step").first.click()
        output.get_by_role("button", name="Logs").click()
        output.get_by_label("Log", exact=True).wait_for()
        output.get_by_role("button", name="Timeline").click()
        output.get_by_role("img", name=re.compile("Timeline")).wait_for()
        assert faults(lab) == []
        output.get_by_role("button", name="Tree").click()
        output.get_by_role("button", name="Overview").click()


def test_everything_is_reached_by_keyboard(open_notebook: Callable[..., Lab]) -> None:
    lab = open_notebook(SETUP, "flyte.run(parent)")
    lab.run(0)
    lab.run(1)
    output = lab.output(1)
    output.get_by_role("form", name="Question bool").wait_for()
    output.get_by_role("button", name="Abort").first.focus()
    reached = []
    for _ in range(40):
        reached.append(lab.page.evaluate(NAME))
        if reached[-1].startswith("Actions"):
            break
        lab.page.keyboard.press("Tab")
    for name in (
        "Abort",
        "Answer to int",
        "Answer to str",
        "Yes",
        "No",
        "Tree",
        "Timeline",
        "Filter by name",
        "Actions",
    ):
        assert name in reached, reached
    for key in ("Home", "ArrowDown", "ArrowDown", "Enter"):
        lab.page.keyboard.press(key)
    output.locator(".fnb-details").filter(has_text="seen.step").wait_for()
    for name in ("Close the details", "Overview", "Logs"):
        lab.page.keyboard.press("Tab")
        assert lab.page.evaluate(NAME) == name
    lab.page.keyboard.press("Enter")
    output.get_by_label("Log", exact=True).get_by_text("step").wait_for()


NAME = """() => {
    const element = document.activeElement;
    return element.getAttribute("aria-label") ?? element.textContent;
}"""
