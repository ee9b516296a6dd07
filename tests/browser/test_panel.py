"""The panel with runs of all kernels, in JupyterLab."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from typing import Any

import pytest

from tests.browser.lab import Lab, Server

SETUP = """
import asyncio, os, time
import flyte_nb as flyte
from flyte_nb import hitl
env = flyte.TaskEnvironment("panel", depends_on=[hitl.env])

@env.task
async def first() -> int:
    return 40

@env.task
async def slow() -> int:
    before = await first()
    while not os.path.exists(os.environ["FLYTE_NB_HOME"] + "/enough"):
        await asyncio.sleep(0.1)
    return before + 2

@env.task
async def ask() -> int:
    event = await hitl.new_event.aio("bonus", data_type=int, prompt="How **much** more?")
    return 40 + await event.wait.aio()
"""


KEPT = """async (parts) => {
    for (let round = 0; round < 200; round += 1) {
        const kept = await (await fetch('/lab/api/workspaces')).text();
        const text = JSON.stringify(JSON.parse(kept));
        if (parts.every((part) => text.includes(part))) return true;
        await new Promise((done) => setTimeout(done, 100));
    }
    return false;
}"""


def panel_of(lab: Lab) -> Any:
    lab.command("flyte-nb:show-runs")
    panel = lab.page.locator(".fnb-panel")
    panel.wait_for()
    return panel


def line(panel: Any, name: str) -> Any:
    return panel.locator(".fnb-line").filter(has=panel.page.get_by_text(name, exact=True))


def test_a_run_whose_kernel_was_killed_is_resumed_from_the_panel(
    open_notebook: Callable[..., Lab], request: pytest.FixtureRequest
) -> None:
    lost = open_notebook(SETUP, "print('pid', os.getpid()); flyte.with_runcontext(name='lost').run(slow)")
    lost.run(0)
    lost.run(1)
    other = open_notebook(SETUP, "flyte.with_runcontext(name='other').run(first).wait()")
    other.run(0)
    other.run(1)
    panel = panel_of(other)
    panel.get_by_role("region", name="Running now").get_by_text("lost").wait_for()
    line(panel, "other").get_by_label("succeeded").wait_for()
    picture = lost.output(1).locator(".fnb")
    picture.locator(".fnb-state").filter(has_text="running").wait_for()
    os.kill(int(lost.text(1).split()[1]), signal.SIGKILL)
    picture.locator(".fnb-state").filter(has_text="interrupted: its kernel is gone").wait_for()
    line(panel, "lost").get_by_text("interrupted").wait_for()
    enough = other.server.home / "enough"
    enough.touch()
    request.addfinalizer(enough.unlink)
    line(panel, "lost").get_by_role("button", name="Resume", exact=True).click()
    other.page.get_by_role("dialog").get_by_role("button", name="Resume").click()
    line(panel, "lost").get_by_label("succeeded").wait_for(timeout=40_000)
    line(panel, "lost").click()
    run = other.page.get_by_role("region", name="Run lost")
    run.get_by_text("resumed 1").wait_for()
    run.get_by_role("treeitem").filter(has_text="first").get_by_label("succeeded").wait_for()
    picture.locator(".fnb-state").filter(has_text="succeeded").wait_for()
    picture.locator(".fnb-header").get_by_text("resumed 1").wait_for()
    assert other.errors == []


def test_a_question_is_answered_in_the_panel_while_its_cell_blocks(open_notebook: Callable[..., Lab]) -> None:
    lab = open_notebook(SETUP, "run = flyte.run(ask); run.wait(); print('sum:', run.outputs()[0])")
    lab.run(0)
    panel = panel_of(lab)
    lab.run(1, wait=False)
    form = panel.get_by_role("form", name="Question bonus")
    form.wait_for()
    assert lab.busy(1)
    lab.page.locator('.lm-TabBar-tab[data-flyte-nb-waiting="1"]').wait_for()
    form.get_by_label("Answer to bonus").fill("a lot")
    form.get_by_role("button", name="Answer").click()
    form.get_by_role("alert").filter(has_text="a lot").wait_for()
    assert lab.busy(1)
    form.get_by_label("Answer to bonus").fill("2")
    form.get_by_role("button", name="Answer").click()
    lab.output(1).get_by_text("sum: 42").wait_for()
    form.wait_for(state="detached")


def test_a_question_of_a_killed_kernel_is_answered_in_the_panel_for_the_resume(
    open_notebook: Callable[..., Lab],
) -> None:
    lab = open_notebook(SETUP, "print('pid', os.getpid())\nflyte.with_runcontext(name='lost-asking').run(ask)")
    lab.run(0)
    lab.run(1)
    panel = panel_of(lab)
    asking = panel.locator(".fnb-asking").filter(has_text="lost-asking")
    asking.wait_for()
    lab.output(1).get_by_role("form", name="Question bonus").wait_for()
    os.kill(int(lab.text(1).split()[1]), signal.SIGKILL)
    asking.get_by_text("an answer is kept until it is resumed").wait_for()
    lab.output(1).locator(".fnb-prompt").filter(has_text="It is given in the panel with the runs").wait_for()
    lab.page.get_by_role("dialog").get_by_role("button", name="Ok").click()  # it says that it restarts the kernel
    asking.get_by_label("Answer to bonus").fill("2")
    asking.get_by_role("button", name="Answer").click()
    panel.locator(".fnb-notice").get_by_text("takes the answer when it is resumed").wait_for()
    asking.wait_for(state="detached")
    lab.output(1).locator(".fnb-prompt").get_by_text("answered; the run takes the answer when it is resumed").wait_for()
    line(panel, "lost-asking").get_by_role("button", name="Resume", exact=True).click()
    lab.page.get_by_role("dialog").get_by_role("button", name="Resume").click()
    line(panel, "lost-asking").get_by_label("succeeded").wait_for(timeout=40_000)
    panel.locator(".fnb-notice").wait_for(state="detached")


def test_a_run_is_aborted_from_the_panel_while_its_kernel_is_busy(open_notebook: Callable[..., Lab]) -> None:
    lab = open_notebook(
        SETUP,
        "run = flyte.with_runcontext(mode='background', name='unwanted').run(slow)\n"
        "while not run.done(): time.sleep(0.05)\nprint('ended', run.phase)",
    )
    lab.run(0)
    panel = panel_of(lab)
    lab.run(1, wait=False)
    running = panel.get_by_role("region", name="Running now")
    running.get_by_text("unwanted").wait_for()
    assert lab.busy(1)
    running.get_by_role("button", name="Abort unwanted").click()
    lab.output(1).get_by_text("ended aborted").wait_for()
    line(panel, "unwanted").get_by_label("aborted", exact=True).wait_for()


def test_runs_are_found_opened_and_deleted_and_all_is_as_it_was_after_a_reload(
    open_notebook: Callable[..., Lab],
) -> None:
    runs = "for name in ('needle', 'hay'): flyte.with_runcontext(name=name).run(first).wait()"
    lab = open_notebook(SETUP, runs, alone=True)
    lab.run(0)
    lab.run(1)
    panel = panel_of(lab)
    panel.get_by_label("Search runs").fill("needle")
    line(panel, "hay").wait_for(state="detached")
    line(panel, "needle").click()
    lab.page.get_by_role("region", name="Run needle").get_by_text("panel.first").wait_for()
    assert lab.page.evaluate(
        KEPT, ['"flyte-nb:choice"', '"flyte-nb-runs"', '"widgets":["notebook', '"flyte-nb-run:needle"]']
    )
    lab.page.reload()
    lab.page.get_by_role("region", name="Run needle").get_by_text("panel.first").wait_for()
    lab.command("flyte-nb:show-runs")
    assert lab.page.get_by_label("Search runs").input_value() == "needle"
    lab.page.locator(".fnb-panel .fnb-runs .fnb-line").filter(has_text="needle").hover()
    lab.page.get_by_role("button", name="Delete needle").click()
    lab.page.locator(".jp-Dialog").get_by_role("button", name="Delete").click()
    lab.page.get_by_text("No run fits").wait_for()
    lab.page.get_by_role("region", name="Run needle").get_by_text("was deleted").wait_for()


def test_runs_of_one_function_are_told_apart_by_environment_and_notebook(open_notebook: Callable[..., Lab]) -> None:
    runs = "flyte.with_runcontext(name='in-panel').run(first).wait()\n"
    namesake = SETUP.replace('TaskEnvironment("panel"', 'TaskEnvironment("etl"')
    lab = open_notebook(SETUP + runs + namesake + runs.replace("in-panel", "in-etl"))
    lab.run(0)
    panel = panel_of(lab)
    for environment in ("panel", "etl"):
        run = line(panel, f"in-{environment}")
        run.get_by_text(f"{environment}.", exact=True).wait_for()
        run.get_by_text(lab.path.stem).wait_for()


def test_runs_are_chosen_by_phase_task_and_notebook(open_notebook: Callable[..., Lab]) -> None:
    lab = open_notebook(
        SETUP.replace('TaskEnvironment("panel"', 'TaskEnvironment("chosen"'),
        "flyte.with_runcontext(name='chosen-well').run(first).wait()\n"
        "run = flyte.with_runcontext(name='chosen-badly').run(slow); run.abort(); await run.wait.aio()",
    )
    lab.run(0)
    lab.run(1)
    panel = panel_of(lab)
    panel.get_by_role("button", name="Filters").click()
    panel.get_by_label("Notebook or file").select_option(lab.path.name)
    panel.get_by_text("2 found").wait_for()
    panel.get_by_role("group", name="Phases").get_by_role("button", name="aborted").click()
    panel.get_by_text("1 found").wait_for()
    line(panel, "chosen-badly").wait_for()
    panel.get_by_role("button", name="Show all").click()
    panel.get_by_label("Task", exact=True).select_option("chosen.first")
    panel.get_by_text("1 found").wait_for()
    line(panel, "chosen-well").wait_for()
    panel.get_by_role("button", name="Show all").click()
    panel.get_by_role("button", name="Filters").click()


def test_the_end_of_a_run_is_told_when_its_notebook_is_not_in_view(open_notebook: Callable[..., Lab]) -> None:
    lab = open_notebook(SETUP, "run = flyte.with_runcontext(name='away').run(slow)", "run.abort()")
    lab.run(0)
    lab.run(1)
    panel = panel_of(lab)
    running = panel.get_by_role("region", name="Running now")
    running.get_by_text("away").wait_for()
    lab.command("launcher:create")
    running.get_by_role("button", name="Abort away").click()
    toast = lab.page.locator(".Toastify__toast").filter(has_text="slow (away) aborted")
    toast.get_by_role("button", name="Show").click()
    lab.page.get_by_role("region", name="Run away").wait_for()


def test_the_notebook_of_a_run_is_opened_at_the_cell_that_started_it(open_notebook: Callable[..., Lab]) -> None:
    pages = ["print(1)\n" * 30] * 6
    lab = open_notebook(SETUP, *pages, "flyte.with_runcontext(name='here').run(first).wait()", *pages)
    lab.run(0)
    lab.run(7)
    lab.save()
    panel = panel_of(lab)
    lab.command("notebook:move-cursor-up")
    lab.command("application:close")
    lab.command("launcher:create")
    line(panel, "here").hover()
    line(panel, "here").get_by_role("button", name=f"Open {lab.path.name}").click()
    lab.page.wait_for_function(
        "path => window.jupyterapp.shell.currentWidget?.context?.path === path", arg=lab.path.name
    )
    lab.page.wait_for_function("() => window.jupyterapp.shell.currentWidget.content.activeCellIndex === 7")
    lab.page.wait_for_function(
        """() => {
            const cell = document.querySelector('.jp-NotebookPanel:not(.lm-mod-hidden) .jp-Cell.jp-mod-active');
            const box = cell?.getBoundingClientRect();
            return box !== undefined && box.top >= 0 && box.top < window.innerHeight;
        }"""
    )


def test_nothing_in_the_panel_is_out_of_reach(open_notebook: Callable[..., Lab]) -> None:
    from axe_playwright_python.sync_playwright import Axe

    lab = open_notebook(SETUP, "flyte.run(ask); flyte.run(first).wait()")
    lab.run(0)
    lab.run(1)
    panel = panel_of(lab)
    panel.get_by_role("button", name="Filters").click()
    panel.get_by_role("form", name="Question bonus").wait_for()
    found = Axe().run(lab.page, context=".fnb-panel", options={"runOnly": ["wcag2a", "wcag2aa"]})
    assert found.violations_count == 0, found.generate_report()
    runs = panel.get_by_role("grid", name="Runs")
    runs.focus()
    runs.press("Home")
    runs.press("ArrowDown")
    runs.press("Enter")
    lab.page.locator(".fnb-run-page").get_by_text("panel.").first.wait_for()


REPORT = """
@env.task(report=True)
async def tells() -> None:
    await flyte.report.log.aio("<p id=said></p><script>said.textContent = 'runs at ' + origin;"
        "try { said.textContent += parent.parent.document.cookie } catch { said.textContent += ' alone' }</script>",
        do_flush=True)
