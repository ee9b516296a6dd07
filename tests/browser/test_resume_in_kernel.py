"""Where a run goes on: in a process of its own or in a kernel that the person chooses, in the panel and on its page."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.browser.lab import Lab
from tests.browser.test_panel import SETUP, line, panel_of

STOPPED = "run = flyte.with_runcontext(name={name!r}).run(slow)\nrun.abort()\nawait run.wait.aio()"

IS_BUSY = "async (kernel) => (await (await fetch(`/api/kernels/${kernel}`)).json()).execution_state === 'busy'"


@pytest.fixture
def enough(request: pytest.FixtureRequest, open_notebook: Callable[..., Lab]) -> Callable[[Lab], None]:
    """Lets all runs of `slow` end, for this test."""

    def let_end(lab: Lab) -> None:
        path: Path = lab.server.home / "enough"
        path.touch()
        request.addfinalizer(lambda: path.unlink(missing_ok=True))

    return let_end


def choose(page: Any, place: str) -> Any:
    """Resume there; the dialog offers it."""
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("radio", name=place).check()
    dialog.get_by_role("button", name="Resume").click()
    dialog.wait_for(state="detached")


def run_page(lab: Lab, name: str) -> Any:
    return lab.page.get_by_role("region", name=f"Run {name}")


def kernel_of(lab: Lab) -> int:
    """The process of a notebook's kernel, once it can be asked."""
    lab.page.wait_for_function(
        "() => window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.status === 'idle'"
    )
    lab.run(2)
    return int(lab.text(2).split()[-1])


def test_a_run_whose_kernel_was_killed_goes_on_in_the_restarted_one_and_then_without_any(
    open_notebook: Callable[..., Lab], enough: Callable[[Lab], None]
) -> None:
    lost = open_notebook(SETUP, "flyte.with_runcontext(name='twice').run(slow)", "import os; print(os.getpid())")
    lost.run(0)
    lost.run(1)
    other = open_notebook(SETUP)
    panel = panel_of(other)
    os.kill(kernel_of(lost), signal.SIGKILL)
    lost.page.get_by_role("dialog").get_by_role("button", name="Ok").click()
    line(panel, "twice").get_by_text("interrupted").wait_for()
    line(panel, "twice").get_by_role("button", name="Resume").click()
    assert "Where the run came from" in other.page.get_by_role("dialog").locator("label").nth(1).inner_text()
    choose(other.page, f"In the kernel of {lost.path.name}")
    other.page.get_by_text("with its stored code").wait_for()
    line(panel, "twice").get_by_label("running").wait_for()
    line(panel, "twice").click()
    page = run_page(other, "twice")
    restarted = kernel_of(lost)
    page.get_by_title(f"process {restarted}").wait_for()

    os.kill(restarted, signal.SIGKILL)
    enough(other)
    page.get_by_text("interrupted").first.wait_for()
    page.get_by_role("button", name="Resume").click()
    choose(other.page, "In a process of its own")
    page.locator(".fnb-state").get_by_text("succeeded").wait_for()
    page.get_by_text("resumed 2").wait_for()
    page.get_by_role("treeitem").filter(has_text="first").get_by_label("succeeded").wait_for()
    assert other.errors == []


def test_a_run_that_is_resumed_in_a_kernel_uses_what_is_defined_there(
    open_notebook: Callable[..., Lab], enough: Callable[[Lab], None]
) -> None:
    lab = open_notebook(
        SETUP,
        STOPPED.format(name="redefined"),
        SETUP.replace("before + 2", "before + 100"),
        "run.outputs()[0]",
    )
    for cell in range(3):
        lab.run(cell)
    enough(lab)
    panel = panel_of(lab)
    line(panel, "redefined").get_by_text("redefined").click()
    run_page(lab, "redefined").get_by_role("button", name="Resume").click()
    dialog = lab.page.get_by_role("dialog")
    assert dialog.get_by_role("radio", name=f"In the kernel of {lab.path.name}").is_checked()
    dialog.get_by_role("button", name="Resume").click()
    lab.page.get_by_text("with what is defined there").wait_for()
    run_page(lab, "redefined").locator(".fnb-state").get_by_text("succeeded").wait_for()
    lab.command("docmanager:open", {"path": lab.path.name})
    lab.run(3)
    lab.output(3).get_by_text("140").wait_for()


BROKEN = """
from flyte_nb._follow.live_picture import follower
from flyte_nb._notebook import displayed

@env.task
async def broken() -> int:
    raise ValueError("not yet")
"""
MENDED = """
@env.task
async def broken() -> int:
    return 42

displayed.SETTLE_AFTER_S = 0.2
while follower._thread: await asyncio.sleep(0.01)
"""


