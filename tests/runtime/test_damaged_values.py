"""A stored value that is damaged or gone is computed anew, and the run says so."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import flyte_nb as flyte
from flyte_nb.io.frames.at_hand import frames_at_hand
from flyte_nb.remote import Action

env = flyte.TaskEnvironment("damaged")
calls: list[str] = []
broken = [True]


@pytest.fixture(autouse=True)
def fresh() -> None:
    calls.clear()
    broken[0] = True


def remove(path: Path) -> None:
    path.unlink()


def damage(path: Path) -> None:
    """Other bytes, as many as there were."""
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0xFF
    path.write_bytes(data)


HOW = pytest.mark.parametrize("how", [remove, damage])


def spoil(home: Path, how: Callable[[Path], None]) -> None:
    """Spoil all that is stored, as if it had been another process that stored it."""
    frames_at_hand.clear()
    found = [
        path
        for folder in ("blobs", "files", "dirs")
        for path in (home / "store" / folder).rglob("*")
        if path.is_file() and not path.name.endswith(".files.json")
    ]
    assert found
    for path in found:
        how(path)


@env.task(cache="auto")
async def text() -> str:
    calls.append("text")
    return "x" * 100_000


@env.task(cache="auto")
async def frame() -> pd.DataFrame:
    calls.append("frame")
    return pd.DataFrame({"x": range(1000)})


@env.task(cache="auto")
async def array() -> np.ndarray:
    calls.append("array")
    return np.arange(10_000)


@env.task(cache="auto")
async def pickled() -> Any:
    calls.append("pickled")
    return {1: {"odd", "y" * 100_000}, 2: object}


@env.task(cache="auto")
async def file() -> flyte.io.File:
    calls.append("file")
    Path("notes.txt").write_text("some notes")
    return await flyte.io.File.from_local("notes.txt")


@env.task(cache="auto")
async def folder() -> flyte.io.Dir:
    calls.append("folder")
    Path("papers").mkdir(exist_ok=True)
    for name in ("a", "b"):
        Path("papers", name).write_text(name * 100)
    return await flyte.io.Dir.from_local("papers")


TASKS = {task.short_name: task for task in (text, frame, array, pickled, file, folder)}
KINDS = pytest.mark.parametrize("kind", TASKS)


async def content(value: Any) -> str:
    """What can be compared."""
    if isinstance(value, flyte.io.File):
        return str(await value.download())
    if isinstance(value, flyte.io.Dir):
        return str(sorted(path.read_text() for path in Path(await value.download()).iterdir()))
    return str(value)


@env.task
async def main(kind: str) -> str:
    found = await content(await TASKS[kind]())
    if broken[0]:
        raise RuntimeError("on purpose")
    return found[:10]


@KINDS
@HOW
def test_a_kept_result_that_is_not_whole_is_a_miss_that_says_so_and_is_kept_anew(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, how: Callable[[Path], None]
) -> None:
    monkeypatch.chdir(tmp_path)
    broken[0] = False
    flyte.run(main, kind).outputs()
    spoil(home, how)

    run = flyte.run(main, kind)
    run.outputs()

    [action] = Action.listall(run.name, task_name=f"damaged.{kind}")
    outcome = action.details().cache
    assert outcome is not None
    assert outcome.status == "miss"
    assert "is not whole" in outcome.reason
    assert "is missing" in outcome.reason or "is damaged" in outcome.reason
    flyte.run(main, kind).outputs()
    assert calls == [kind] * 2


@KINDS
@HOW
def test_a_finished_action_whose_result_is_not_whole_runs_again_on_resume_and_the_run_says_why(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, how: Callable[[Path], None]
) -> None:
    monkeypatch.chdir(tmp_path)
    run = flyte.with_runcontext(disable_run_cache=True).run(main, kind)
    run.wait()
    assert run.phase == "failed"
    spoil(home, how)
    broken[0] = False

    run.resume()

    assert run.outputs()
    assert calls == [kind] * 2
    [(task, reason)] = run.details().reruns
    assert task == f"damaged.{kind}"
    assert reason.startswith("Its stored result is not whole: ")


@HOW
def test_rerun_with_recover_computes_anew_what_is_not_whole(home: Path, how: Callable[[Path], None]) -> None:
    earlier = flyte.with_runcontext(disable_run_cache=True).run(main, "text")
    earlier.wait()
    spoil(home, how)
    broken[0] = False

    assert flyte.rerun(earlier.name, recover=True).outputs() == "x" * 10
    assert calls == ["text"] * 2


@env.task
async def small(x: int) -> int:
    calls.append(f"small {x}")
    return x


@env.task
async def branch() -> str:
    calls.append("branch")
    total = sum([await small(1), await small(2)])
    return str(total) * 50_000


@env.task
async def trunk() -> int:
    size = len(await branch())
    if broken[0]:
        raise RuntimeError("on purpose")
    return size


@HOW
def test_a_branch_whose_result_is_not_whole_runs_again_and_what_is_whole_below_it_does_not(
    home: Path, how: Callable[[Path], None]
) -> None:
    run = flyte.run(trunk)
    run.wait()
    spoil(home, how)
    calls.clear()
    broken[0] = False

    assert run.resume().outputs() == 50_000
    assert calls == ["branch"]


@flyte.trace
async def fetch() -> str:
    calls.append("fetch")
    return "z" * 100_000


@flyte.trace
def compute() -> np.ndarray:
    calls.append("compute")
    return np.arange(10_000)


def traced_root(mode: str) -> Any:
    @env.task
    async def root(marks: str) -> int:
        size = len(await fetch()) + len(compute())
        if not Path(marks).exists():
            raise RuntimeError("on purpose")
        return size

    return root


@HOW
@pytest.mark.parametrize("mode", ["background", "process"])
def test_a_trace_whose_result_is_not_whole_is_called_again_and_the_run_says_why(
    home: Path, tmp_path: Path, mode: str, how: Callable[[Path], None]
) -> None:
    mark = tmp_path / "go on"
    run = flyte.with_runcontext(mode=mode).run(traced_root(mode), str(mark))
    run.wait()
    assert run.phase == "failed"
    spoil(home, how)
    mark.touch()

    assert run.resume().outputs() == 110_000
    reruns = dict(run.details().reruns)
    assert reruns.keys() == {"fetch", "compute"}
    assert all("is not whole" in reason for reason in reruns.values())


def test_what_is_outside_the_store_is_its_owners(tmp_path: Path) -> None:
    @env.task(cache="auto")
    async def refers(path: str) -> flyte.io.File:
        calls.append("refers")
        return flyte.io.File.from_existing_remote(path)

    path = tmp_path / "mine.txt"
    path.write_text("mine")
    flyte.run(refers, str(path)).wait()
    path.unlink()
    flyte.run(refers, str(path)).wait()
    assert calls == ["refers"]
