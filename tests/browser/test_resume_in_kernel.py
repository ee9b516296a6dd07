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
def touch(request: pytest.FixtureRequest, open_notebook: Callable[..., Lab]) -> Callable[[Lab, str], None]:
    """Makes a file in the home of a notebook's runs, for this test."""

    def make(lab: Lab, name: str) -> None:
        path: Path = lab.server.home / name
        path.touch()
        request.addfinalizer(lambda: path.unlink(missing_ok=True))

    return make


@pytest.fixture
def enough(touch: Callable[[Lab, str], None]) -> Callable[[Lab], None]:
    """Lets all runs of `slow` end, for this test."""
    return lambda lab: touch(lab, "enough")


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


FAILS_AT_FIRST = """
from flyte_nb._follow.live_picture import follower
from flyte_nb._notebook import displayed

@env.task
async def fails_at_first() -> None:
    if not os.path.exists(os.environ["FLYTE_NB_HOME"] + "/mended"):
        raise ValueError("not yet")
    while not os.path.exists(os.environ["FLYTE_NB_HOME"] + "/enough"):
        await asyncio.sleep(0.1)
"""
NO_MORE_FOLLOWED = """
displayed.SETTLE_AFTER_S = 0.2
while follower._thread: await asyncio.sleep(0.01)
"""


def resume_in_the_picture(lab: Lab, name: str) -> None:
    lab.output(1).get_by_role("button", name="Resume").click()


def resume_on_the_page_of_the_run(lab: Lab, name: str) -> None:
    line(panel_of(lab), name).get_by_text(name).click()
    run_page(lab, name).get_by_role("button", name="Resume").click()
    lab.page.get_by_role("dialog").get_by_role("button", name="Resume").click()
    run_page(lab, name).locator(".fnb-state").get_by_text(re.compile("running|succeeded")).wait_for()
    lab.command("docmanager:open", {"path": lab.path.name})


def resume_in_a_cell(lab: Lab, name: str) -> None:
    lab.run(3)


def resume_in_another_process(lab: Lab, name: str) -> None:
    lab.server.get(f"/flyte-nb/api/runs/{name}/resume", "POST")
    lab.run(4)


WAYS = [resume_in_the_picture, resume_on_the_page_of_the_run, resume_in_a_cell, resume_in_another_process]


def shown_and_followed_no_more(open_notebook: Callable[..., Lab], *, is_used: bool) -> Lab:
    """A notebook with the picture of a run that failed: it rests if it was used, else the static one is left."""
    lab = open_notebook(
        SETUP + FAILS_AT_FIRST,
        "flyte.with_runcontext(name='again').run(fails_at_first)",
        NO_MORE_FOLLOWED,
        "resumed = flyte.Run.get('again').resume()",
        "pass",
    )
    lab.run(0)
    lab.run(1)
    if is_used:
        lab.output(1).get_by_label("Filter by name").fill("fails")
        lab.output(1).get_by_text("1 row found").wait_for()
    lab.run(2)
    if not is_used:
        lab.output(1).get_by_text('flyte_nb.Run.get("again").resume()').wait_for()
        lab.output(1).get_by_role("tree").wait_for(state="detached")
    return lab


@pytest.mark.parametrize("resume", WAYS)
def test_a_picture_that_rests_shows_how_its_run_ended_wherever_that_was_resumed(
    open_notebook: Callable[..., Lab], touch: Callable[[Lab, str], None], resume: Callable[[Lab, str], None]
) -> None:
    lab = shown_and_followed_no_more(open_notebook, is_used=True)
    touch(lab, "mended")
    touch(lab, "enough")
    resume(lab, "again")
    lab.output(1).locator(".fnb-state").get_by_text("succeeded").wait_for()
    assert lab.output(1).get_by_role("tree").count() == 1


@pytest.mark.parametrize("resume", WAYS[1:])
def test_a_static_picture_shows_how_its_run_ended_wherever_that_was_resumed(
    open_notebook: Callable[..., Lab], touch: Callable[[Lab, str], None], resume: Callable[[Lab, str], None]
) -> None:
    lab = shown_and_followed_no_more(open_notebook, is_used=False)
    touch(lab, "mended")
    touch(lab, "enough")
    resume(lab, "again")
    lab.output(1).get_by_text("succeeded").first.wait_for()
    assert lab.output(1).get_by_role("tree").count() == 0


def test_a_picture_that_rests_shows_a_resumed_run_go_on_fail_again_and_succeed(
    open_notebook: Callable[..., Lab], touch: Callable[[Lab, str], None]
) -> None:
    lab = shown_and_followed_no_more(open_notebook, is_used=True)
    picture = lab.output(1)
    resume_in_the_picture(lab, "again")
    picture.get_by_text("resumed 1").wait_for()
    picture.locator(".fnb-state").get_by_text("failed").wait_for()
    touch(lab, "mended")
    resume_in_the_picture(lab, "again")
    picture.locator(".fnb-state").get_by_text("running").wait_for()
    touch(lab, "enough")
    picture.locator(".fnb-state").get_by_text("succeeded").wait_for()


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
