"""A person answers in the notebook."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable

from tests.browser.lab import Lab

SETUP = """
%load_ext flyte_nb
import os
import flyte_nb as flyte
from flyte_nb import hitl
env = flyte.TaskEnvironment("ask", depends_on=[hitl.env])

@env.task
async def expensive() -> int:
    print("computed")
    return 41

@env.task
async def ask() -> int:
    before = await expensive()
    event = await hitl.new_event.aio("bonus", data_type=int, prompt="How **much** more?")
    return before + await event.wait.aio()
"""


def test_a_form_is_answered_while_the_cell_is_blocked(open_notebook: Callable[..., Lab]) -> None:
    lab = open_notebook(SETUP, "run = flyte.run(ask); flyte.show(run); run.wait(); print('sum:', run.outputs()[0])")
    lab.run(0)
    lab.run(1, wait=False)
    form = lab.output(1).get_by_role("form", name="Question bonus")
    form.wait_for()
    assert form.locator("strong").filter(has_text="much").count() == 1
    assert lab.output(1).get_by_label("waits for an answer").count() > 0
    field = form.get_by_label("Answer to bonus")
    field.fill("a lot")
    field.press("Enter")
    form.get_by_role("alert").filter(has_text="a lot").wait_for()
    assert lab.busy(1)
    field.fill("1")
    field.press("Enter")
    lab.output(1).get_by_text("sum: 42").wait_for()
    lab.output(1).locator(".fnb-answered").filter(has_text="bonus: 1 answered by").wait_for()


def test_what_is_wrong_with_an_answer_is_said_beside_the_field(open_notebook: Callable[..., Lab]) -> None:
    lab = open_notebook(
        SETUP,
        """
import asyncio

@env.task
async def ask_all() -> str:
    kinds = [int, float, str, bool]
    events = [await hitl.new_event.aio(kind.__name__, data_type=kind, prompt="?") for kind in kinds]
    late = await hitl.new_event.aio("late", data_type=bool, prompt="Now?", timeout_seconds=3)
    try:
        await late.wait.aio()
    except TimeoutError:
        print("too late")
    return repr([await event.wait.aio() for event in events])

run = flyte.with_runcontext(name="wrong").run(ask_all)
flyte.show(run)
""",
    )
    lab.run(0)
    lab.run(1)
    output = lab.output(1)

    def answer(name: str, value: str, outcome: str) -> None:
        form = output.get_by_role("form", name=f"Question {name}", exact=True)
        field = form.get_by_label(f"Answer to {name}", exact=True)
        field.fill(value)
        form.get_by_role("button", name="Answer", exact=True).click()
        form.get_by_role("alert").filter(has_text=outcome).wait_for()
        assert field.get_attribute("aria-describedby") == form.get_by_role("alert").get_attribute("id")

    answer("int", "1.5", "Expected a whole number, got '1.5'")
    answer("int", "", "Please enter a whole number.")
    answer("float", "many", "Expected a number, got 'many'")
    answer("float", "", "Please enter a number.")
    output.get_by_text("late: nobody answered in time").wait_for()


def test_the_question_of_a_stopped_run_takes_an_answer_for_its_resume(open_notebook: Callable[..., Lab]) -> None:
    lab = open_notebook(
        SETUP, "run = flyte.run(ask); flyte.show(run)", "print('sum:', flyte.remote.Run.get(run.name).outputs()[0])"
    )
    lab.run(0)
    lab.run(1)
    output = lab.output(1)
    form = output.get_by_role("form", name="Question bonus")
    form.wait_for()
    output.locator(".fnb-header").get_by_role("button", name="Abort").click()
    form.get_by_text("the run was stopped").wait_for()
    form.get_by_label("Answer to bonus").fill("3")
    form.get_by_role("button", name="Answer").click()
    output.locator(".fnb-answered").filter(has_text="kept").wait_for()
    output.get_by_role("button", name="Resume").click()
    output.locator(".fnb-answered").filter(has_text="bonus: 3 answered by").wait_for()
    output.locator(".fnb-state").filter(has_text="succeeded").wait_for()
    lab.run(2)
    assert "sum: 44" in lab.text(2)


def test_a_question_waits_again_after_the_kernel_was_killed(open_notebook: Callable[..., Lab]) -> None:
    lab = open_notebook(
        SETUP,
        "flyte.with_runcontext(name='asked').run(ask)",
        "print('pid', os.getpid())",
        "run = flyte.remote.Run.get('asked').resume(); flyte.show(run); run.wait(); print('sum:', run.outputs()[0])",
    )
    for cell in range(3):
        lab.run(cell)
    lab.output(1).get_by_role("form", name="Question bonus").wait_for()
    process = int(lab.text(2).split()[-1])
    before = lab.page.evaluate(STARTS)
    os.kill(process, signal.SIGKILL)
    lab.page.wait_for_function(f"before => ({STARTS})() > before", arg=before)
    lab.page.locator(".jp-Dialog").get_by_role("button", name="Ok").click()
    lab.run(0)
    lab.run(3, wait=False)
    form = lab.output(3).get_by_role("form", name="Question bonus")
    form.get_by_label("Answer to bonus").fill("2")
    form.get_by_role("button", name="Answer").click()
    lab.output(3).get_by_text("sum: 43").wait_for()
    assert "computed" not in lab.text(3)


STARTS = """() => {
    const kernel = window.jupyterapp.shell.currentWidget.sessionContext.session.kernel;
    if (window.kernelStarts === undefined) {
        window.kernelStarts = 0;
        kernel.statusChanged.connect((_, status) => {
            if (status === 'autorestarting' || status === 'restarting') window.restarting = true;
            if (status === 'idle' && window.restarting) { window.restarting = false; window.kernelStarts += 1; }
        });
    }
    return window.kernelStarts;
}"""
