"""Runs in a real kernel: its loop, its interrupts, its prints."""

from __future__ import annotations

import contextlib
import os
import signal
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import ipykernel
import pytest

from flyte_nb._journal import JournalReader
from flyte_nb._view.projection import project

if TYPE_CHECKING:
    from .conftest import Notebook

SETUP = """
import asyncio, time, threading
import flyte_nb as flyte
env = flyte.TaskEnvironment("cells")

@env.task
async def double(x: int) -> int:
    return 2 * x
"""

A_RUN_THAT_WAITS = """
go_on = asyncio.Event()

@env.task
async def waits() -> str:
    await go_on.wait()
    return "unharmed"

run = flyte.run(waits)
"""


def test_an_async_task_runs_on_the_kernels_own_loop(module_notebook: Notebook) -> None:
    module_notebook.run(SETUP)
    module_notebook.run("lock = asyncio.Lock(); cell_loop = asyncio.get_running_loop()")
    result = module_notebook.run(
        """
@env.task
async def uses_lock() -> bool:
    async with lock:
        await asyncio.sleep(0)
    return asyncio.get_running_loop() is cell_loop

flyte.run(uses_lock).outputs()[0]
"""
    )
    assert result.value == "True"


def test_run_returns_at_once_and_wait_blocks_the_cell_only(module_notebook: Notebook) -> None:
    module_notebook.run(SETUP)
    result = module_notebook.run("run = flyte.run(double, 4)\nprint(run.done())\nrun.wait()\nprint(run.outputs())")
    assert result.text == "False\nActionOutputs(8)\n"


def test_top_level_await_waits_for_a_run(module_notebook: Notebook) -> None:
    module_notebook.run(SETUP)
    assert (
        module_notebook.run("run = await flyte.run.aio(double, 5)\nawait run.wait.aio()\nrun.outputs()[0]").value
        == "10"
    )


def test_background_mode_leaves_the_kernels_loop_free(module_notebook: Notebook) -> None:
    module_notebook.run(SETUP)
    result = module_notebook.run(
        """
@env.task
async def where() -> bool:
    return threading.current_thread() is threading.main_thread()

flyte.with_runcontext(mode="background").run(where).outputs()[0], flyte.run(where).outputs()[0]
"""
    )
    assert result.value == "(False, True)"


def test_a_run_goes_on_after_its_cell_has_ended(module_notebook: Notebook) -> None:
    module_notebook.run(SETUP)
    module_notebook.run(
        """
go_on = asyncio.Event()

@env.task
async def waits() -> str:
    await go_on.wait()
    return "went on"

run = flyte.run(waits)
"""
    )
    module_notebook.run("go_on.set()")
    assert module_notebook.run("run.outputs()[0]").value == "'went on'"


def test_what_tasks_print_lands_in_the_cell_they_were_started_from(module_notebook: Notebook) -> None:
    module_notebook.run(SETUP)
    first = module_notebook.start(
        """
go_on = asyncio.Event()

@env.task
def from_a_thread() -> None:
    print("from a thread")

@env.task
async def talks() -> None:
    print("before")
    await go_on.wait()
    print("after")
    await from_a_thread.aio()

run = flyte.run(talks)
"""
    )
    module_notebook.finish(first)
    second = module_notebook.run("go_on.set(); run.wait(); print('second cell')")
    assert module_notebook.by_parent[first].text == "before\nafter\nfrom a thread\n"
    assert second.text == "second cell\n"


INTERRUPTED = """
stopped = []

@env.task
async def leaf(index: int) -> None:
    try:
        if index == 4:
            print("running", flush=True)
        await asyncio.sleep(60)
    finally:
        stopped.append(index)

@env.task
async def tree() -> None:
    await asyncio.gather(*(leaf(index) for index in range(5)))

run = flyte.run(tree)
"""


