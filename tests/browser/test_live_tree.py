"""A run under its cell, live."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Callable
from pathlib import Path

from tests.browser.lab import Lab

SETUP = """
%load_ext flyte_nb
import asyncio, os, pathlib, time
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
    assert [tree.get_by_role("treeitem").filter(has_text=f"step n={n}").count() for n in range(5)] == [1] * 5
    assert lab.busy(1)
    gate.touch()
    lab.output(1).locator(".fnb-state").filter(has_text=re.compile("succeeded")).wait_for()
    assert not lab.errors


def test_a_run_in_an_output_widget_is_live_and_says_what_a_rerun_has_started(
    open_notebook: Callable[..., Lab],
) -> None:
    lab = open_notebook(
        SETUP,
        """
import ipywidgets
caught = ipywidgets.Output()
display(caught)
run = flyte.run(step, 3)
with caught:
    flyte.show(run)
run.wait()
""",
        "newest = next(flyte.Run.listall(limit=1)); newest.wait(); print(newest.name, newest.outputs()[0])",
    )
    lab.run(0)
    lab.run(1)
    shown = lab.output(1).locator(".widget-output")
    shown.get_by_role("treeitem").filter(has_text="step n=3").wait_for()
    shown.locator(".fnb-state").filter(has_text="succeeded").wait_for()
    shown.get_by_role("button", name="Rerun").click()
    said = shown.get_by_role("status").filter(has_text=re.compile("Run .* has started"))
    said.wait_for()
    name = said.inner_text().split()[1]
    lab.run(2)
    assert lab.text(2).split() == [name, "9"]


def test_a_run_whose_output_widget_was_cleared_is_followed_no_more_and_can_be_shown_again(
    open_notebook: Callable[..., Lab], tmp_path: Path
) -> None:
    gate = tmp_path / "gate"
    lab = open_notebook(
        SETUP,
        f"""
import gc, ipywidgets
from flyte_nb._follow import live_picture
caught = ipywidgets.Output()
display(caught)
run = flyte.run(wait_for, {str(gate)!r})
with caught:
    flyte.show(run)
""",
        "caught.clear_output()",
        """
async with asyncio.timeout(30):
    while live_picture.follower._thread is not None:
        await asyncio.sleep(0.01)
gc.collect()
print("kept:", sum(isinstance(thing, live_picture.LivePicture) for thing in gc.get_objects()))
""",
        "with caught: flyte.show(run)",
    )
    lab.run(0)
    lab.run(1)
    shown = lab.output(1).locator(".widget-output")
    shown.get_by_role("treeitem").filter(has_text="wait_for").wait_for()
    lab.run(2)
    lab.run(3)
    assert lab.text(3).strip() == "kept: 0"
    lab.run(4)
    shown.locator(".fnb-state").filter(has_text="running").wait_for()
    gate.touch()
    shown.locator(".fnb-state").filter(has_text="succeeded").wait_for()


def test_a_click_on_abort_stops_one_task_while_the_cell_is_blocked(
    open_notebook: Callable[..., Lab], tmp_path: Path
) -> None:
    lab = open_notebook(
        SETUP,
        f"""
@env.task
async def parent() -> str:
    outcomes = await asyncio.gather(wait_for({str(tmp_path / "never")!r}), step(3), return_exceptions=True)
    return " and ".join(type(outcome).__name__ for outcome in outcomes)

run = flyte.run(parent)
flyte.show(run)
run.wait()
print(run.outputs()[0])
""",
    )
    lab.run(0)
    lab.run(1, wait=False)
    output = lab.output(1)
    output.get_by_role("treeitem").filter(has_text="wait_for").click()
    output.locator(".fnb-details").get_by_role("button", name="Abort").click()
    output.get_by_role("treeitem").filter(has_text="wait_for").get_by_label("aborted").wait_for()
    output.locator(".fnb-state").filter(has_text="succeeded").wait_for()
    output.get_by_text("ActionAbortedError and int").wait_for()