flyte.with_runcontext(name='told').run(tells).wait()
"""


def test_the_page_of_a_run_shows_it_without_jupyterlab_and_keeps_its_report_apart(
    open_notebook: Callable[..., Lab], server: Server
) -> None:
    lab = open_notebook(SETUP, REPORT)
    lab.run(0)
    lab.run(1)
    page = lab.context.new_page()
    refused: list[str] = []
    page.on("console", lambda message: refused.append(message.text) if message.type == "error" else None)
    page.goto(f"{server.address}/flyte-nb/runs/told")
    page.get_by_role("region", name="Run told").get_by_role("button", name="Report").click()
    report = page.frame_locator("iframe.fnb-report-frame").frame_locator("iframe")
    report.get_by_text("runs at null alone").wait_for()
    page.get_by_role("button", name="Rerun", exact=True).click()
    page.wait_for_url(lambda address: "/runs/" in address and not address.endswith("/told"), timeout=40_000)
    page.locator(".fnb-state").get_by_text("succeeded").wait_for()
    assert refused == []


NAMED = """
short, long = flyte.TaskEnvironment("m"), flyte.TaskEnvironment("long")

@short.task
async def wrongname() -> None: ...

@long.task
async def wrongname_with_a_tail() -> None: ...

for task in (wrongname, wrongname_with_a_tail): flyte.with_runcontext(name=task.short_name).run(task).wait()
"""


def test_a_narrow_panel_shows_names_without_gaps_and_shortened_ones_with_their_dots(
    open_notebook: Callable[..., Lab],
) -> None:
    lab = open_notebook(SETUP + NAMED)
    lab.run(0)
    panel = panel_of(lab)
    environment = line(panel, "wrongname").locator(".fnb-task-name .fnb-gives-way")
    name = line(panel, "wrongname").locator(".fnb-task-name .fnb-label")
    name.wait_for()
    ends_at = "e => { const text = document.createRange(); text.selectNodeContents(e);"
    ends_at += " return text.getBoundingClientRect().right; }"
    assert name.bounding_box()["x"] - environment.locator("span").evaluate(ends_at) < 2
    panel.evaluate("panel => { panel.style.width = '150px'; }")
    begin = line(panel, "wrongname_with_a_tail").locator(".fnb-task-name .fnb-label-begin")
    lab.page.wait_for_function("e => e.scrollWidth > e.clientWidth", arg=begin.element_handle())
    dots = "e => e.clientWidth >= 2 * parseFloat(getComputedStyle(e).fontSize) - 1"
    assert begin.evaluate(dots)
