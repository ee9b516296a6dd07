"""A disk that is really full: what was recorded is safe, the run says so, and goes on when there is space."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import flyte_nb as flyte
from flyte_nb import errors
from flyte_nb._journal.doctor import examine
from flyte_nb._runtime.runtime import current_runtime

env = flyte.TaskEnvironment("crowded")
done: list[int] = []
crowd = [True]


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of four mebibytes."""
    if sys.platform != "linux" or os.getuid() != 0:
        pytest.skip("a small file system can only be mounted by root on Linux")
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", folder], capture_output=True, text=True)
    if mounted.returncode:
        pytest.skip(f"a small file system cannot be mounted here: {mounted.stderr.strip()}")
    try:
        yield folder
    finally:
        flyte.init(home=tmp_path / "elsewhere")
        subprocess.run(["umount", "-l", folder], check=True)


def fill(folder: Path) -> Path:
    """Take all the space that is left."""
    ballast = folder / "ballast"
    with open(ballast, "wb", buffering=0) as file:
        for size in (2**16, 2**10, 1):
            try:
                while file.write(b"x" * size) == size:
                    pass
            except OSError:
                pass
    return ballast


@env.task
async def step(number: int, text: str) -> str:
    done.append(number)
    return text


@env.task
async def main(disk: str) -> int:
    first = await asyncio.gather(*(step(number, "x" * 1000) for number in range(20)))
    if crowd[0]:
        fill(Path(disk))
    later = [await step(number, "y" * 20_000) for number in range(20, 60)]
    return len(first) + len(later)


def test_a_run_on_a_full_disk_says_so_and_loses_nothing_that_was_recorded(disk: Path) -> None:
    flyte.init(home=disk / "home")
    done.clear()
    crowd[0] = True
    run = flyte.run(main, str(disk))
    run.wait()
    with pytest.raises(errors.RuntimeSystemError, match=r"full.*safe"):
        run.outputs()
    tried = set(done)

    crowd[0] = False
    (disk / "ballast").unlink()
    recorded = {
        action.inputs()["number"]
        for action in flyte.Run.get(run.name).details().actions
        if action.phase == "succeeded" and action.parent_name
    }
    assert set(range(20)) <= recorded <= tried
    done.clear()

    assert flyte.Run.get(run.name).resume().outputs() == 60
    assert set(done) == set(range(60)) - recorded and len(done) == 60 - len(recorded)
    assert examine(disk / "home" / "journal.sqlite").damage == []


def test_space_that_comes_back_in_time_saves_the_run(disk: Path) -> None:
    flyte.init(home=disk / "home")
    done.clear()

    @env.task
    async def patient() -> int:
        await step(1, "x")
        ballast = fill(disk)
        for _ in range(38):
            print("z" * 20_000)
        runtime = current_runtime()
        for live in runtime.controller.runs.values():
            live.flush_logs()
        with pytest.raises(errors.JournalWriteError, match="full"):
            runtime.writer.flush()
        ballast.unlink()
        return len(await step(2, "y" * 20_000))

    run = flyte.run(patient)

    assert run.outputs() == 20_000
    assert sum(len(line) for line in run.get_logs()) == 38 * 20_000
    assert done == [1, 2]


def test_what_cannot_be_recorded_is_not_tried_again(disk: Path) -> None:
    flyte.init(home=disk / "home")
    done.clear()
    attempts: list[int] = []

    @env.task(retries=5)
    async def persistent() -> str:
        attempts.append(1)
        fill(disk)
        return await step(7, "y" * 20_000)

    with pytest.raises(errors.JournalWriteError, match="full"):
        flyte.run(persistent).outputs()
    (disk / "ballast").unlink()
    assert attempts == [1] and done == [7]
