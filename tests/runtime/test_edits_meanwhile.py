"""Cells that are run while a run goes on: what a call gave then stands for no other code than it ran."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest

import flyte_nb as flyte
from flyte_nb.remote import Action

env = flyte.TaskEnvironment("meanwhile")
calls: list[Any] = []
broken = [False]


class Gate:
    """Where a task waits until the notebook has run a cell."""

    def __init__(self) -> None:
        self.entered, self.opened = threading.Event(), threading.Event()

    async def __call__(self) -> None:
        self.entered.set()
        await asyncio.to_thread(self.opened.wait)


@pytest.fixture(autouse=True)
def fresh() -> None:
    calls.clear()
    broken[0] = False


CELLS = """
import asyncio

CONFIG = {"rate": 1}

def helper(x):
    return x * 1

def check():
    if broken[0]:
        raise ValueError("broken")

@env.task(cache="auto")
async def price(x: int) -> int:
    calls.append(("price", x))
    await gate()
    return helper(x) * CONFIG["rate"]

@flyte.trace
async def traced(x: int) -> int:
    calls.append(("traced", x))
    await gate()
    return helper(x)

@env.task
async def inner(x: int) -> int:
    return x * 1

@env.task(cache="auto")
async def around(x: int) -> int:
    return await inner(x)

@env.task
async def prices() -> list[int]:
    found = [await price(1)]
    await gate.next()
    found.append(await price(2))
    check()
    return found

@env.task
async def traces() -> int:
    found = await traced(1)
    check()
    return found

@env.task
async def later() -> int:
    await gate()
    return await around(1)
"""


class Notebook:
    """A notebook whose cells are run."""

    def __init__(self) -> None:
        self.gate = Gate()
        self.space: dict[str, Any] = {
            "env": env,
            "flyte": flyte,
            "calls": calls,
            "broken": broken,
            "__name__": "__main__",
        }
        self.space["gate"] = self.gate
        self.run_cell(CELLS)

    def run_cell(self, source: str) -> None:
        exec(compile(source, "<cell>", "exec"), self.space)

    def edited_while_it_runs(self, task: str, cell: str, *inputs: Any) -> flyte.Run:
        """A run of `task`, with `cell` run while it waits at the gate."""
        run = flyte.run(self.space[task], *inputs)
        assert self.gate.entered.wait(30)
        self.run_cell(cell)
        self.gate.opened.set()
        run.wait()
        return run


def cache_of(run: flyte.Run, action: str = "a0") -> Any:
    return Action.get(run_name=run.name, name=action).details().cache


EDITS = {
    "a helper is edited": ("def helper(x): return x * 7", "def helper(x): return x * 1"),
    "a constant is given another value": ("CONFIG = {'rate': 7}", "CONFIG = {'rate': 1}"),
    "a constant is changed in place": ("CONFIG['rate'] = 7", "CONFIG['rate'] = 1"),
}


@pytest.mark.parametrize("edit", EDITS)
def test_what_a_call_gives_after_an_edit_is_not_kept_for_the_code_before(edit: str) -> None:
    cell, back = EDITS[edit]
    book = Notebook()
    run = book.edited_while_it_runs("price", cell, 2)
    assert run.outputs() == 14
    assert cache_of(run).reason.endswith("Its result is not kept: what the task uses was changed while it ran.")
    book.run_cell(back)
    again = flyte.run(book.space["price"], 2)
    assert (again.outputs(), cache_of(again).status) == (2, "miss")


def test_what_a_call_gives_is_kept_if_a_cell_was_run_again_unchanged_or_the_user_says_the_version() -> None:
    book = Notebook()
    book.edited_while_it_runs("price", "def helper(x): return x * 1  # the same", 2)
    again = flyte.run(book.space["price"], 2)
    assert (again.outputs(), cache_of(again).status) == (2, "hit")

    book = Notebook()
    book.space["price"] = book.space["price"].override(cache=flyte.Cache("auto", version_override="1"))
    assert book.edited_while_it_runs("price", "def helper(x): return x * 7", 3).outputs() == 21
    again = flyte.run(book.space["price"], 3)
    assert (again.outputs(), cache_of(again).status) == (21, "hit")


def test_a_call_that_begins_after_an_edit_is_one_of_the_edited_code() -> None:
    book = Notebook()
    book.gate.opened.set()
    waiting = Gate()
    book.gate.next = waiting  # type: ignore[attr-defined]
    run = flyte.run(book.space["prices"])
    assert waiting.entered.wait(30)
    book.run_cell("def helper(x): return x * 7")
    waiting.opened.set()
    assert run.outputs()[0] == [1, 14]
    hit = flyte.run(book.space["price"], 2)
    assert (hit.outputs(), cache_of(hit).status) == (14, "hit")
    book.run_cell("def helper(x): return x * 1")
    miss = flyte.run(book.space["price"], 2)
    assert (miss.outputs(), cache_of(miss).status) == (2, "miss")


def test_a_resume_with_the_code_before_takes_no_result_of_the_code_between() -> None:
    book = Notebook()
    book.run_cell(CELLS.replace('(cache="auto")', ""))
    broken[0] = True
    book.gate.opened.set()
    waiting = Gate()
    book.gate.next = waiting  # type: ignore[attr-defined]
    run = flyte.run(book.space["prices"])
    assert waiting.entered.wait(30)
    book.run_cell("def helper(x): return x * 7")
    waiting.opened.set()
    run.wait()
    book.run_cell("def helper(x): return x * 1")
    broken[0] = False
    calls.clear()
    run.resume()
    assert run.outputs()[0] == [1, 2]
    assert calls == [("price", 2)]


def test_a_call_that_an_edit_overtook_runs_again_on_a_resume_and_the_run_says_why() -> None:
    book = Notebook()
    book.run_cell(CELLS.replace('(cache="auto")', "").replace("await gate.next()", ""))
    broken[0] = True
    run = book.edited_while_it_runs("prices", "def helper(x): return x * 7")
    book.run_cell("def helper(x): return x * 1")
    broken[0] = False
    run.resume()
    assert run.outputs()[0] == [1, 2]
    reasons = [reason for task, reason in run.details().reruns if task == "meanwhile.price"]
    assert reasons[0].startswith("What it uses was edited while it ran")


def test_a_trace_that_an_edit_overtook_is_no_checkpoint() -> None:
    book = Notebook()
    broken[0] = True
    run = book.edited_while_it_runs("traces", "def helper(x): return x * 7")
    book.run_cell("def helper(x): return x * 1")
    broken[0] = False
    run.resume()
    assert run.outputs() == 1


def test_a_result_that_a_task_of_before_gave_is_not_kept_for_the_task_that_a_cell_made_of_it() -> None:
    book = Notebook()
    cell = "@env.task\nasync def inner(x: int) -> int:\n    return x * 7\n"
    assert book.edited_while_it_runs("later", cell).outputs() == 1
    assert flyte.run(book.space["around"], 1).outputs() == 7


def test_a_result_is_kept_if_the_cell_of_a_task_it_calls_was_run_again_unchanged() -> None:
    book = Notebook()
    assert book.edited_while_it_runs("later", CELLS).outputs() == 1
    hit = flyte.run(book.space["around"], 1)
    assert (hit.outputs(), cache_of(hit).status) == (1, "hit")
