"""Several tasks of one name, as a factory makes them: each answers for itself."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import pytest

import flyte_nb as flyte
from flyte_nb import errors

env = flyte.TaskEnvironment("namesakes")
kept = flyte.TaskEnvironment("kept_namesakes", cache="auto")

broken = [True]


@pytest.fixture(autouse=True)
def fresh() -> None:
    broken[0] = True


def check() -> None:
    if broken[0]:
        raise ValueError("broken")


def make(k: int, environment: flyte.TaskEnvironment = env) -> Any:
    @environment.task
    async def times(x: int) -> int:
        return x * k

    return times


one, two = make(1), make(2)
kept_one, kept_two = make(1, kept), make(2, kept)


@env.task
async def both() -> list[int]:
    return [await one(10), await two(10)]


@env.task
async def both_kept() -> list[int]:
    return [await kept_one(10), await kept_two(10)]


@env.task
async def both_made_inside() -> list[int]:
    first, second = make(1), make(2)
    return [await first(10), await second(10)]


@env.task(retries=1)
async def turns_to_the_second() -> int:
    if flyte.ctx().attempt_number == 1:
        await one(10)
        raise ValueError("the first did not do")
    return await two(10)


@pytest.mark.parametrize("mode", ["background", "process"])
@pytest.mark.parametrize("root", [both, both_kept, both_made_inside], ids=lambda task: task.short_name)
def test_two_tasks_of_one_name_each_run_their_own_body_and_have_their_own_cached_results(root: Any, mode: str) -> None:
    assert flyte.with_runcontext(mode=mode).run(root).outputs()[0] == [10, 20]


@pytest.mark.parametrize("mode", ["background", "process"])
def test_another_attempt_that_calls_another_task_of_the_name_gets_its_result(mode: str) -> None:
    assert flyte.with_runcontext(mode=mode).run(turns_to_the_second).outputs() == 20


FACTORY = """
def make(k):
    @env.task
    async def work(x: int) -> int:
        await gate()
        check()
        return x * k
    return work
"""
TASKS = "a, b = make(1), make(2)"


async def no_gate() -> None:
    pass


def define(*cells: str, **given: Any) -> dict[str, Any]:
    """What notebook cells would make; `given` may be what earlier ones have made."""
    namespace: dict[str, Any] = {"env": env, "check": check, "gate": no_gate, "__name__": "__main__", **given}
    for cell in cells:
        exec(compile(cell, "<cell>", "exec"), namespace)
    return namespace


def failed(task: Any) -> flyte.Run:
    run = flyte.run(task, 10)
    run.wait()
    assert run.phase == "failed"
    broken[0] = False
    return run


@pytest.mark.parametrize("edited", [False, True])
def test_a_run_of_the_first_of_two_resumes_and_runs_again_as_the_first_also_when_both_were_edited(edited: bool) -> None:
    tasks = define(FACTORY, TASKS)
    run = failed(tasks["a"])
    if edited:
        tasks = define(FACTORY.replace("x * k", "x * k + 5"), TASKS)

    again = flyte.rerun(run.name, x=30)
    run.resume()

    assert run.outputs() == 10 + 5 * edited
    assert again.outputs() == 30 + 5 * edited


def test_a_task_that_was_replaced_is_not_resumed_although_an_earlier_one_of_its_factory_had_failed() -> None:
    cells = define(FACTORY, "a = make(1)")
    run = failed(cells.pop("a"))
    cells = define("a = make(3)", **cells)

    run.resume()

    assert run.outputs() == 30


def test_a_resume_that_cannot_tell_which_of_two_tasks_it_was_names_them_and_says_what_to_do() -> None:
    run = failed(define(FACTORY, TASKS)["a"])
    tasks = define(FACTORY, "a, b = make(3), make(4)")

    with pytest.raises(errors.CodeBundleError, match=r"make\.<locals>\.work.*differ in k.*name of its own"):
        run.resume()
    assert tasks


def run_again_meanwhile(again: Callable[[dict[str, Any]], dict[str, Any]]) -> flyte.Run:
    """A run whose cells are run again while it goes on: its root calls `a` and `b` after that."""
    entered, go_on = threading.Event(), threading.Event()

    async def gate() -> None:
        entered.set()
        await asyncio.to_thread(go_on.wait)

    broken[0] = False
    root = "@env.task\nasync def root(x: int) -> list[int]:\n    await gate()\n    return [await a(x), await b(x)]\n"
    cells = define(FACTORY, TASKS, root, gate=gate)
    run = flyte.run(cells["root"], 10)
    assert entered.wait(30)
    cells.update(again(cells))
    go_on.set()
    run.wait()
    return run


def test_a_running_run_keeps_each_of_two_tasks_whose_cells_are_run_again_edited() -> None:
    edited = FACTORY.replace("x * k", "x * k + 5")

    run = run_again_meanwhile(lambda cells: define(edited, TASKS, **cells))

    assert run.outputs()[0] == [10, 20]


def test_a_running_run_refuses_a_task_that_was_one_of_two_and_cannot_be_told_to_be_either() -> None:
    run = run_again_meanwhile(lambda cells: define("a, b = make(3), make(4)", **cells))

    with pytest.raises(errors.RuntimeUserError, match=r"'namesakes\.work' was declared anew.*differ in k.*Resume"):
        run.outputs()
