"""A run that ended badly goes on where it was; what had succeeded is not run again."""

from __future__ import annotations

import asyncio
import itertools
import sqlite3
import threading
from pathlib import Path
from typing import Any

import pytest

import flyte_nb as flyte
from flyte_nb import durable, errors
from flyte_nb.remote import Action, Run

calls: list[str] = []
broken = threading.Event()  # of a library, so what it says is no part of the code


@pytest.fixture(autouse=True)
def fresh() -> None:
    calls.clear()
    broken.set()


env = flyte.TaskEnvironment("resuming")


def define(source: str) -> dict[str, Any]:
    """Tasks from source text, as notebook cells would make them."""
    namespace: dict[str, Any] = {
        "env": env,
        "flyte": flyte,
        "asyncio": asyncio,
        "note": calls.append,
        "broken": broken.is_set,
        "__name__": "__main__",
    }
    exec(compile(source, "<cell>", "exec"), namespace)
    return namespace


CELLS = """
def scale(x):
    return x * 10

@env.task
async def first(x: int) -> int:
    note(f"first {x}")
    return scale(x)

@env.task
async def second(x: int) -> int:
    note(f"second {x}")
    return x + 1

@env.task
async def last(values: list[int]) -> int:
    note("last")
    if broken():
        raise ValueError("broken")
    return sum(values)

@env.task
async def main(n: int) -> int:
    note("main")
    ones = await asyncio.gather(*(first(x) for x in range(n)))
    twos = await asyncio.gather(*(second(x) for x in ones))
    return await last(list(twos))
"""


def failed_run(source: str = CELLS) -> Run:
    run = flyte.run(define(source)["main"], 2)
    run.wait()
    assert run.phase == "failed"
    calls.clear()
    broken.clear()
    return run


def test_only_what_had_not_succeeded_runs_again() -> None:
    run = failed_run()

    run.resume()

    assert run.outputs() == 12
    assert calls == ["main", "last"]
    assert run.phase == "succeeded"
    assert run.details().resumes == 1


def test_a_task_that_failed_and_was_mended_is_among_those_that_ran_again_with_its_reason() -> None:
    run = failed_run()
    define(CELLS.replace("return sum(values)", "return sum(values) + 1"))

    run.resume().wait()

    reason = "It had failed (ValueError: broken). The code of last changed: last (function)."
    assert run.details().reruns == [("resuming.last", reason)]
    assert f"ran again: resuming.last ({reason})" in repr(run.details())
    [last] = Action.listall(run.name, task_name="resuming.last")
    assert last.details().rerun_reason == reason


def test_the_time_between_a_failure_and_a_resume_is_no_time_of_the_run(home: Path) -> None:
    run = failed_run()
    first_life_s = run.details().runtime
    with sqlite3.connect(home / "journal.sqlite") as connection:  # as if it had failed an hour earlier
        connection.execute("UPDATE runs SET ended_at = ended_at - 3600")
    connection.close()

    run.resume().wait()

    runtime = run.details().runtime
    assert first_life_s is not None and runtime is not None
    assert runtime < 3600
    assert [round(lasted_s / 3600) for _, lasted_s in run.timeline().gaps] == [1]


def test_a_run_found_by_name_resumes_too() -> None:
    name = failed_run().name

    assert Run.get(name).resume().outputs() == 12
    assert calls == ["main", "last"]


def test_after_editing_one_task_it_and_what_depends_on_its_outputs_run_again_and_the_run_says_which_and_why() -> None:
    run = failed_run()
    define(CELLS.replace("return x + 1", "return x + 2"))

    run.resume()

    assert run.outputs() == 14
    assert calls == ["main", "second 0", "second 10", "last"]
    reruns = run.details().reruns
    assert {task for task, _ in reruns} == {"resuming.second"}
    assert all("second" in reason for _, reason in reruns)


MAPPED = """
@env.task
async def item(x: int) -> int:
    note(f"item {x}")
    if x == 2 and broken():
        raise ValueError("two")
    return x * 10

@env.task
async def main(n: int) -> list[int]:
    note("main")
    return list(flyte.map(item, range(n), return_exceptions=False))
"""


RETRIED = CELLS.replace("@env.task\nasync def main", "@env.task(retries=1)\nasync def main")
EDITED_TO_FAIL_ONCE = """
    seen.append(x)
    if seen.count(x) == 1:
        raise ValueError("not yet")
    return x + 2
"""


def test_why_a_call_runs_again_is_said_once_whatever_the_attempts_of_its_caller() -> None:
    run = failed_run(RETRIED)
    define("seen = []\n" + RETRIED.replace("    return x + 1\n", EDITED_TO_FAIL_ONCE))

    assert run.resume().outputs() == 14
    assert calls.count("main") == 2
    assert [task for task, _ in run.details().reruns].count("resuming.second") == 2, "one for each of its calls"