@pytest.mark.parametrize("wait", ["run.wait()", "await run.wait.aio()", "run.outputs()", "await run.outputs.aio()"])
def test_interrupting_a_cell_that_waits_stops_the_whole_tree_and_leaves_the_kernel_healthy(
    notebook: Notebook, wait: str
) -> None:
    notebook.run(SETUP)
    cell = notebook.start(INTERRUPTED + "\nprint('waiting', flush=True)\n" + wait)
    notebook.until(cell, "waiting")
    notebook.until(cell, "running")
    notebook.interrupt()
    result = notebook.finish(cell)

    assert result.status == "error"
    assert "KeyboardInterrupt" in result.error or "CancelledError" in result.error
    after = notebook.run("run.wait(); print(run.phase, sorted(stopped))")
    assert after.text == "aborted [0, 1, 2, 3, 4]\n"
    again = notebook.run("flyte.run(double, 3).outputs()[0]")
    assert again.value == "6"
    assert notebook.run("await flyte.run(double, 4).wait.aio(); 'fine'").value == "'fine'"


@pytest.mark.parametrize("wait", ["run.wait()", "await run.wait.aio()"])
def test_when_a_cell_hears_of_its_interrupt_the_tree_has_stopped(notebook: Notebook, wait: str) -> None:
    notebook.run(SETUP)
    waits = f"""
try:
    {wait}
except BaseException:
    print("heard", sorted(stopped), run.phase, flush=True)
    raise
"""
    cell = notebook.start(INTERRUPTED + waits)
    notebook.until(cell, "running")
    notebook.interrupt()
    assert "heard [0, 1, 2, 3, 4] aborted" in notebook.finish(cell).text


STEPS = """
stopped = []
from flyte_nb._runtime.runtime import current_runtime

@env.task
async def step(index: int) -> int:
    return index

@env.task
async def steps() -> None:
    try:
        index = 0
        while True:
            index = await step(index) + 1
    finally:
        stopped.append("steps")

def dot() -> None:
    print(".", end="", flush=True)
    current_runtime().controller.service.call_after(0.05, dot)

run = flyte.run(steps)
dot()
"""


@pytest.mark.parametrize("wait", ["run.wait()", "await run.wait.aio()"])
def test_an_interrupt_stops_the_tree_while_another_process_holds_the_journal(
    notebook: Notebook, tmp_path: Path, wait: str
) -> None:
    notebook.run(SETUP)
    cell = notebook.start(
        f"""{STEPS}
try:
    {wait}
except BaseException:
    print("heard", flush=True)
    raise
"""
    )
    notebook.until(cell, "...")
    with contextlib.closing(sqlite3.connect(tmp_path / "kernel_home" / "journal.sqlite", isolation_level=None)) as held:
        held.execute("BEGIN IMMEDIATE")
        notebook.until(cell, notebook.by_parent[cell].text + ".....")
        notebook.interrupt()
        notebook.until(cell, "heard")
        assert notebook.finish(cell).status == "error"
        assert notebook.run("str(run.phase), stopped").value == "('running', ['steps'])"
        held.execute("ROLLBACK")
    assert notebook.run("run.wait(); str(run.phase)").value == "'aborted'"


def test_interrupting_a_cell_that_waits_for_a_sync_task_stops_it(notebook: Notebook) -> None:
    notebook.run(SETUP)
    cell = notebook.start(
        """
@env.task
def spins() -> None:
    print("spinning", flush=True)
    while True:
        pass

run = flyte.run(spins)
run.wait()
"""
    )
    notebook.until(cell, "spinning")
    notebook.interrupt()
    assert notebook.finish(cell).status == "error"
    assert notebook.run("run.wait(); str(run.phase)").value == "'aborted'"


def test_interrupting_an_async_task_that_computes_stops_the_run(notebook: Notebook) -> None:
    notebook.run(SETUP)
    cell = notebook.start(
        """
@env.task
async def computes() -> None:
    print("computing", flush=True)
    while True:
        pass

run = flyte.run(computes)
run.wait()
"""
    )
    notebook.until(cell, "computing")
    notebook.interrupt()
    assert notebook.finish(cell).status == "error"
    assert notebook.run("run.wait(); str(run.phase)").value == "'aborted'"


