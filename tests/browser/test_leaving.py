"""A page that goes says so: the kernel keeps nothing for it, and the page that comes next goes on."""

from __future__ import annotations

import re
from collections.abc import Callable

from tests.browser.lab import Lab
from tests.browser.test_saved import SETUP

USED = SETUP.replace("SETTLE_AFTER_S = 0.5", "SETTLE_AFTER_S = 600")
VIEWS = """
def views():
    return [view for one in list(displayed._with_pages) for view in one._pages._pages]

def live():
    return [one for one in list(displayed._with_pages) if not one._settled]
"""


def shown_and_used(open_notebook: Callable[..., Lab], *cells: str) -> Lab:
    """A notebook with the picture of a run that has ended, which somebody has used."""
    lab = open_notebook(USED + VIEWS, "flyte.run(parent)", *cells)
    lab.run(0)
    lab.run(1)
    output = lab.output(1)
    output.locator(".fnb-state").filter(has_text="succeeded").wait_for()
    output.get_by_label("Filter by name").fill("step")
    output.get_by_text("6 rows found").wait_for()
    lab.save()
    return lab


def test_a_notebook_that_is_closed_and_opened_again_has_one_view(open_notebook: Callable[..., Lab]) -> None:
    lab = shown_and_used(open_notebook, "print(len(views()))")
    lab.page.evaluate(
        """() => {
            const { currentWidget } = window.jupyterapp.shell;
            currentWidget.context.model.dirty = false;
            currentWidget.dispose();
        }"""
    )
    lab._open()
    lab.output(1).locator(".fnb-state").filter(has_text="succeeded").wait_for()
    lab.run(2)
    assert lab.text(2).strip() == "1"


def test_a_page_that_is_loaded_anew_goes_on_with_the_picture_and_is_the_only_view(
    open_notebook: Callable[..., Lab],
) -> None:
    lab = shown_and_used(open_notebook, "print(len(views()), len(live()))")
    lab.window.load("lab")
    lab._open()
    output = lab.output(1)
    output.locator(".fnb-state").filter(has_text="succeeded").wait_for()
    output.get_by_label("Filter by name").fill("step")
    output.get_by_text("6 rows found").wait_for()
    lab.run(2)
    assert lab.text(2).strip() == "1 1"


def test_a_rerun_on_a_page_that_was_loaded_anew_leaves_the_picture_and_says_which_run_has_started(
    open_notebook: Callable[..., Lab],
) -> None:
    lab = shown_and_used(open_notebook, "newest = next(flyte.Run.listall(limit=1)); newest.wait(); print(newest.name)")
    lab.window.load("lab")
    lab._open()
    output = lab.output(1)
    output.get_by_role("button", name="Rerun").click()
    said = output.get_by_role("status").filter(has_text=re.compile("Run .* has started"))
    said.wait_for()
    name = said.inner_text().split()[1]
    lab.run(2)
    assert lab.text(2).strip() == name
    assert output.locator(".fnb-state").filter(has_text="succeeded").is_visible()
    assert output.get_by_role("treeitem").first.is_visible()
