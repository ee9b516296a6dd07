"""What a task has changed of its worker process, the next task there does not meet."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import io
import logging
import os
import resource
import signal
import socket
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import flyte_nb as flyte
from flyte_nb._runtime.runtime import current_runtime
from flyte_nb.backends.processes import ProcessBackend

env = flyte.TaskEnvironment("leaving", queue="one")


@pytest.fixture(autouse=True)
def one_worker(home: Path) -> None:
    flyte.init(home=home, queues={"one": ProcessBackend(cpus=1)})


def replaces_its_output() -> None:
    sys.stdout = io.StringIO()


def silences_logging() -> None:
    logging.disable(logging.CRITICAL)
    logging.basicConfig(force=True, level=logging.CRITICAL)


def ignores_signals() -> None:
    signal.signal(signal.SIGUSR2, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR2, signal.SIGINT])


def sets_an_alarm() -> None:
    signal.setitimer(signal.ITIMER_REAL, 3600)


def narrows_limits() -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (1, 1))


def lowers_a_limit_that_may_be_raised_again() -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (1, resource.RLIM_INFINITY))


def may_open_few_files() -> None:
    resource.setrlimit(resource.RLIMIT_NOFILE, (8, 8))


def is_nice() -> None:
    os.nice(5)


def hides_its_files() -> None:
    os.umask(0o777)


def runs_a_loop_of_its_own() -> None:
    asyncio.run(asyncio.sleep(0))


def changes_arguments_and_depth() -> None:
    sys.argv.append("--more")
    sys.setrecursionlimit(400)


def hurries() -> None:
    gc.disable()
    sys.setswitchinterval(10)


def watches_its_calls() -> None:
    sys.setprofile(lambda *_: None)


def gives_up_on_silent_hosts() -> None:
    socket.setdefaulttimeout(3)


LEAVERS: list[Callable[[], None]] = [
    replaces_its_output,
    silences_logging,
    ignores_signals,
    sets_an_alarm,
    narrows_limits,
    lowers_a_limit_that_may_be_raised_again,
    may_open_few_files,
    is_nice,
    hides_its_files,
    runs_a_loop_of_its_own,
    changes_arguments_and_depth,
    hurries,
    watches_its_calls,
    gives_up_on_silent_hosts,
]


@env.task
def leaves(number: int) -> int:
    LEAVERS[number]()
    return os.getpid()


@env.task
def meets() -> list[str]:
    print("printed")
    logging.getLogger("leaving").warning("logged")
    umask = os.umask(0o022)
    os.umask(umask)
    loop = "none"
    with contextlib.suppress(RuntimeError):
        loop = str(asyncio.get_event_loop_policy().get_event_loop().is_closed())
    return [
        loop,
        str(signal.getsignal(signal.SIGUSR2)).partition(" at ")[0],
        str(signal.pthread_sigmask(signal.SIG_BLOCK, ())),
        str(signal.getitimer(signal.ITIMER_REAL)),
        str(resource.getrlimit(resource.RLIMIT_FSIZE)),
        str(resource.getrlimit(resource.RLIMIT_NOFILE)),
        str(os.getpriority(os.PRIO_PROCESS, 0)),
        str(umask),
        str(sys.argv),
        str(sys.getrecursionlimit()),
        str(sys.getswitchinterval()),
        str(gc.isenabled()),
        str(sys.getprofile()),
        str(socket.getdefaulttimeout()),
    ]


def met() -> tuple[list[str], str]:
    run = flyte.run(meets)
    found = run.outputs()[0]
    return found, "".join(line.text for _, line in current_runtime().reader.logs(run.name))


@pytest.mark.parametrize("leaver", LEAVERS)
def test_the_next_task_meets_its_process_as_the_first_one_did(leaver: Callable[[], None]) -> None:
    before = met()

    flyte.run(leaves, LEAVERS.index(leaver)).outputs()

    assert met() == before
    assert "printed" in before[1] and "logged" in before[1]


def test_a_task_after_one_that_ignored_signals_is_still_stopped_in_time(tmp_path: Path) -> None:
    first = flyte.run(leaves, LEAVERS.index(ignores_signals)).outputs()[0]

    @env.task(timeout=0.2)
    def spins(mark: str) -> None:
        try:
            while True:
                pass
        except asyncio.CancelledError:
            Path(mark).write_text(str(os.getpid()))
            raise

    run = flyte.run(spins, str(tmp_path / "mark"))
    run.wait()

    assert (tmp_path / "mark").read_text() == str(first), "it was killed, and not asked to stop"