def test_an_interrupt_of_another_cell_leaves_a_run_alone(notebook: Notebook) -> None:
    notebook.run(SETUP)
    notebook.run(A_RUN_THAT_WAITS)
    cell = notebook.start("print('sleeping', flush=True)\ntime.sleep(60)")
    notebook.until(cell, "sleeping")
    notebook.interrupt()
    assert notebook.finish(cell).status == "error"
    assert notebook.run("go_on.set(); run.outputs()[0]").value == "'unharmed'"


def test_an_interrupt_strikes_a_cell_that_computes_once_though_a_run_goes_on(notebook: Notebook) -> None:
    notebook.run(SETUP)
    notebook.run(A_RUN_THAT_WAITS)
    cell = notebook.start(
        """
try:
    print("sleeping", flush=True)
    time.sleep(60)
except KeyboardInterrupt:
    cleans_up_until = time.monotonic() + 1
    while time.monotonic() < cleans_up_until:
        pass
    print("cleaned up")
"""
    )
    notebook.until(cell, "sleeping")
    notebook.interrupt()
    assert notebook.finish(cell).text == "sleeping\ncleaned up\n"
    assert notebook.run("go_on.set(); run.outputs()[0]").value == "'unharmed'"


def test_a_run_whose_kernel_was_killed_resumes_in_another_kernel(
    notebook: Notebook, open_notebook: Callable[[], Notebook]
) -> None:
    program = (
        SETUP
        + """
@env.task
async def step(x: int) -> int:
    print("step", x, flush=True)
    return x

@env.task
async def root(last: str) -> int:
    value = await step(1)
    if last == "hang":
        print("hanging", flush=True)
        import os
        if not os.environ.get("GO_ON"):
            await asyncio.sleep(600)
    return value + await step(2)
"""
    )
    notebook.run(program)
    kernel = int(notebook.run("import os; os.getpid()").value)
    cell = notebook.start("flyte.with_runcontext(name='killed').run(root, 'hang').wait()")
    notebook.until(cell, "hanging")
    os.kill(kernel, signal.SIGKILL)

    other = open_notebook()
    other.run("import os; os.environ['GO_ON'] = '1'")
    other.run(program)
    shown = other.run("run = flyte.Run.get('killed'); str(run.phase), run.details().error_info.code")
    assert shown.value == "('aborted', 'Interrupted')"
    resumed = other.run("run.resume().outputs()[0]")
    assert resumed.value == "3"
    assert resumed.text == "hanging\nstep 2\n"


def test_each_task_that_blocks_the_loop_is_noticed_with_how_long_it_did(notebook: Notebook, tmp_path: Path) -> None:
    notebook.run(SETUP)
    notebook.run(
        """
@env.task
async def blocks(seconds: float) -> None:
    time.sleep(seconds)

@env.task
async def main() -> None:
    await asyncio.gather(blocks(1.5), blocks(2.5), blocks(0.1))

flyte.with_runcontext(name="stalled").run(main).wait()
"""
    )
    reader = JournalReader(tmp_path / "kernel_home" / "journal.sqlite")
    view = project((event for _, event in reader.events("stalled")), "stalled")
    _, first, second, brief = view.actions.values()
    assert (first.stalled_s > 1.0, second.stalled_s > 1.0, brief.stalled_s > 0) == (True, True, False)
    assert first.stall_is_over and second.stall_is_over


def test_runs_that_block_the_loop_one_after_the_other_are_told_apart(notebook: Notebook, tmp_path: Path) -> None:
    notebook.run(SETUP)
    notebook.run(
        """
@env.task
async def blocks(seconds: float) -> None:
    time.sleep(seconds)

both = [flyte.with_runcontext(name=f"stalled-{seconds}").run(blocks, seconds) for seconds in (2, 3)]
[run.wait() for run in both]
"""
    )
    reader = JournalReader(tmp_path / "kernel_home" / "journal.sqlite")
    for name in ("stalled-2", "stalled-3"):
        (action,) = project((event for _, event in reader.events(name)), name).actions.values()
        assert action.stalled_s > 1.0 and action.stall_is_over


