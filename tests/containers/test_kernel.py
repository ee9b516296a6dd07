"""The kernel's interrupt and restart buttons, and its sudden death, while a container runs: nothing of it is left."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from flyte_nb.backends.containers.engine import Engine
from flyte_nb.backends.containers.leftovers import PREFIX
from tests.containers.engine import IMAGE, containers_of
from tests.notebook.conftest import Notebook, opened_notebook

GONE_WITHIN_S = 30
SETUP = f"""
import asyncio, os
import flyte_nb as flyte
from flyte_nb.backends.containers.leftovers import owner_text
from flyte_nb.extras import ContainerTask

stubborn = ContainerTask(
    "stubborn",
    {IMAGE!r},
    ["/bin/sh", "-c", "trap '' TERM INT; echo started; while :; do sleep 0.1; done"],
    network="none",
)
env = flyte.TaskEnvironment("struck")

@env.task
async def main() -> None:
    await asyncio.gather(stubborn(), asyncio.sleep(600))

print(owner_text(), os.getpid())
"""


@pytest.fixture
def notebook(engine: Engine, tmp_path: Path) -> Iterator[Notebook]:
    with opened_notebook(tmp_path / "kernel_home") as opened:
        yield opened


def begun(notebook: Notebook, wait: str) -> tuple[str, str, int]:
    """A cell that waits for a container, the name by which its kernel marks containers, and the kernel's number."""
    owner, pid = notebook.run(SETUP).text.split()
    cell = notebook.start(f"run = flyte.with_runcontext(name='struck').run(main)\n{wait}")
    notebook.until(cell, "started")
    return cell, owner, int(pid)


def assert_gone(owner: str, engine: Engine) -> None:
    deadline = time.monotonic() + GONE_WITHIN_S
    while containers_of(owner, engine) or list(Path(tempfile.gettempdir()).glob(f"{PREFIX}{owner}*")):
        assert time.monotonic() < deadline, "the container or its folder was left behind"
        time.sleep(0.05)


@pytest.mark.parametrize("wait", ["run.wait()", "await run.wait.aio()"])
def test_interrupting_a_cell_that_waits_for_a_container_ends_the_container(
    notebook: Notebook, engine: Engine, wait: str
) -> None:
    cell, owner, _ = begun(notebook, wait)
    notebook.interrupt()

    assert notebook.finish(cell).status == "error"
    assert notebook.run("run.wait(); print(run.phase)").text == "aborted\n"
    assert containers_of(owner, engine) == [], "the run was over before its container"
    assert_gone(owner, engine)


def test_restarting_the_kernel_ends_its_container(notebook: Notebook, engine: Engine) -> None:
    _, owner, _ = begun(notebook, "await run.wait.aio()")
    notebook.restart()

    assert_gone(owner, engine)


def test_killing_the_kernel_ends_its_container_though_nobody_uses_containers_afterwards(
    notebook: Notebook, engine: Engine
) -> None:
    _, owner, pid = begun(notebook, "run.wait()")
    psutil.Process(pid).kill()

    assert_gone(owner, engine)
