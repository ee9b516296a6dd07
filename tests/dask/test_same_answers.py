"""One program gives the same outputs, phases and error codes wherever it runs."""

from __future__ import annotations

import asyncio
import functools
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest

import flyte_nb as flyte
from flyte_nb import errors, hitl
from flyte_nb.backends.dask import DaskBackend
from flyte_nb.backends.loop import LoopBackend
from flyte_nb.backends.processes import ProcessBackend
from flyte_nb.backends.threads import ThreadBackend
from flyte_nb.io import File
from flyte_nb.models.phases import ActionPhase
from flyte_nb.remote import Action, Run
from flyte_nb.remote.requests import answer_prompt
from flyte_nb.testing.program import OddError, attempt, mark

OUTPUTS = {
    "lines": 4,
    "total": 6.0,
    "code": "OddError",
    "flaky": 2,
    "traced": 11,
    "group": [0, 1, 4],
    "map": [1, 4, 9],
    "too long": "TaskTimeoutError",
    "aborted": "ActionAbortedError",
    "answer": 42,
}
PHASES = Counter(
    {
        ("same.main", "succeeded"): 1,
        ("same.lines", "succeeded"): 1,
        ("same.count", "succeeded"): 1,
        ("same.table", "succeeded"): 1,
        ("same.total", "succeeded"): 1,
        ("same.fail", "failed"): 1,
        ("same.flaky", "succeeded"): 1,
        ("same.square", "succeeded"): 6,
        ("same.waits", "timed_out"): 1,
        ("same.waits", "aborted"): 1,
    }
)
CODES = {"same.fail": {"OddError"}, "same.waits": {"TaskTimeoutError", "ActionAbortedError"}}


def program(kind: str) -> SimpleNamespace:
    """The tasks, as coroutine functions or as plain ones."""
    env = flyte.TaskEnvironment("same")

    def task(function: Callable[..., Any], **options: Any) -> Any:
        if kind == "sync":
            return env.task(function, **options)

        @functools.wraps(function)
        async def coroutine(*args: Any, **kwargs: Any) -> Any:
            return function(*args, **kwargs)

        return env.task(coroutine, **options)

    def lines(n: int) -> File:
        path = Path(f"lines-{n}.txt")
        path.write_text("line\n" * n)
        try:
            return File.from_local_sync(str(path))
        finally:
            path.unlink(missing_ok=True)

    def count(file: File) -> int:
        with file.open_sync("rb") as stream:
            return len(stream.read().splitlines())

    def table(n: int) -> pd.DataFrame:
        return pd.DataFrame({"x": [float(x) for x in range(n)]})

    def total(frame: pd.DataFrame) -> float:
        return float(frame["x"].sum())

    def fail(what: str) -> int:
        raise OddError(what, "on purpose")

    def flaky() -> int:
        if attempt() < 2:
            raise ValueError("not yet")
        return attempt()

    def square(x: int) -> int:
        return x * x

    lines, count, table, total = task(lines), task(count), task(table), task(total)
    fail, flaky, square = task(fail), task(flaky, retries=1), task(square)

    if kind == "sync":

        @env.task
        def waits(marks: str, name: str) -> None:
            mark(marks, name)
            for _ in range(6000):
                time.sleep(0.01)

        @flyte.trace
        def traced(x: int) -> int:
            return x + 1

        @env.task
        def main(marks: str) -> dict[str, Any]:
            found: dict[str, Any] = {"lines": count(lines(4)), "total": total(table(4))}
            found["code"] = code_of(lambda: fail("caught"))
            found["flaky"] = flaky()
            found["traced"] = traced(10)
            with flyte.group("squares"):
                found["group"] = [square(x) for x in range(3)]
            found["map"] = list(flyte.map(square, [1, 2, 3]))
            found["too long"] = code_of(lambda: waits.override(timeout=0.3)(marks, "too long"))
            found["aborted"] = code_of(lambda: waits(marks, "waits"))
            found["answer"] = int(hitl.new_event("how many", data_type=int).wait()) + 1
            return found

        return SimpleNamespace(main=main)

    @env.task(short_name="waits")
    async def waits(marks: str, name: str) -> None:
        mark(marks, name)
        await asyncio.sleep(60)

    @flyte.trace
    async def traced(x: int) -> int:
        return x + 1

    @env.task
    async def main(marks: str) -> dict[str, Any]:
        found: dict[str, Any] = {"lines": await count(await lines(4)), "total": await total(await table(4))}
        found["code"] = await awaited_code_of(fail("caught"))
        found["flaky"] = await flaky()
        found["traced"] = await traced(10)
        with flyte.group("squares"):
            found["group"] = list(await asyncio.gather(*(square(x) for x in range(3))))
        found["map"] = [x async for x in flyte.map.aio(square, [1, 2, 3])]
        found["too long"] = await awaited_code_of(waits.override(timeout=0.3)(marks, "too long"))
        found["aborted"] = await awaited_code_of(waits(marks, "waits"))
        event = await hitl.new_event.aio("how many", data_type=int)
        found["answer"] = int(await event.wait.aio()) + 1
        return found

    return SimpleNamespace(main=main)


def code_of(call: Callable[[], Any]) -> str:
    try:
        call()
    except errors.RuntimeUserError as error:
        return error.code
    return ""


async def awaited_code_of(call: Any) -> str:
    try:
        await call
    except errors.RuntimeUserError as error:
        return error.code
    return ""


@pytest.mark.parametrize(
    ("kind", "place"),
    [
        ("async", "loop"),
        ("sync", "thread"),
        ("async", "process"),
        ("sync", "process"),
        ("async", "dask"),
        ("sync", "dask"),
    ],
)
def test_a_program_gives_the_same_everywhere(
    kind: str, place: str, cluster: Any, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    places: dict[str, Callable[[], Any]] = {
        "loop": LoopBackend,
        "thread": ThreadBackend,
        "process": ProcessBackend,
        "dask": lambda: DaskBackend(cluster),
    }
    flyte.init(home=home, queues={"here": places[place]()})

    run = flyte.with_runcontext(queue="here").run(program(kind).main, str(tmp_path))
    until((tmp_path / "waits").exists)
    [waiting] = [a for a in Action.listall(run.name) if a.task_name == "same.waits" and a.phase == ActionPhase.RUNNING]
    waiting.abort(reason="enough")
    until(lambda: Run.get(run.name).phase == ActionPhase.PAUSED or paused(run.name))
    answer_prompt(run.name, prompt_of(run.name), "41")

    assert run.outputs()[0] == OUTPUTS
    actions = list(Action.listall(run.name))
    assert Counter((action.task_name, str(action.phase)) for action in actions) == PHASES
    codes: dict[str, set[str]] = {}
    for action in actions:
        failure = action.details().error_info
        if failure is not None:
            codes.setdefault(action.task_name, set()).add(failure.code)
    assert codes == CODES


def paused(run: str) -> bool:
    return any(action.phase == ActionPhase.PAUSED for action in Action.listall(run))


def prompt_of(run: str) -> str:
    from flyte_nb._view.prompts import prompts_of
    from flyte_nb.remote.history import RunHistory

    [prompt] = prompts_of(RunHistory(run).action("a0"))
    return prompt.prompt


def until(holds: Callable[[], Any]) -> None:
    deadline = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.01)
