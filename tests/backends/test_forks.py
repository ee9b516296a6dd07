"""A task that calls `os.fork`: the copy of its worker has no part in what the kernel is told."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path
from typing import Any

import pytest

import flyte_nb as flyte
from flyte_nb._runtime.runtime import current_runtime
from flyte_nb.backends.processes import ProcessBackend

env = flyte.TaskEnvironment("forks", queue="one")


@pytest.fixture(autouse=True)
def one_worker(home: Path) -> None:
    flyte.init(home=home, queues={"one": ProcessBackend(cpus=1)})


def result(task: Any, *args: Any) -> Any:
    return flyte.run(task, *args).outputs()[0]


def printed(run: flyte.Run) -> str:
    return "".join(line.text for _, line in current_runtime().reader.logs(run.name))


@env.task
def next_one() -> int:
    return 42


@env.task
def comes_back_twice() -> str:
    copy = os.fork()
    if copy:
        os.waitpid(copy, 0)
    return "the task's" if copy else "the copy's"


@env.task
async def comes_back_twice_async() -> str:
    copy = os.fork()
    if copy:
        os.waitpid(copy, 0)
        await asyncio.sleep(0)
    return "the task's" if copy else "the copy's"


@pytest.mark.parametrize("task", [comes_back_twice, comes_back_twice_async])
def test_what_a_copy_returns_is_nobodys_result(task: Any) -> None:
    assert result(task) == "the task's"
    assert [result(next_one) for _ in range(3)] == [42, 42, 42]


def in_a_copy(ends_by: str) -> None:
    print("printed by the copy")
    if ends_by == "an error":
        raise ValueError("of the copy")
    if ends_by == "a call":
        next_one()
    sys.exit(int(ends_by))


@env.task
def status_of_a_copy(ends_by: str) -> int:
    print("printed before")
    copy = os.fork()
    if not copy:
        in_a_copy(ends_by)
    return os.waitstatus_to_exitcode(os.waitpid(copy, 0)[1])


@pytest.mark.parametrize(
    ("ends_by", "status", "said"),
    [
        ("7", 7, "printed by the copy"),
        ("an error", 1, "ValueError: of the copy"),
        ("a call", 1, "has no way to the notebook"),
    ],
)
def test_a_copy_ends_as_a_script_does_and_its_output_is_in_the_log(ends_by: str, status: int, said: str) -> None:
    run = flyte.run(status_of_a_copy, ends_by)

    assert run.outputs()[0] == status
    text = printed(run)
    assert said in text
    assert text.count("printed before") == 1
    assert "flyte_nb/backends" not in text