def test_a_run_resumed_on_its_page_is_shown_as_it_is_under_its_cell_where_its_picture_has_given_way(
    open_notebook: Callable[..., Lab],
) -> None:
    lab = open_notebook(SETUP + BROKEN, "flyte.with_runcontext(name='untouched').run(broken)", MENDED)
    for cell in range(3):
        lab.run(cell)
    lab.output(1).get_by_text('flyte_nb.Run.get("untouched").resume()').wait_for()
    line(panel_of(lab), "untouched").get_by_text("untouched").click()
    run_page(lab, "untouched").get_by_role("button", name="Resume").click()
    lab.page.get_by_role("dialog").get_by_role("button", name="Resume").click()
    run_page(lab, "untouched").locator(".fnb-state").get_by_text("succeeded").wait_for()
    lab.command("docmanager:open", {"path": lab.path.name})
    lab.output(1).get_by_text("succeeded").first.wait_for()
    assert lab.output(1).get_by_role("tree").count() == 0


def deaf(lab: Lab) -> Callable[[], None]:
    """Loads the page anew; what is given back has it hear no more of what kernels tell everybody."""
    is_deaf = False

    def route(socket: Any) -> None:
        server = socket.connect_to_server()
        server.on_message(lambda message: None if is_deaf and b"iopub" in message else socket.send(message))

    def close_ears() -> None:
        nonlocal is_deaf
        is_deaf = True

    lab.page.route_web_socket(re.compile("/api/kernels/.*/channels"), route)
    lab.window.load("lab")
    lab._open()
    return close_ears


def resumed_in_a_busy_kernel(
    open_notebook: Callable[..., Lab], name: str, *, hears_nothing: bool = False
) -> tuple[Lab, Any]:
    """A notebook with a cell that blocks its kernel, and a run that waits for it."""
    blocked = "while not os.path.exists(os.environ['FLYTE_NB_HOME'] + '/enough'): time.sleep(0.05)"
    lab = open_notebook(SETUP, STOPPED.format(name=name), blocked, alone=hears_nothing)
    close_ears = deaf(lab) if hears_nothing else lambda: None
    lab.run(0)
    lab.run(1)
    panel = panel_of(lab)
    lab.run(2, wait=False)
    lab.page.wait_for_function(IS_BUSY, arg=lab.kernel)
    close_ears()
    line(panel, name).get_by_role("button", name="Resume").click()
    lab.page.get_by_role("dialog").get_by_text("busy: the run goes on when the cells there have ended").wait_for()
    choose(lab.page, f"In the kernel of {lab.path.name}")
    lab.page.get_by_text(f"{name} waits for the cells that run in the kernel of").wait_for()
    return lab, panel


def test_a_busy_kernel_takes_a_run_when_its_cells_have_ended(
    open_notebook: Callable[..., Lab], enough: Callable[[Lab], None]
) -> None:
    lab, panel = resumed_in_a_busy_kernel(open_notebook, "later")
    line(panel, "later").get_by_label("aborted").wait_for()
    enough(lab)
    line(panel, "later").get_by_label("succeeded").wait_for()


@pytest.mark.parametrize("name", ["waits", "waits-unheard"])
def test_a_run_that_waits_for_a_busy_kernel_does_not_begin_in_the_one_that_follows_it(
    open_notebook: Callable[..., Lab], name: str
) -> None:
    lab, panel = resumed_in_a_busy_kernel(open_notebook, name, hears_nothing=name.endswith("unheard"))
    lab.server.get(f"/api/kernels/{lab.kernel}/restart", "POST")
    refusal = lab.page.get_by_role("dialog").filter(has_text=f"{name} was not resumed")
    refusal.get_by_text("restarted before it could begin").wait_for()
    refusal.get_by_role("button", name="Close").click()
    line(panel, name).get_by_label("aborted").wait_for()
    assert lab.server.get(f"/flyte-nb/api/runs/{name}")["phase"] == "aborted"


WITHOUT = """
import sys
class Missing:
    def find_spec(self, name, path, target=None):
        if name.startswith("flyte_nb"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Missing())
for name in [name for name in sys.modules if name.startswith("flyte_nb")]: del sys.modules[name]
"""
REFUSALS = {
    "has no flyte_nb": WITHOUT,
    "uses another home": "import tempfile; flyte.init(home=tempfile.mkdtemp()); None",
}


@pytest.mark.parametrize("reason", REFUSALS)
def test_a_kernel_that_refuses_says_why(open_notebook: Callable[..., Lab], reason: str) -> None:
    name = reason.replace(" ", "-")
    lab = open_notebook(SETUP, STOPPED.format(name=name), REFUSALS[reason])
    lab.run(0)
    lab.run(1)
    panel = panel_of(lab)
    lab.run(2, wait=False)
    line(panel, name).get_by_role("button", name="Resume").click()
    choose(lab.page, f"In the kernel of {lab.path.name}")
    refusal = lab.page.get_by_role("dialog").filter(has_text=f"{name} was not resumed")
    refusal.get_by_text(reason).wait_for()
    refusal.get_by_role("button", name="Close").click()
