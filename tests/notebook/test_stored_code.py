"""A run that goes on in a kernel where only some of its cells were run: one meaning for each name."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from .conftest import Notebook, opened_notebook

SETUP = """
import asyncio, os
from dataclasses import dataclass
import flyte_nb as flyte
env = flyte.TaskEnvironment("mixed")
"""
FIRST = """
@env.task
async def first(x: int) -> int:
    return x
"""
INNER = """
@env.task
async def inner(x: int) -> str:
    return "old"
"""
MAIN = """
@env.task
async def main() -> str:
    found = [str(await first(1)), await inner.aio(1)]
    print("waiting", flush=True)
    if not os.environ.get("GO_ON"):
        await asyncio.sleep(600)
    return " ".join(found)
"""
WAIT = """
    print("waiting", flush=True)
    if not os.environ.get("GO_ON"):
        await asyncio.sleep(600)
"""
RESUMED = """
os.environ["GO_ON"] = "1"
run = flyte.Run.get("killed").resume()
run.outputs()[0]
"""


def killed(notebook: Notebook, *cells: str, runs: Iterable[str] = ("killed",)) -> None:
    """Runs cells and runs of `main`, and kills the kernel once they wait."""
    for cell in cells:
        notebook.run(cell)
    kernel = int(notebook.run("os.getpid()").value)
    for name in runs:
        begins = f"run = flyte.with_runcontext(name={name!r}).run(main)"
        waits = "while 'waiting' not in str(list(run.get_logs())): await asyncio.sleep(0.02)"
        notebook.run(f"{begins}\n{waits}")
    os.kill(kernel, signal.SIGKILL)


def resumed(notebook: Notebook, *cells: str, run: str = "killed") -> str:
    """What the run gives in a kernel where these cells were run."""
    for cell in (SETUP, *cells):
        notebook.run(cell)
    return notebook.run(RESUMED.replace("killed", run)).value.strip("'")


def reruns(notebook: Notebook) -> str:
    return notebook.run("print(*run.details().reruns, sep='\\n')").text


def test_a_task_that_the_kernel_defines_is_called_by_stored_code_too(
    notebook: Notebook, open_notebook: Callable[[], Notebook]
) -> None:
    killed(notebook, SETUP, FIRST, INNER, MAIN)
    other = open_notebook()
    for cell in (SETUP, INNER.replace("old", "new")):
        other.run(cell)
    result = other.run(RESUMED)
    assert result.value == "'1 new'"
    assert "uses what is defined here, and its stored code for the rest" in result.text
    assert "The code of main changed: inner (function)." in result.text
    assert "The code of inner changed: inner (function)." in reruns(other)
    assert "first" not in reruns(other)


def test_an_empty_kernel_goes_on_with_what_was_stored_and_says_nothing(
    notebook: Notebook, open_notebook: Callable[[], Notebook]
) -> None:
    killed(notebook, SETUP, FIRST, INNER, MAIN)
    other = open_notebook()
    other.run("import os; import flyte_nb as flyte")
    result = other.run(RESUMED)
    assert (result.value, result.text) == ("'1 old'", "waiting\n")
    assert "changed" not in reruns(other)


DEEP = f"""
LIMIT = 1

@dataclass
class Row:
    x: int
    def shown(self): return f"row {{self.x}}"

class Wide(Row):
    def shown(self): return super().shown()

ROW = Wide(5)

def helper(): return f"helper {{LIMIT}}"

def between(): return helper()

def made(number):
    @env.task
    async def of_a_factory(x: int) -> str:
        return f"made {{number}} {{between()}}"
    return of_a_factory

two, three = made(2), made(3)

@env.task
async def inner() -> str:
    return "inner"

STEPS = {{"again": inner, "overridden": inner.override(short_name="other")}}

@env.task
async def caller(row: Row) -> str:
    found = [await inner(), *[await step() for step in STEPS.values()], between(), row.shown(), ROW.shown()]
    return ", ".join([*found, str(isinstance(ROW, Row) and type(row) is Row), await two(1), await three(1)])

