"""However a container task ends, its container ends with it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

import flyte_nb as flyte
from flyte_nb.backends.containers.engine import Engine
from flyte_nb.backends.containers.leftovers import PREFIX, owner_text, sweep
from flyte_nb.errors import ActionAbortedError, TaskTimeoutError
from flyte_nb.extras import ContainerTask
from flyte_nb.io import File
from flyte_nb.models import ActionPhase
from tests.containers.engine import IMAGE, containers_of
from tests.containers.waiting import wait_for

pytestmark = pytest.mark.usefixtures("engine")

env = flyte.TaskEnvironment("of_stopping")

STUBBORN = "trap '' TERM INT; echo started; while :; do sleep 0.1; done"


def lasting(script: str = STUBBORN, **options: Any) -> ContainerTask:
    return ContainerTask("lasting", IMAGE, ["/bin/sh", "-c", script], network="none", **options)


def logs_of(run: Any, task_name: str) -> list[str]:
    for action in flyte.remote.Action.listall(for_run_name=run.name):
        if action.task_name == task_name:
            return list(action.get_logs())
    return []


def test_a_timeout_kills_a_container_that_ignores_the_request_to_end(engine: Engine) -> None:
    run = flyte.run(lasting(timeout=1))
    with pytest.raises(TaskTimeoutError, match="'lasting' exceeded its max_runtime of 1 s"):
        run.outputs()
    assert run.phase is ActionPhase.TIMED_OUT
    assert containers_of(owner_text(), engine) == []


def test_an_abort_lets_a_container_end_in_peace(engine: Engine, tmp_path: Path) -> None:
    run = flyte.run(lasting("trap 'echo tidied up; exit 0' TERM; echo started; while :; do sleep 0.1; done"))
    wait_for(lambda: "started" in logs_of(run, "lasting"))
    run.abort("enough")
    run.wait()
    assert run.phase is ActionPhase.ABORTED
    assert containers_of(owner_text(), engine) == []
    assert "tidied up" in logs_of(run, "lasting")


def test_an_aborted_container_is_an_error_in_its_parent_and_its_siblings_go_on(engine: Engine) -> None:
    @env.task
    async def main() -> str:
        stubborn = asyncio.create_task(lasting()())
        other = await ContainerTask(
            "other", IMAGE, ["/bin/sh", "-c", "echo 1 > /var/outputs/x"], outputs={"x": int}, network="none"
        )()
        try:
            await stubborn
        except ActionAbortedError as error:
            return f"{other} {error}"
        return "not aborted"

    run = flyte.run(main)
    wait_for(lambda: "started" in logs_of(run, "lasting"))
    for action in flyte.remote.Action.listall(for_run_name=run.name):
        if action.task_name == "lasting":
            action.abort(reason="not this one")
    assert str(run.outputs()[0]).startswith("1 not this one")
    assert containers_of(owner_text(), engine) == []


def test_when_a_parent_ends_its_containers_end_too(engine: Engine) -> None:
    begun = lasting()

    @env.task
    async def main() -> int:
        child = asyncio.create_task(begun())
        await asyncio.to_thread(wait_for, lambda: containers_of(owner_text(), engine))
        del child
        return 1

    run = flyte.run(main)
    assert run.outputs() == 1
    assert containers_of(owner_text(), engine) == []


def test_a_call_outside_a_run_that_is_cancelled_stops_its_container(engine: Engine) -> None:
    async def cell() -> None:
        call = asyncio.create_task(lasting()())
        await asyncio.to_thread(wait_for, lambda: containers_of(owner_text(), engine))
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        assert containers_of(owner_text(), engine) == []

    asyncio.run(cell())


def test_a_task_that_blocks_the_loop_does_not_hold_up_a_container() -> None:
    quick = ContainerTask("quick", IMAGE, ["/bin/sh", "-c", "date +%s > /var/outputs/at"], outputs={"at": int},
                          network="none")  # fmt: skip

    @env.task
    async def main() -> tuple[int, int]:
        call = asyncio.create_task(quick())
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        time.sleep(4.0)  # badly behaved on purpose
        return int(time.time()), await call

    blocked_until, ended_at = flyte.run(main).outputs()
    assert ended_at < blocked_until


def test_an_input_that_takes_for_ever_to_fetch_does_not_hold_up_an_abort(monkeypatch: pytest.MonkeyPatch) -> None:
    fetching, may_end = threading.Event(), threading.Event()

    def fetch(self: File, target: Any) -> str:
        fetching.set()
        may_end.wait(60)
        Path(target).touch()
        return str(target)

    monkeypatch.setattr(File, "download_sync", fetch)
    copy = ContainerTask("copy", IMAGE, ["true"], inputs={"far": File}, network="none")
    run = flyte.run(copy, far=File.from_existing_remote("memory://far/away"))
    assert fetching.wait(20)
    run.abort("too far")
    run.wait()
    assert run.phase is ActionPhase.ABORTED
    assert not may_end.is_set()

    may_end.set()
    wait_for(lambda: not folders_of(owner_text()))


def test_more_containers_than_places_wait_for_their_turn(engine: Engine) -> None:
    from flyte_nb.backends.containers.backend import ContainerBackend

    flyte.init(home=flyte._runtime.runtime.current_runtime().home.path, queues={"two": ContainerBackend(2)})
    most = 0
    step = ContainerTask("step", IMAGE, ["/bin/sh", "-c", "sleep 0.2"], network="none", queue="two")

    @env.task
    async def main() -> None:
        nonlocal most
        calls = asyncio.gather(*(step() for _ in range(5)))
        while not calls.done():
            most = max(most, len(await asyncio.to_thread(containers_of, owner_text(), engine)))
        await calls

    flyte.run(main).outputs()
    assert 1 <= most <= 2


OWNER_PROGRAM = """
import asyncio, sys, threading
import flyte_nb as flyte
from flyte_nb.backends.containers.leftovers import owner_text
from flyte_nb.extras import ContainerTask