@pytest.mark.parametrize("said", ["resuming.item", "item", ["main", "resuming.item"], "the task itself"])
def test_items_that_had_succeeded_are_kept_after_their_task_was_mended_if_one_says_so(said: Any) -> None:
    run = flyte.run(define(MAPPED)["main"], 4)
    run.wait()
    calls.clear()
    mended = define(MAPPED.replace("x == 2 and broken()", "False"))

    run.resume(keep=mended["item"] if said == "the task itself" else said)

    assert run.outputs()[0] == [0, 10, 20, 30]
    assert calls[0] == "main"
    assert "item 2" in calls
    assert not {"item 0", "item 1"} & set(calls)
    details = run.details()
    assert {task for task, _ in details.reruns} == {"resuming.item"}
    assert "resuming.item" in details.kept
    assert "kept, whatever its code is now: " in repr(details)


def test_the_reason_why_a_changed_task_ran_again_says_how_its_results_are_kept() -> None:
    run = failed_run()
    define(CELLS.replace("return x + 1", "return x + 2"))
    run.resume().wait()
    [reason, _] = [reason for _, reason in run.details().reruns]
    assert reason.endswith("changed: second (function). resume(keep='resuming.second') keeps results of other code.")
    assert run.details().kept == []


def test_what_is_to_be_kept_is_a_task_that_the_run_called() -> None:
    run = failed_run()
    with pytest.raises(
        errors.RunStateError, match=r"keep: run '.+' called no task 'secnd' \(did you mean 'second'\?\)"
    ):
        run.resume(keep="secnd")
    with pytest.raises(TypeError, match=r"keep is a task, its name, or a list of them; got int: 3"):
        run.resume(keep=3)  # type: ignore[arg-type]
    assert not run.details().resumes


def test_after_editing_a_helper_what_reaches_it_runs_again_and_the_helper_is_named() -> None:
    run = failed_run()
    define(CELLS.replace("return x * 10", "return x * 100"))

    run.resume()

    assert run.outputs() == 102
    assert calls == ["main", "first 0", "first 1", "second 100", "last"]
    assert any("scale" in reason for _, reason in run.details().reruns)


def test_after_editing_a_traced_function_it_is_called_again_and_those_left_alone_are_not() -> None:
    cells = """
@flyte.trace
async def kept(x: int) -> int:
    note("kept")
    return x

@flyte.trace
async def edited(x: int) -> int:
    note("edited")
    return x * 10

@env.task
async def main(n: int) -> int:
    found = await kept(n) + await edited(n)
    if broken():
        raise ValueError("broken")
    return found
"""
    run = failed_run(cells)
    define(cells.replace("x * 10", "x * 100"))

    run.resume()

    assert run.outputs() == 202
    assert calls == ["edited"]


def test_a_comment_invalidates_nothing() -> None:
    run = failed_run()
    define(CELLS.replace("return x + 1", "# next\n    return (x + 1)"))

    run.resume()

    assert run.outputs() == 12
    assert calls == ["main", "last"]


def test_an_aborted_run_resumes() -> None:
    cells = define(
        """
started = []

@env.task
async def quick(x: int) -> int:
    note(f"quick {x}")
    return x

@env.task
async def main() -> int:
    one = await quick(1)
    started.append(1)
    if broken():
        await asyncio.sleep(60)
    return one
"""
    )
    run = flyte.run(cells["main"])
    while not cells["started"]:
        pass
    run.abort()
    run.wait()
    assert run.phase == "aborted"
    broken.clear()

    assert run.resume().outputs() == 1
    assert calls == ["quick 1"]


def test_a_run_that_succeeded_is_not_resumed() -> None:
    broken.clear()
    run = flyte.run(define(CELLS)["main"], 1)
    run.wait()
    with pytest.raises(errors.RunStateError, match=r"succeeded.*rerun"):
        run.resume()


def test_a_run_that_is_going_on_is_not_resumed() -> None:
    @env.task
    async def waits() -> None:
        await asyncio.sleep(60)

    run = flyte.run(waits)
    with pytest.raises(errors.RunStateError, match="going on"):
        Run.get(run.name).resume()
    run.abort()


def test_resuming_a_run_that_does_not_exist_names_it() -> None:
    with pytest.raises(errors.RunNotFoundError, match="'nowhere'"):
        Run.get("nowhere")


def test_a_resumed_run_gives_equal_calls_their_own_results() -> None:
    cells = define(
        """
@env.task
async def count() -> int:
    note("count")
    return total()

@env.task
async def main() -> list[int]:
    results = [await count() for _ in range(3)]
    if broken():
        raise ValueError
    return results
"""
    )
    cells["total"] = itertools.count(1).__next__
    run = flyte.run(cells["main"])
    run.wait()
    broken.clear()

    assert run.resume().outputs()[0] == [1, 2, 3]
    assert calls == ["count"] * 3