def test_redefining_tasks_in_a_cell_run_again_is_silent(module_notebook: Notebook) -> None:
    first, second = module_notebook.run(SETUP), module_notebook.run(SETUP.replace("2 * x", "3 * x"))
    assert first.text == second.text == ""
    assert module_notebook.run("flyte.run(double, 2).outputs()[0]").value == "6"


def test_a_class_redefined_in_its_cell_still_fits(module_notebook: Notebook) -> None:
    point = "from dataclasses import dataclass\n@dataclass\nclass Point:\n    x: int\n"
    module_notebook.run(SETUP)
    module_notebook.run(point)
    module_notebook.run("@env.task\nasync def norm(p: Point) -> int:\n    return p.x")
    module_notebook.run(point)
    assert module_notebook.run("flyte.run(norm, Point(7)).outputs()[0]").value == "7"


CLASSES = """
import enum
from dataclasses import dataclass
from pydantic import BaseModel

@dataclass
class Point:
    x: int

class Model(BaseModel):
    points: list[Point]

class Shade(enum.Enum):
    DARK = "d"
"""

TASKS_OF_CLASSES = """
@env.task
async def make(x: int) -> tuple[Model, Shade, Point]:
    print("make", flush=True)
    return Model(points=[Point(x)]), Shade.DARK, Point(x + 1)

@env.task
async def use(model: Model, shade: Shade, point: Point) -> str:
    assert (type(model), type(model.points[0]), type(point)) == (Model, Point, Point) and shade is Shade.DARK
    return f"{model.points[0].x} {shade.value} {point.x}" + (1 / 0 if failing else "")

@env.task
async def main(x: int) -> str:
    return await use(*await make(x))
"""


def test_dataclasses_models_and_enums_redefined_in_their_cell_still_fit(module_notebook: Notebook) -> None:
    module_notebook.run(SETUP + "failing = False")
    module_notebook.run(CLASSES)
    module_notebook.run("values = Model(points=[Point(1)]), Shade.DARK, Point(2)")
    module_notebook.run(TASKS_OF_CLASSES)
    module_notebook.run(CLASSES)
    assert module_notebook.run("flyte.run(use, *values).outputs()[0]").value == "'1 d 2'"
    assert module_notebook.run("flyte.run(main, 1).outputs()[0]").value == "'1 d 2'"


def test_classes_redefined_between_a_failure_and_the_resume_still_fit(
    notebook: Notebook, open_notebook: Callable[[], Notebook]
) -> None:
    notebook.run(SETUP + CLASSES + TASKS_OF_CLASSES)
    notebook.run("failing = True; run = flyte.with_runcontext(name='fails').run(main, 1); run.wait()")
    notebook.run(CLASSES)
    resumed = notebook.run("failing = False; run.resume().outputs()[0]")
    assert (resumed.value, resumed.text) == ("'1 d 2'", "")
    notebook.run("failing = True; flyte.with_runcontext(name='fails again').run(main, 5).wait()")
    other = open_notebook()
    other.run(SETUP + CLASSES + TASKS_OF_CLASSES + CLASSES)
    elsewhere = other.run("failing = False; flyte.Run.get('fails again').resume().outputs()[0]")
    assert (elsewhere.value, elsewhere.text) == ("'5 d 6'", "")


def test_waiting_does_not_swallow_the_cell_that_was_queued_behind(notebook: Notebook) -> None:
    notebook.run(SETUP)
    cell = notebook.start("run = flyte.run(double, 1)\nrun.wait()\nprint('first')")
    queued = notebook.start("print('second')")
    assert notebook.finish(cell).text == "first\n"
    assert notebook.finish(queued).text == "second\n"


