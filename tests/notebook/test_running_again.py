"""A cell that is run again and again leaves nothing behind in its kernel."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .conftest import Notebook

CELL = """
import flyte_nb as flyte
env = flyte.TaskEnvironment("again")

@env.task(cache=flyte.Cache("auto", serialize=True))
def on_thread(x: int) -> int:
    return x

@env.task
async def main(x: int) -> int:
    return await on_thread.aio(x) + 1

run = flyte.run(main, 4)
run.wait()
run
"""

COUNT = """
import contextlib, gc, sqlite3, threading, psutil
from ipywidgets.widgets.widget import _instances
from flyte_nb._runtime.runtime import current_runtime
_ = gc.collect()
runtime = current_runtime()
runtime.writer.flush()
with contextlib.closing(sqlite3.connect(runtime.home.journal_path)) as journal:
    [left] = journal.execute(
        "SELECT (SELECT count(*) FROM requests WHERE outcome IS NULL) + (SELECT count(*) FROM reservations)"
    ).fetchone()
counted = {
    "widgets": len(_instances),
    "threads": threading.active_count(),
    "open files": psutil.Process().num_fds(),
    "open requests and reservations": left,
    "live runs": len(runtime.controller.runs),
}
import json
print(json.dumps(counted), end="")
"""


def test_a_cell_run_200_times_leaves_no_widget_thread_open_file_or_request(notebook: Notebook) -> None:
    notebook.run(CELL)
    notebook.run(COUNT)
    for _ in range(40):  # so that what is kept for a few runs is full: threads of the pool, Out[...]
        notebook.run(CELL)
    before = json.loads(notebook.run(COUNT).text)
    for _ in range(200):
        notebook.run(CELL)
    after = json.loads(notebook.run(COUNT).text)
    for name in ("threads", "open files"):  # a pool's threads, each with a loop, come and go; a leak would be 200
        assert after.pop(name) <= before.pop(name) + 20, name
    assert after == before


FACTORY = """
import flyte_nb as flyte
env = flyte.TaskEnvironment("factory")
def make(k):
    @env.task
    async def divided(x: int) -> float:
        return x / k
    return divided
a = make(0)
run = flyte.run(a, 1)
run.wait()
"""


def test_a_task_that_a_cell_has_shown_is_not_resumed_once_its_name_stands_for_another(notebook: Notebook) -> None:
    notebook.run(FACTORY)
    notebook.run("a")
    notebook.run("a = make(2)")
    assert notebook.run("run.resume().wait(); print(run.outputs()[0], end='')").text == "0.5"


def test_a_task_that_a_cell_has_shown_is_resumed_if_a_list_holds_it(notebook: Notebook) -> None:
    notebook.run(
        FACTORY.replace("return x / k", "return x / (k - zero)").replace("a = make(0)", "zero = 0; a = make(0)")
    )
    notebook.run("a")
    notebook.run("kept = [a]; a = make(2)")
    notebook.run("zero = 1")
    assert notebook.run("run.resume().wait(); print(run.outputs()[0], end='')").text == "-1.0"