flyte.init(home=sys.argv[1])
print(owner_text(), flush=True)
lasting = ContainerTask("lasting", sys.argv[2], ["/bin/sh", "-c", sys.argv[3]], network="none")
if sys.argv[4] == "wait":
    flyte.run(lasting).wait()
else:
    threading.Thread(target=lambda: asyncio.run(lasting()), daemon=True).start()
    sys.stdin.readline()
"""


@contextlib.contextmanager
def owner_process(home: Path, what: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Another process with a container that lasts, and the name it marks it with."""
    process = subprocess.Popen(
        [sys.executable, "-c", OWNER_PROGRAM, str(home), IMAGE, STUBBORN, what],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
    )
    assert process.stdout is not None
    try:
        yield process, process.stdout.readline().strip()
    finally:
        process.kill()
        process.wait()


def folders_of(owner: str) -> list[Path]:
    return list(Path(tempfile.gettempdir()).glob(f"{PREFIX}{owner}*"))


def test_what_a_process_that_was_killed_with_its_guard_left_is_removed_by_the_next_one(
    engine: Engine, tmp_path: Path
) -> None:
    with owner_process(tmp_path / "other home", "wait") as (process, owner):
        wait_for(lambda: containers_of(owner, engine))
        sweep(engine)
        assert len(containers_of(owner, engine)) == len(folders_of(owner)) == 1, "the owner lives"
        for child in psutil.Process(process.pid).children():
            child.kill()  # also the process that guards the container
        process.kill()
        process.wait()
        assert len(containers_of(owner, engine)) == len(folders_of(owner)) == 1

        sweep(engine)

        assert containers_of(owner, engine) == []
        assert folders_of(owner) == []


@pytest.mark.parametrize("how", ["interrupted", "exits"])
def test_a_process_that_ends_takes_its_containers_with_it(how: str, engine: Engine, tmp_path: Path) -> None:
    with owner_process(tmp_path / "other home", "wait" if how == "interrupted" else "exit") as (process, owner):
        wait_for(lambda: containers_of(owner, engine))
        if how == "interrupted":
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=30)
        else:
            process.communicate("\n", timeout=30)
        assert containers_of(owner, engine) == []
        assert folders_of(owner) == []


@pytest.mark.skipif((3, 12) <= sys.version_info < (3, 12, 3), reason="no threads then, whatever one does")
def test_a_script_that_ends_waits_for_its_container(tmp_path: Path) -> None:
    program = (
        "import sys, flyte_nb as flyte\n"
        "flyte.init(home=sys.argv[1])\n"
        "from flyte_nb.extras import ContainerTask\n"
        "command = ['/bin/sh', '-c', 'sleep 1; echo 5 > /var/outputs/n']\n"
        "task = ContainerTask('late', sys.argv[2], command, outputs={'n': int}, network='none')\n"
        "flyte.with_runcontext(name='late').run(task)\n"
    )
    home = tmp_path / "other home"
    subprocess.run(
        [sys.executable, "-c", program, str(home), IMAGE],
        check=True,
        timeout=60,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
    )
    flyte.init(home=home)
    assert flyte.remote.Run.get("late").outputs() == 5