def test_map_in_a_cell_outside_a_run_calls_async_functions_too(notebook: Notebook) -> None:
    notebook.run(SETUP)
    assert notebook.run("list(flyte.map(double, [1, 2]))").value == "[2, 4]"
    failed = notebook.run("list(flyte.map(double, [1, None], return_exceptions=False))", ok=False).error
    assert "It is of item [1] of flyte.map: cells.double(x=None)." in failed and "flyte_nb/_" not in failed


def test_map_in_a_cell_outside_a_run_is_interrupted(notebook: Notebook) -> None:
    notebook.run(SETUP)
    cell = notebook.start(
        """
@env.task
async def sleeps(x: int) -> None:
    print("sleeps", flush=True)
    try:
        await asyncio.sleep(60)
    finally:
        print("cleans up", flush=True)

list(flyte.map(sleeps, [1]))
"""
    )
    notebook.until(cell, "sleeps")
    notebook.interrupt()
    interrupted = notebook.finish(cell)
    assert "KeyboardInterrupt" in interrupted.error and "cleans up" in interrupted.text


def test_waiting_in_a_cell_changes_nothing_of_asyncio(notebook: Notebook) -> None:
    notebook.run(SETUP)
    notebook.run(
        """
def parts():
    policy = asyncio.get_event_loop_policy()
    return [asyncio.run, asyncio.get_event_loop, asyncio.events.get_event_loop, type(policy).get_event_loop,
            asyncio.Task, asyncio.Future, asyncio.SelectorEventLoop.run_until_complete, tornado.concurrent.Future]

def runs_elsewhere():
    cleaned = []
    async def background():
        try:
            await asyncio.sleep(60)
        finally:
            cleaned.append(asyncio.get_running_loop())
    async def main():
        asyncio.ensure_future(background())
        await asyncio.sleep(0)
    thread = threading.Thread(target=asyncio.run, args=(main(),)); thread.start(); thread.join()
    return [loop.is_closed() for loop in cleaned]

import tornado.concurrent
before = parts()
flyte.run(double, 1).wait()
"""
    )
    assert notebook.run("parts() == before, runs_elsewhere()").value == "(True, [True])"


def test_interrupting_an_awaiting_cell_whose_task_computes_stops_the_run(notebook: Notebook) -> None:
    notebook.run(SETUP)
    cell = notebook.start(
        """
@env.task
async def computes() -> None:
    print("computing", flush=True)
    while True:
        pass

run = flyte.run(computes)
await run.wait.aio()
"""
    )
    notebook.until(cell, "computing")
    notebook.interrupt()
    assert notebook.finish(cell).status == "error"
    assert notebook.run("run.wait(); str(run.phase)").value == "'aborted'"


@pytest.mark.skipif(ipykernel.version_info < (7,), reason="only ipykernel 7 loses anything by it")
def test_a_kernel_where_the_old_nest_asyncio_was_applied_says_so_with_the_first_run(notebook: Notebook) -> None:
    notebook.run("import nest_asyncio; nest_asyncio.apply()\n" + SETUP)
    text = notebook.run("flyte.run(double, 4).outputs()").text
    assert text.count("nest_asyncio was applied in this kernel") == 1
    assert "nest_asyncio" not in notebook.run("flyte.run(double, 5).outputs()").text


def test_an_action_that_prints_without_end_fills_its_log_and_not_the_cell(notebook: Notebook) -> None:
    notebook.run(SETUP)
    text = notebook.run(
        """
@env.task
async def talks(lines: int) -> None:
    for n in range(lines):
        print(f"{n:>99}")

@env.task
async def quiet() -> None:
    print("still shown")

@env.task
async def main() -> None:
    await talks(20_000)
    await quiet()

run = flyte.run(main)
run.wait()
"""
    ).text
    assert len(text) < 1_100_000 and "from here on is in its log only: flyte.Run.get(" in text and "still shown" in text
    assert notebook.run("len(run.get_logs())").value == "20001"
