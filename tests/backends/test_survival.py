"""Workers and kernels are killed at any moment: nothing is lost, nothing is left behind."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from flyte_nb._journal import JournalReader
from flyte_nb.models.events import ActionEnded, ActionQueued
from flyte_nb.models.phases import ActionPhase
from flyte_nb.types.untyped import untyped_values

PROGRAM = Path(__file__).with_name("survivor_program.py")
BRANCHES = 10
ACTIONS = 1 + BRANCHES * 50
EXPECTED = str(sum(x * x for x in range(BRANCHES * 49)))
PATIENCE_S = 120


def start(home: Path, marks: Path, *more: str) -> subprocess.Popen[str]:
    command = [sys.executable, str(PROGRAM), str(home), str(marks), str(BRANCHES), *more]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def workers(marks: Path) -> list[int]:
    return [int(path.name.removeprefix("worker-")) for path in marks.glob("worker-*")]


def leaves_begun(marks: Path) -> int:
    return len(list(marks.glob("leaf-*")))


def wait_until_begun(process: subprocess.Popen[str], marks: Path, number: int) -> None:
    while leaves_begun(marks) < number and process.poll() is None:
        time.sleep(0.002)


def completed(home: Path) -> set[int]:
    """The leaves whose end is committed."""
    found, queued = set(), {}
    for _, event in JournalReader(home / "journal.sqlite").events("survivor"):
        if isinstance(event, ActionQueued):
            queued[event.action] = event
        elif isinstance(event, ActionEnded) and event.phase is ActionPhase.SUCCEEDED:
            action = queued[event.action]
            if action.task == "survivor.leaf":
                assert action.inputs.inline is not None
                found.add(untyped_values(action.inputs.inline)["x"])
    return found


def assert_gone(pids: list[int]) -> None:
    deadline = time.monotonic() + 20
    while any(is_running(pid) for pid in pids):
        assert time.monotonic() < deadline, f"still there: {[pid for pid in pids if is_running(pid)]}"
        time.sleep(0.01)


def is_running(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@pytest.mark.parametrize("seed", [1, 2])
def test_a_run_whose_workers_are_killed_at_random_gives_the_right_result(tmp_path: Path, seed: int) -> None:
    marks = tmp_path / "marks"
    marks.mkdir()
    dice = random.Random(seed)
    process = start(tmp_path / "home", marks)

    killed = 0
    for number in sorted(dice.sample(range(5, 450), 12)):
        wait_until_begun(process, marks, number)
        alive = [pid for pid in workers(marks) if is_running(pid)]
        if alive and process.poll() is None:
            with contextlib.suppress(ProcessLookupError):  # it may have ended just now
                os.kill(dice.choice(alive), signal.SIGKILL)
                killed += 1
    out, err = process.communicate(timeout=PATIENCE_S)

    assert killed >= 6
    assert process.returncode == 0, err
    assert out.splitlines()[-1] == EXPECTED
    assert_gone(workers(marks))


@pytest.mark.parametrize("seed", [3, 4])
def test_a_run_whose_kernel_is_killed_resumes_and_repeats_nothing_that_was_completed(tmp_path: Path, seed: int) -> None:
    home, marks = tmp_path / "home", tmp_path / "marks"
    marks.mkdir()
    process = start(home, marks)
    wait_until_begun(process, marks, random.Random(seed).randrange(20, 400))
    process.kill()
    process.communicate()

    assert_gone(workers(marks))
    before = {leaf: (marks / f"leaf-{leaf}").read_text() for leaf in completed(home)}
    resumed = start(home, marks, "resume")
    out, err = resumed.communicate(timeout=PATIENCE_S)

    assert resumed.returncode == 0, err
    assert out.splitlines()[-1] == EXPECTED
    assert before, "nothing was completed before the kill, so that nothing is shown"
    assert {leaf: (marks / f"leaf-{leaf}").read_text() for leaf in before} == before


KERNEL = """
import os, subprocess, sys, time
import flyte_nb as flyte

DAEMON = '''
import os, sys, time
if os.fork(): os._exit(0)
os.setsid()
if os.fork(): os._exit(0)
open(f"{sys.argv[1]}/worker-{os.getpid()}", "w").close()
time.sleep(600)
'''

@flyte.TaskEnvironment("daemons").task
def daemonises(marks: str) -> None:
    subprocess.run([sys.executable, "-c", DAEMON, marks], check=True)
    if not os.fork():
        os.setsid()
    open(f"{marks}/worker-{os.getpid()}", "w").close()
    time.sleep(600)

flyte.init(home=sys.argv[1])
flyte.with_runcontext(mode="process").run(daemonises, sys.argv[2]).wait()
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells whose orphans they are")
def test_nothing_that_a_task_has_started_outlives_a_kernel_that_is_killed(tmp_path: Path) -> None:
    kernel = subprocess.Popen([sys.executable, "-c", KERNEL, str(tmp_path / "home"), str(tmp_path)])
    while len(workers(tmp_path)) < 3 and kernel.poll() is None:
        time.sleep(0.01)

    kernel.kill()
    kernel.wait()

    assert len(workers(tmp_path)) == 3
    assert_gone(workers(tmp_path))
