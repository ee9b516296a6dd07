"""Tasks in worker processes: limits that hold, deaths that are told, and nothing left behind."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
import threading
import time
import warnings
from pathlib import Path

import psutil
import pytest

import flyte_nb as flyte
from flyte_nb import errors
from flyte_nb._runtime.runtime import current_runtime
from flyte_nb.backends.processes import ProcessBackend
from flyte_nb.remote import Action, Run

env = flyte.TaskEnvironment("processes")
limited = flyte.TaskEnvironment("limited", resources=flyte.Resources(cpu=1, memory="250Mi"))
TOO_MUCH = 100_000_000


def in_process(task: object, *args: object, **options: object) -> flyte.Run:
    run = flyte.with_runcontext(mode="process", **options).run(task, *args)
    run.wait()
    return run


def logs(run: flyte.Run, name: str) -> str:
    [action] = [action for action in Action.listall(run.name) if action.task_name == name]
    lines = (line for _, line in current_runtime().reader.logs(run.name))
    return "".join(line.text for line in lines if line.action == action.name)


@env.task
def process_id() -> int:
    return os.getpid()


@env.task
async def process_ids(n: int) -> list[int]:
    return [os.getpid(), *await asyncio.gather(*(process_id.aio() for _ in range(n)))]


@limited.task
async def takes_much(x: int) -> int:
    return len([0] * TOO_MUCH)


@limited.task
async def takes_much_then_more_is_given(x: int) -> list[str]:
    seen = []
    try:
        await takes_much(x)
    except errors.OOMError as error:
        seen.append(error.code)
        seen.append(str(await takes_much.override(resources=flyte.Resources(cpu=1, memory="1Gi"))(x)))
    return seen


def test_a_task_over_its_memory_limit_is_an_oom_error_in_its_parent_and_may_be_given_more() -> None:
    run = flyte.run(takes_much_then_more_is_given, 2)

    assert run.outputs()[0] == ["OOMError", str(TOO_MUCH)]
    phases = [str(action.phase) for action in Action.listall(run.name)]
    assert phases == ["succeeded", "failed", "succeeded"]


def test_an_oom_error_says_what_was_used_and_what_was_allowed() -> None:
    run = flyte.run(takes_much, 2)
    run.wait()

    with pytest.raises(errors.OOMError, match=r"limited.takes_much' held \d+ MiB of memory and may hold 250Mi"):
        run.raise_for_status()


def test_a_limit_without_a_unit_is_told_in_bytes() -> None:
    with pytest.raises(errors.OOMError, match=r"and may hold 1000 bytes\."):
        flyte.run(takes_much.override(resources=flyte.Resources(memory="1000")), 2).outputs()


def test_in_mode_process_every_task_runs_elsewhere_the_root_too() -> None:
    found = in_process(process_ids, 2).outputs()[0]

    assert os.getpid() not in found
    assert len(found) == 3
    assert found[0] not in found[1:]


def test_what_needs_no_process_stays_where_it_was() -> None:
    assert flyte.run(process_ids, 1).outputs()[0] == [os.getpid()] * 2


@env.task(timeout=0.3)
def spins() -> None:
    while True:
        pass


def test_a_sync_task_with_a_timeout_is_killed_while_it_computes() -> None:
    run = flyte.run(spins)
    run.wait()

    assert str(run.phase) == "timed_out"


@env.task
def says(text: str) -> None:
    print(text)
    logging.getLogger("processes").warning("logged %s", text)
    warnings.warn(f"warned {text}", stacklevel=1)
    print("last", file=sys.stderr)


def test_prints_logging_and_warnings_of_a_worker_are_in_the_log_of_its_action_in_their_order() -> None:
    run = in_process(says, "hello")

    text = logs(run, "processes.says")
    places = [text.index(part) for part in ("hello\n", "logged hello", "warned hello", "last\n")]
    assert places == sorted(places)


class NeedsTwoError(Exception):
    def __init__(self, what: str, why: str) -> None:
        super().__init__(f"{what} because {why}")


@env.task
def raises_odd() -> None:
    raise NeedsTwoError("broke", "it did")


def test_an_exception_whose_constructor_needs_arguments_arrives_with_code_and_text() -> None:
    run = in_process(raises_odd)

    with pytest.raises(errors.RuntimeUserError, match="broke because it did") as caught:
        run.raise_for_status()
    assert caught.value.code == "NeedsTwoError"
    failure = run.first_failure()
    assert failure is not None and failure.error_info is not None
    assert 'raise NeedsTwoError("broke", "it did")' in failure.error_info.traceback
    assert "flyte_nb/backends" not in failure.error_info.traceback


class HoldsALockError(Exception):
    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.lock = threading.Lock()


class RefusesCopiesError(Exception):
    def __reduce__(self) -> tuple[object, ...]:
        raise ValueError("no copies of me")


class RefusesLoadingError(Exception):
    def __reduce__(self) -> tuple[object, ...]:
        return (int, ("no number",))


class EndsProcessesError(Exception):
    def __reduce__(self) -> tuple[object, ...]:
        return (sys.exit, (3,))


UNPICKLABLE = (HoldsALockError, RefusesCopiesError, RefusesLoadingError, EndsProcessesError)


@env.task
def raises_unpicklable(number: int) -> None:
    raise UNPICKLABLE[number]("stays where it is")


@env.task
def catches_unpicklable(number: int) -> list[str]:
    try:
        raises_unpicklable(number)
    except errors.RuntimeUserError as error:
        return [error.code, str(error), *error.__notes__]
    return []


@pytest.mark.parametrize("kind", UNPICKLABLE)
def test_an_exception_that_cannot_leave_its_process_arrives_with_code_text_and_traceback(kind: type) -> None:
    run = in_process(catches_unpicklable, UNPICKLABLE.index(kind))

    code, text, note = run.outputs()[0]
    assert (code, text) == (kind.__name__, "stays where it is")
    assert 'raise UNPICKLABLE[number]("stays where it is")' in note
    assert f"{kind.__name__}: stays where it is" in note


@env.task
def dies(how: str) -> None:
    print("about to", how)
    if how == "exit":
        os._exit(7)
    if how == "input error":
        os._exit(os.EX_IOERR)
    if how == "segfault":
        os.kill(os.getpid(), signal.SIGSEGV)
    if how == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    sys.exit(3)


@pytest.mark.parametrize(
    ("how", "text"),
    [
        ("exit", "exit code 7"),
        ("input error", r"ended with exit code 74\. Its last lines:\nabout to input error$"),
        ("segfault", r"signal 11 \(SIGSEGV\)"),
        ("kill", r"signal 9 \(SIGKILL\)"),
    ],
)
def test_a_worker_that_dies_is_an_error_that_says_how_with_its_last_lines(how: str, text: str) -> None:
    run = in_process(dies, how)

    with pytest.raises(errors.TaskInterruptedError, match=text) as caught:
        run.raise_for_status()
    assert f"about to {how}" in str(caught.value)
    if how == "segfault":
        assert "test_processes.py" in str(caught.value), "where it happened is not said"
    assert in_process(process_id).outputs()[0] != os.getpid()


def test_sys_exit_is_an_error_and_kills_nothing() -> None:
    run = in_process(dies, "leave")

    with pytest.raises(errors.RuntimeUserError) as caught:
        run.raise_for_status()
    assert caught.value.code == "SystemExit"


@env.task(retries=1)
def dies_once(mark: str) -> str:
    if not Path(mark).exists():
        Path(mark).write_text("x")
        os._exit(1)
    return "second"


def test_a_worker_that_died_is_tried_again_when_there_are_retries(tmp_path: Path) -> None:
    assert in_process(dies_once, str(tmp_path / "mark")).outputs()[0] == "second"


@env.task
def stays_busy(mark: str) -> None:
    Path(mark).write_text(str(os.getpid()))
    while True:
        time.sleep(0.01)


def wait_for(path: Path) -> str:
    while not path.exists() or not path.read_text():
        time.sleep(0.01)
    return path.read_text()


def test_an_abort_ends_a_busy_sync_task(tmp_path: Path) -> None:
    run = flyte.with_runcontext(mode="process").run(stays_busy, str(tmp_path / "pid"))
    wait_for(tmp_path / "pid")

    Run.get(run.name).abort("enough")
    run.wait()

    assert str(run.phase) == "aborted"


@env.task
def ignores_being_stopped(mark: str) -> None:
    signal.pthread_sigmask(signal.SIG_BLOCK, set(signal.Signals) - {signal.SIGKILL, signal.SIGSTOP})
    Path(mark).write_text(str(os.getpid()))
    while True:
        pass


def test_a_task_that_blocks_signals_is_killed_when_the_grace_is_over(tmp_path: Path) -> None:
    run = flyte.with_runcontext(mode="process").run(ignores_being_stopped, str(tmp_path / "pid"))
    pid = int(wait_for(tmp_path / "pid"))

    Run.get(run.name).abort("enough")
    run.wait()

    assert str(run.phase) == "aborted"
    psutil.wait_procs([psutil.Process(pid)] if psutil.pid_exists(pid) else [], timeout=20)
    assert not psutil.pid_exists(pid)


def test_code_that_cannot_be_pickled_is_refused_by_the_name_of_the_variable() -> None:
    generator = (x for x in range(3))

    @env.task
    def uses_it() -> int:
        return sum(generator)

    with pytest.raises(errors.CodeBundleError, match="closure variable 'generator'.*used by 'uses_it'"):
        flyte.with_runcontext(mode="process").run(uses_it)

    flyte.init(home=current_runtime().home.path, queues={"elsewhere": ProcessBackend(cpus=1)})
    with pytest.raises(errors.CodeBundleError, match="runs in a worker process: so says its queue, 'elsewhere'"):
        flyte.run(uses_it.override(queue="elsewhere"))


def test_a_gpu_where_there_is_none_is_an_error_at_submit() -> None:
    flyte.init(home=current_runtime().home.path, queues={})
    task = process_id.override(resources=flyte.Resources(gpu=1))

    with pytest.raises(errors.RuntimeUserError, match="asks for 1 GPU .* there is none here"):
        flyte.run(task)


@env.task
async def declares_a_task() -> int:
    inner = flyte.TaskEnvironment("declared-in-a-worker")

    @inner.task
    async def doubled(x: int) -> int:
        return 2 * x

    return await doubled(20) + await doubled.override(short_name="twice")(1)


def test_a_task_that_a_worker_declares_can_be_called_though_the_kernel_never_saw_it() -> None:
    run = in_process(declares_a_task)

    assert run.outputs()[0] == 42
    assert {action.task_name for action in Action.listall(run.name)} == {
        "processes.declares_a_task",
        "declared-in-a-worker.doubled",
    }


@env.task(cache="auto")
def cached(x: int) -> int:
    return x * x


def test_the_cache_is_the_same_wherever_a_task_runs() -> None:
    assert in_process(cached, 7).outputs()[0] == 49

    again = flyte.run(cached, 7)

    assert again.outputs()[0] == 49
    [action] = Action.listall(again.name)
    outcome = action.details().cache
    assert outcome is not None and outcome.status == "hit"