class Clock:
    """Says each of `readings` once, and the last of them from then on."""

    def __init__(self, *readings: float) -> None:
        self._readings = [*readings]

    def time(self) -> float:
        return self._readings.pop(0) if len(self._readings) > 1 else self._readings[0]


@pytest.mark.parametrize("sleep", ["await durable.sleep.aio(3600)", "durable.sleep(3600)"])
def test_a_durable_sleep_is_slept_once(sleep: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(durable, "_time", Clock(1000.0, 4600.0))  # it begins, and the hour is over
    cells = define(
        f"""
from flyte_nb import durable

@env.task
async def main() -> None:
    note("before")
    {sleep}
    note("after")
    if broken():
        raise ValueError
"""
    )
    run = flyte.run(cells["main"])
    run._live.done.result(timeout=20)  # type: ignore[union-attr]
    broken.clear()

    run.resume()
    run._live.done.result(timeout=20)  # type: ignore[union-attr]
    assert run.phase == "succeeded"
    assert calls == ["before", "after"] * 2


def test_durable_time_gives_the_same_answers() -> None:
    cells = define(
        """
from flyte_nb import durable

@env.task
async def main() -> list[float]:
    times = [await durable.time.aio(), durable.time()]
    moments = [durable.now().timestamp()]
    note(times + moments)
    if broken():
        raise ValueError
    return times + moments
"""
    )
    run = flyte.run(cells["main"])
    run.wait()
    broken.clear()

    assert run.resume().outputs()[0] == calls[0]
    assert calls[0] == calls[1]


def test_rerun_is_a_run_of_its_own_with_some_inputs_changed() -> None:
    broken.clear()
    earlier = flyte.run(define(CELLS)["main"], 2)
    earlier.wait()
    calls.clear()

    run = flyte.rerun(earlier.name, n=1)

    assert run.name != earlier.name
    assert run.outputs() == 1
    assert calls == ["main", "first 0", "second 0", "last"]
    assert run.details().rerun_of == earlier.name


def test_rerun_with_recover_takes_what_had_succeeded() -> None:
    earlier = failed_run()

    run = flyte.rerun(earlier.name, recover=True)

    assert run.outputs() == 12
    assert calls == ["main", "last"]
    phases = [str(action.phase) for action in Action.listall(run.name)]
    assert phases.count("recovered") == 4
    assert earlier.phase == "failed"


def test_rerun_of_one_action_runs_its_task_with_its_inputs() -> None:
    broken.clear()
    earlier = flyte.run(define(CELLS)["main"], 2)
    earlier.wait()
    [action] = [
        action
        for action in Action.listall(earlier.name, task_name="resuming.second")
        if action.details().inputs()["x"] == 10
    ]
    assert flyte.rerun(earlier.name, action.name).outputs() == 11


def test_rerun_of_an_action_that_does_not_exist_names_it() -> None:
    run = failed_run()
    with pytest.raises(errors.ActionNotFoundError, match="'nothing'"):
        flyte.rerun(run.name, "nothing")


def test_rerun_with_an_input_nobody_knows_is_a_type_error() -> None:
    run = failed_run()
    with pytest.raises(TypeError, match="'m'"):
        flyte.rerun(run.name, m=1)


def test_retries_count_anew_after_a_resume() -> None:
    cells = define(
        """
@env.task(retries=1)
async def main() -> int:
    note("try")
    if broken():
        raise ValueError
    return 1
"""
    )
    run = flyte.run(cells["main"])
    run.wait()
    assert calls == ["try", "try"]
    broken.clear()
    assert run.resume().outputs() == 1


def test_a_root_whose_end_is_committed_is_not_run_again_by_a_process_that_finds_the_run_without_end(
    home: Path, tmp_path: Path
) -> None:
    rooted = define("@env.task\nasync def rooted(x: int) -> list[int]:\n    note('root')\n    return [x, x + 1]")[
        "rooted"
    ]
    assert flyte.with_runcontext(name="all but ended").run(rooted, 4).outputs()[0] == [4, 5]
    flyte.init(home=tmp_path / "elsewhere")
    with sqlite3.connect(home / "journal.sqlite") as connection:  # as if killed between two commits
        connection.execute("DELETE FROM events WHERE seq = (SELECT max(seq) FROM events)")
        connection.execute("UPDATE runs SET phase = 'running', ended_at = NULL")
        connection.execute("UPDATE owners SET pid = 0, process_started_at = 0")
    connection.close()
    flyte.init(home=home)

    resumed = Run.get("all but ended").resume()
    assert resumed.outputs()[0] == [4, 5]
    assert resumed.phase == "succeeded"
    assert calls == ["root"]