@env.task
async def main() -> str:
    found = await caller(Row(1))
{WAIT}
    return found
"""
SAME = "inner, inner, inner, helper 1, row 1, row 5, True, made 2 helper 1, made 3 helper 1"
DEFINITIONS = {
    "nothing": ("pass", SAME),
    "a constant": ("LIMIT = 7", SAME.replace("helper 1", "helper 7")),
    "a function": ("def helper(): return 'other'", SAME.replace("helper 1", "other")),
    "a task": ("@env.task\nasync def inner() -> str: return 'new'", SAME.replace("inner", "new")),
    "a task under another name": (
        "@env.task\nasync def inner() -> str: return 'new'\nkept, inner = [inner], None; del inner",
        SAME.replace("inner", "new"),
    ),
    "a class": (
        "@dataclass\nclass Row:\n    x: int\n    def shown(self): return f'line {self.x}'",
        SAME.replace("row", "line"),
    ),
    "tasks of a factory": (
        "def made(number):\n    @env.task\n    async def of_a_factory(x: int) -> str: return f'{number}!'\n"
        "    return of_a_factory\n\nthree = made(30)",
        SAME.replace("made 3 helper 1", "30!"),
    ),
}


def run_for(what: str) -> str:
    return what.replace(" ", "-")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where each of `DEFINITIONS` finds a run whose kernel was killed."""
    folder = tmp_path_factory.mktemp("stored") / "home"
    with opened_notebook(folder) as notebook:
        killed(notebook, SETUP, DEEP, runs=map(run_for, DEFINITIONS))
    return folder


@pytest.mark.parametrize("what", DEFINITIONS)
def test_what_the_kernel_defines_wins_at_any_depth(home: Path, what: str) -> None:
    cell, expected = DEFINITIONS[what]
    with opened_notebook(home) as notebook:
        assert resumed(notebook, cell, run=run_for(what)) == expected


def test_what_a_new_definition_lacks_is_named_before_anything_is_recorded(
    notebook: Notebook, open_notebook: Callable[[], Notebook]
) -> None:
    killed(notebook, SETUP, DEEP)
    other = open_notebook()
    other.run(SETUP)
    other.run("def between(): return helper() + '!' * LIMIT")
    refused = other.run(RESUMED, ok=False)
    assert "uses 'LIMIT' (in between), 'helper' (in between), and no cell has defined that here" in refused.error
    assert "Run the cells that define it, and try again" in refused.error
    assert other.run("len(flyte.Run.get('killed').details().reruns)").value == "0"
    other.run("LIMIT = 2; helper = lambda: 'other'")
    assert "other!!" in other.run(RESUMED).value


def test_a_root_that_the_kernel_defines_alone_is_refused_with_what_it_lacks(
    notebook: Notebook, open_notebook: Callable[[], Notebook]
) -> None:
    killed(notebook, SETUP, FIRST, INNER, MAIN)
    other = open_notebook()
    for cell in (SETUP, INNER, MAIN):
        other.run(cell)
    assert "What is defined here uses 'first' (in main)" in other.run(RESUMED, ok=False).error


def test_worker_processes_run_what_the_kernel_does(notebook: Notebook, open_notebook: Callable[[], Notebook]) -> None:
    limited = "big = flyte.TaskEnvironment('big', resources=flyte.Resources(memory='1Gi'))"
    main = MAIN.replace("await inner.aio(1)", "await outer(1)")
    middle = "@env.task\nasync def middle(x: int) -> str: return await inner(x) + LIMIT"
    outer = "@big.task\nasync def outer(x: int) -> str: return await middle(x) + LIMIT"
    killed(notebook, SETUP, f"LIMIT = '!'; {limited}", FIRST, INNER, middle, outer, main)
    assert resumed(open_notebook(), INNER.replace("old", "new"), "LIMIT = '?'") == "1 new??"