def test_what_holds_the_loop_is_said_to_stop_when_it_lets_go(open_notebook: Callable[..., Lab], tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    lab = open_notebook(
        SETUP,
        f"""
@env.task
async def hold() -> None:
    while not pathlib.Path({str(gate)!r}).exists():
        time.sleep(0.01)
    await asyncio.sleep(60)

run = flyte.run(hold)
flyte.show(run)
run.wait()
""",
    )
    lab.run(0)
    lab.run(1, wait=False)
    output = lab.output(1)
    output.locator(".fnb-state").filter(has_text="running").wait_for()
    abort = output.locator(".fnb-header").get_by_role("button", name="Abort")
    abort.click()
    output.get_by_text("Code that holds the event loop").wait_for()
    assert abort.is_disabled()
    assert lab.busy(1)
    gate.touch()
    output.locator(".fnb-state").filter(has_text="aborted").wait_for()
    assert "Stopping" not in lab.text(1)


def test_a_failed_task_shows_its_traceback_and_a_click_resumes_the_run(
    open_notebook: Callable[..., Lab], tmp_path: Path
) -> None:
    gate = tmp_path / "gate"
    lab = open_notebook(
        SETUP,
        f"""
@env.task
async def fragile() -> int:
    if not pathlib.Path({str(gate)!r}).exists():
        raise FileNotFoundError("the gate is closed")
    return 7

@env.task
async def parent() -> int:
    return await step(1) + await fragile()

flyte.run(parent)
""",
    )
    lab.run(0)
    lab.run(1)
    output = lab.output(1)
    output.locator(".fnb-state").filter(has_text="failed").wait_for()
    output.get_by_role("treeitem").filter(has_text="fragile").click()
    trace = output.locator(".fnb-traceback")
    trace.wait_for()
    assert 'raise FileNotFoundError("the gate is closed")' in trace.inner_text()
    gate.touch()
    output.get_by_role("button", name="Resume").click()
    output.locator(".fnb-state").filter(has_text="succeeded").wait_for()
    output.get_by_role("treeitem").filter(has_text="step").get_by_text("from an earlier try").wait_for()


def test_copy_puts_the_traceback_on_the_clipboard(open_notebook: Callable[..., Lab]) -> None:
    lab = open_notebook(SETUP, "flyte.run(broken, 3)")
    lab.context.grant_permissions(["clipboard-read", "clipboard-write"], origin=lab.server.address)
    lab.run(0)
    lab.run(1)
    output = lab.output(1)
    output.get_by_role("treeitem").filter(has_text="broken").click()
    output.get_by_role("button", name="Copy").click()
    lab.page.wait_for_function("async () => (await navigator.clipboard.readText()).includes('ValueError: no 3')")
    copied = lab.page.evaluate("() => navigator.clipboard.readText()")
    assert copied.strip() == output.locator(".fnb-traceback").inner_text().strip()


def test_rerun_shows_the_new_run_in_the_place_of_the_old_one_and_says_which_that_was(
    open_notebook: Callable[..., Lab],
) -> None:
    lab = open_notebook(SETUP, "flyte.run(step, 4)")
    lab.run(0)
    lab.run(1)
    output = lab.output(1)
    output.locator(".fnb-state").filter(has_text="succeeded").wait_for()
    first = output.locator(".fnb-name").inner_text()
    output.get_by_role("button", name="Rerun").click()
    output.locator(".fnb-header").get_by_text(f"rerun of {first}").wait_for()
    assert output.locator(".fnb-name").inner_text() != first
    output.locator(".fnb-state").filter(has_text="succeeded").wait_for()
    assert output.locator(".fnb").count() == 1


def test_keys_walk_the_tree_and_do_not_reach_the_notebook(open_notebook: Callable[..., Lab]) -> None:
    lab = open_notebook(SETUP, "run = flyte.run(step, 4); run.wait(); run", "1 + 1")
    lab.run(0)
    lab.run(1)
    tree = lab.output(1).get_by_role("tree")
    tree.focus()
    for key in ("ArrowDown", "Enter", "b", "d", "d"):
        lab.page.keyboard.press(key)
    lab.output(1).locator(".fnb-details").wait_for()
    assert lab.page.locator(".jp-Notebook .jp-Cell").count() == 3


def test_the_filter_finds_what_is_in_closed_branches(open_notebook: Callable[..., Lab]) -> None:
    lab = open_notebook(
        SETUP,
        """
@env.task
async def branch(n: int) -> int:
    return sum(await asyncio.gather(*(step.override(short_name=f"leaf {n}-{k}")(k) for k in range(30))))

@env.task
async def parent() -> int:
    return sum(await asyncio.gather(*(branch(n) for n in range(15))))

run = flyte.run(parent)
run.wait()
run
""",
    )
    lab.run(0)
    lab.run(1)
    output = lab.output(1)
    assert output.get_by_role("treeitem").filter(has_text="leaf").count() == 0
    output.get_by_label("Filter by name").fill("leaf 7-2")
    output.get_by_role("treeitem").filter(has_text="leaf 7-22").wait_for()
    assert output.get_by_role("treeitem").filter(has_text="leaf").count() == 11


def test_the_log_of_a_task_is_shown_while_it_is_written(open_notebook: Callable[..., Lab], tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    lab = open_notebook(
        SETUP,
        f"""
@env.task
async def talk() -> None:
    print("first <b>line</b>")
    await wait_for({str(gate)!r})
    flyte.logger.warning("second line")

run = flyte.run(talk)
flyte.show(run)
run.wait()
""",
    )
    lab.run(0)
    lab.run(1, wait=False)
    output = lab.output(1)
    output.get_by_role("treeitem").filter(has_text="talk").click()
    output.get_by_role("button", name="Logs").click()
    log = output.locator(".fnb-log")
    log.get_by_text("first <b>line</b>").wait_for()
    assert "second" not in log.inner_text()
    gate.touch()
    log.get_by_text("second line").wait_for()


def test_two_browsers_look_at_different_things(open_notebook: Callable[..., Lab], tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    lab = open_notebook(
        SETUP,
        f"""
@env.task
async def talk() -> None:
    await wait_for({str(gate)!r})
    print("said at last")

@env.task
async def parent() -> None:
    await asyncio.gather(talk(), step(3))

run = flyte.run(parent)
flyte.show(run)
""",
    )
    lab.run(0)
    lab.run(1)
    output = lab.output(1)
    output.get_by_role("treeitem").filter(has_text="talk").click()
    output.get_by_role("button", name="Logs").click()
    lab.save()
    second = Lab(lab.server, lab.context.browser, lab.path.stem)
    try:
        there = second.output(1)
        there.get_by_role("treeitem").filter(has_text="step").click()
        there.get_by_role("button", name="Logs").click()
        there.locator(".fnb-log").get_by_text("step 3").wait_for()
        gate.touch()
        output.locator(".fnb-log").get_by_text("said at last").wait_for()
        there.locator(".fnb-state").filter(has_text="succeeded").wait_for()
        assert "said at last" not in there.locator(".fnb-log").inner_text()
    finally:
        second.context.close()


def test_a_long_name_in_the_custom_context_leaves_the_values_their_room(open_notebook: Callable[..., Lab]) -> None:
    context = {"trace": "t-1", "long name " * 19: "v", "n" * 190: "v"}
    lab = open_notebook(SETUP, f"run = flyte.with_runcontext(custom_context={context!r}).run(step, 1)\nrun")
    lab.run(0)
    lab.run(1)
    lab.output(1).get_by_role("treeitem").filter(has_text="step").click()
    overview = lab.output(1).locator(".fnb-overview")
    overview.locator("caption").filter(has_text="Custom context").wait_for()
    assert overview.evaluate("(it) => it.scrollWidth <= it.clientWidth")
    on_one_line = overview.locator("th").filter(has_text="trace").bounding_box()
    assert overview.locator("td").filter(has_text="t-1").bounding_box()["height"] == on_one_line["height"] < 30


def test_the_picture_follows_the_dark_theme(open_notebook: Callable[..., Lab]) -> None:
    lab = open_notebook(SETUP, "run = flyte.run(step, 4); run.wait(); run", dark=True)
    lab.run(0)
    lab.run(1)
    picture = lab.output(1).locator(".fnb")
    picture.wait_for()
    ground, text = picture.evaluate("e => [getComputedStyle(e).backgroundColor, getComputedStyle(e).color]")
    assert _brightness(ground) < 80 < 170 < _brightness(text)


def test_a_run_whose_kernel_was_killed_is_shown_as_interrupted_and_how_it_goes_on(
    open_notebook: Callable[..., Lab], tmp_path: Path
) -> None:
    gate = tmp_path / "gate"
    lab = open_notebook(
        SETUP,
        f"print('pid', os.getpid()); flyte.with_runcontext(name='killed').run(wait_for, {str(gate)!r})",
        "import flyte_nb; flyte_nb.Run.get('killed').resume()",
    )
    lab.context.grant_permissions(["clipboard-read", "clipboard-write"], origin=lab.server.address)
    lab.run(0)
    lab.run(1)
    output = lab.output(1)
    output.locator(".fnb-state").filter(has_text="running").wait_for()
    os.kill(int(re.findall(r"pid (\d+)", lab.text(1))[0]), signal.SIGKILL)
    output.locator(".fnb-state").filter(has_text="interrupted: its kernel is gone").wait_for()
    row = output.get_by_role("treeitem").filter(has_text="wait_for")
    row.get_by_label("aborted").wait_for()
    took = row.locator(".fnb-time").inner_text()
    assert output.locator(".fnb-elapsed").inner_text() == took
    assert output.get_by_role("button", name="Abort", exact=True).count() == 0
    lab.page.get_by_role("button", name="Ok", exact=True).click()  # JupyterLab says that it has restarted the kernel
    output.get_by_role("button", name="Copy").click()
    copied = lab.page.evaluate("() => navigator.clipboard.readText()")
    assert copied == 'import flyte_nb; flyte_nb.Run.get("killed").resume()'
    output.get_by_role("button", name="Open this run").click()
    lab.page.locator(".fnb-run-page .fnb-state").filter(has_text="interrupted").wait_for()
    lab.command("application:close")
    gate.touch()
    lab.run(2)  # in a kernel that has run no other cell
    lab.output(2).locator(".fnb-state").filter(has_text="succeeded").wait_for()
    output.locator(".fnb-state").filter(has_text="succeeded").wait_for()
    output.locator(".fnb-header").get_by_text("resumed 1").wait_for()
    row.get_by_label("succeeded").wait_for()


def _brightness(color: str) -> float:
    return sum(float(part) for part in re.findall(r"[\d.]+", color)[:3]) / 3


def test_where_it_is_narrow_a_name_keeps_its_beginning_and_its_end_and_badges_go(
    open_notebook: Callable[..., Lab],
) -> None:
    lab = open_notebook(
        SETUP
        + """
@env.task(retries=2)
async def train_model_on_regional_data_of_january(share: float) -> None:
    if flyte.ctx().attempt_number < 3:
        raise ValueError("again")

@env.task
async def fails() -> None:
    raise ValueError("a message that takes more than one line " * 5)

@env.task
async def main() -> None:
    with flyte.group("all regional models"):
        await train_model_on_regional_data_of_january(0.25)
    try:
        await fails()
    except flyte.errors.RuntimeUserError:
        pass
""",
        "flyte.run(main)",
    )
    lab.run(0)
    lab.run(1)
    lab.output(1).locator(".fnb-state").filter(has_text="succeeded").wait_for()
    row = lab.output(1).get_by_role("treeitem").filter(has_text="of_january")
    begin, end, badge = row.locator(".fnb-label-begin"), row.locator(".fnb-label-end"), row.get_by_text("3 attempts")
    seen = "e => { const box = e.getBoundingClientRect(), of = e.parentElement.getBoundingClientRect();"
    seen += " return box.width > 0 && box.right <= of.right + 1 && box.bottom <= of.bottom + 1; }"
    is_whole = "e => e.scrollWidth <= e.clientWidth"
    badge.wait_for()
    assert badge.evaluate(seen) and begin.evaluate(is_whole)
    lab.page.set_viewport_size({"width": 560, "height": 1000})
    lab.page.wait_for_function("() => document.querySelector('.jp-Notebook .fnb').clientWidth < 500")
    assert begin.evaluate(is_whole) and end.evaluate(seen) and not badge.evaluate(seen)
    lab.page.set_viewport_size({"width": 380, "height": 1000})
    lab.page.wait_for_function("() => document.querySelector('.jp-Notebook .fnb').clientWidth < 330")
    assert not begin.evaluate(is_whole) and end.evaluate(seen) and begin.bounding_box()["width"] > 40
    lab.output(1).get_by_role("treeitem").filter(has_text="fails").click()
    assert lab.output(1).get_by_role("button", name="Copy").bounding_box()["height"] < 40
    assert not lab.errors
