"""What tasks do to their worker processes, and what is left of it: nothing."""

from __future__ import annotations

import asyncio
import mmap
import os
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

import flyte_nb as flyte
from flyte_nb import errors
from flyte_nb._runtime.runtime import current_runtime
from flyte_nb.backends.processes import ProcessBackend

PATIENCE_S = 60

env = flyte.TaskEnvironment("leftovers", queue="workers")
limited = flyte.TaskEnvironment("small", queue="workers", resources=flyte.Resources(memory="200Mi"))
reused = flyte.TaskEnvironment(
    "reused", queue="workers", reusable=flyte.ReusePolicy(replicas=(0, 1), idle_ttl=1, scaledown_ttl=1)
)


@pytest.fixture(autouse=True)
def workers(home: Path) -> Iterator[None]:
    flyte.init(home=home, queues={"workers": ProcessBackend(cpus=2, gpus=["a", "b"])})
    yield


def result(task: Any, *args: Any) -> Any:
    return flyte.run(task, *args).outputs()[0]


def wait_until_gone(pid: int) -> None:
    deadline = time.monotonic() + 20
    while psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < deadline, f"{pid} is still there"
        time.sleep(0.01)


@env.task
def process_id() -> int:
    return os.getpid()


def test_a_worker_serves_again() -> None:
    assert result(process_id) == result(process_id)


@env.task
def daemonises() -> list[int]:
    script = (
        "import os, sys, time\nif os.fork(): os._exit(0)\nos.setsid()\nif os.fork(): os._exit(0)\n"
        "print(os.getpid(), flush=True)\nos.close(1)\ntime.sleep(600)"
    )
    said = subprocess.run([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True, check=True).stdout
    return [os.getpid(), int(said)]


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells whose orphans they are")
def test_a_process_that_a_task_has_daemonised_ends_with_its_worker_and_the_worker_serves_nobody_else() -> None:
    worker, daemon = result(daemonises)

    wait_until_gone(worker)
    wait_until_gone(daemon)
    assert result(process_id) != worker


@env.task
def closes_its_output() -> str:
    sys.stdout.close()
    os.close(1)
    os.close(2)
    print("printed all the same")
    return "done"


def test_a_task_that_closes_its_output_harms_nobody() -> None:
    run = flyte.run(closes_its_output)

    assert run.outputs()[0] == "done"
    assert "printed all the same" in "\n".join(str(line) for line in run.get_logs())
    assert result(process_id) > 0


@env.task
def closes_all_but_its_output(after_s: float) -> int:
    time.sleep(after_s)
    os.closerange(3, 4096)
    return 1


@pytest.mark.parametrize("after_s", [0.0, 0.1])  # nobody reads what the kernel says, somebody waits for it
def test_a_task_that_closes_the_way_to_the_kernel_ends_with_an_error_that_says_so(after_s: float) -> None:
    run = flyte.run(closes_all_but_its_output, after_s)

    with pytest.raises(errors.TaskInterruptedError, match="has closed the connection of its process to the kernel"):
        run.outputs(timeout=PATIENCE_S)
    assert result(process_id) > 0


@env.task
def writes_past_python(text: str) -> None:
    subprocess.run(["echo", text], check=True)
    os.write(2, f"{text} too\n".encode())


def test_what_is_written_past_python_is_in_the_log_too() -> None:
    run = flyte.run(writes_past_python, "from echo")
    run.wait()
    deadline = time.monotonic() + 20
    while "from echo too" not in (text := "\n".join(str(line) for line in run.get_logs())):
        assert time.monotonic() < deadline, text
        time.sleep(0.01)
    assert "from echo\n" in text


@env.task
def prints_much(megabytes: int, how: str) -> None:
    for _ in range(megabytes):
        if how == "past Python":
            os.write(1, b"x" * 2**20)
        else:
            print("x" * 2**20, end="" if how == "one line" else "\n")


@pytest.mark.parametrize(
    ("megabytes", "how"),
    [
        (80, "lines"),
        (80, "one line"),
        (80, "past Python"),
        pytest.param(1024, "lines", marks=pytest.mark.slow),
        pytest.param(1024, "past Python", marks=pytest.mark.slow),
    ],
)
def test_a_worker_that_prints_very_much_ends_and_the_log_says_what_was_left_out(megabytes: int, how: str) -> None:
    run = flyte.run(prints_much, megabytes, how)
    run.wait()

    assert run.phase == "succeeded"
    kept = [line for _, line in current_runtime().reader.logs(run.name)]
    assert sum(len(line.text) for line in kept) < 70 * 2**20
    assert max(len(line.text) for line in kept) < 4 * 2**20
    assert "characters more were printed" in kept[-1].text
    assert result(process_id) != os.getpid()


@env.task
def returns_what_cannot_be_pickled() -> object:
    return (x for x in range(3))


def test_a_result_that_cannot_be_pickled_is_a_clear_error() -> None:
    run = flyte.run(returns_what_cannot_be_pickled)
    run.wait()

    with pytest.raises(errors.RuntimeUserError, match=r"returns_what_cannot_be_pickled.*generator cannot be pickled"):
        run.raise_for_status()


@limited.task
def reads_a_mapped_file(path: str) -> int:
    with open(path, "r+b") as file, mmap.mmap(file.fileno(), 0) as mapped:
        read = sum(mapped[place] for place in range(0, len(mapped), mmap.PAGESIZE))
        time.sleep(0.3)  # so that it is looked at with all of it in memory
        return read


def test_pages_of_a_mapped_file_do_not_count_because_the_system_takes_them_back(tmp_path: Path) -> None:
    (tmp_path / "large").write_bytes(bytes(300 * 2**20))

    assert result(reads_a_mapped_file, str(tmp_path / "large")) == 0


@limited.task
def fills_shared_memory() -> None:
    from multiprocessing.shared_memory import SharedMemory

    shared = SharedMemory(create=True, size=300 * 2**20)
    shared.unlink()
    for start in range(0, shared.size, 2**20):
        shared.buf[start : start + 2**20] = b"x" * 2**20
    time.sleep(10)


def test_shared_memory_counts() -> None:
    run = flyte.run(fills_shared_memory)
    run.wait()

    with pytest.raises(errors.OOMError):
        run.raise_for_status()


@limited.task
def has_a_child_take_much() -> None:
    subprocess.run([sys.executable, "-c", "x = bytearray(400_000_000); import time; time.sleep(60)"], check=True)


def test_the_memory_of_processes_that_a_task_starts_counts() -> None:
    run = flyte.run(has_a_child_take_much)
    run.wait()

    with pytest.raises(errors.OOMError):
        run.raise_for_status()


@limited.task
def raises_memory_error() -> None:
    raise MemoryError("no room")


def test_a_memory_error_of_the_task_is_an_oom_error_too() -> None:
    run = flyte.run(raises_memory_error)
    run.wait()

    with pytest.raises(errors.OOMError, match="no room"):
        run.raise_for_status()


@env.task
def works(seconds: float) -> list[float]:
    begun = time.time()
    time.sleep(seconds)
    return [begun, time.time()]


@env.task
async def works_many_times(n: int, cpu: float) -> int:
    """How many of them ran at once."""
    task = works.override(resources=flyte.Resources(cpu=cpu))
    spans = [span async for span in flyte.map.aio(task, [0.05 + i / 1000 for i in range(n)])]
    moments = sorted([(begun, 1) for begun, _ in spans] + [(ended, -1) for _, ended in spans])
    most = now = 0
    for _, change in moments:
        now += change
        most = max(most, now)
    return most


@pytest.mark.parametrize(("cpu", "at_once"), [(1, 2), (2, 1), (16, 1), (0.5, 4)])
def test_cpu_bounds_how_many_run_at_once(cpu: float, at_once: int) -> None:
    assert 1 <= result(works_many_times, 8, cpu) <= at_once


@env.task
async def below(depth: int) -> int:
    return 1 + (await below(depth - 1) if depth else 0)


def test_parents_that_wait_give_their_place_to_their_children(home: Path) -> None:
    flyte.init(home=home, queues={"workers": ProcessBackend(cpus=1)})

    runs = [flyte.run(below, depth) for depth in (3, 4)]

    assert [run.outputs()[0] for run in runs] == [4, 5]


@env.task
def devices() -> str:
    time.sleep(0.05)
    return os.environ["CUDA_VISIBLE_DEVICES"]


@env.task
async def devices_of_many(n: int) -> list[str]:
    task = devices.override(resources=flyte.Resources(gpu=1, cpu=0.5))
    return list(await asyncio.gather(*(task.aio() for _ in range(n))))


def test_a_task_sees_the_devices_it_asked_for() -> None:
    assert set(result(devices_of_many, 2)) <= {"a", "b"}
    assert result(devices.override(resources=flyte.Resources(gpu=2))) in ("a,b", "b,a")


@reused.task
def reused_process_id() -> int:
    return os.getpid()


def test_a_reuse_policy_says_how_long_a_worker_stays() -> None:
    worker = result(reused_process_id)

    assert psutil.pid_exists(worker)
    wait_until_gone(worker)


crowded = flyte.TaskEnvironment(
    "crowded", queue="workers", reusable=flyte.ReusePolicy(replicas=1, concurrency=3), resources=flyte.Resources(cpu=2)
)


@crowded.task
async def meets(folder: str, name: int, expected: int) -> int:
    (Path(folder) / str(name)).touch()
    while len(list(Path(folder).iterdir())) < expected:
        await asyncio.sleep(0.01)
    return os.getpid()


@env.task
async def many_meet(folder: str, n: int) -> list[int]:
    return list(await asyncio.gather(*(meets(folder, name, n) for name in range(n))))


def test_concurrency_of_a_reuse_policy_is_how_many_async_calls_run_at_once_for_each_replica(tmp_path: Path) -> None:
    assert len(result(many_meet, str(tmp_path), 3)) == 3


def test_modules_folder_and_environment_are_those_of_the_kernel(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "beside_the_notebook.py").write_text("ANSWER = 42\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("SET_IN_A_CELL", "yes")

    @env.task
    def looks_around() -> list[str]:
        import beside_the_notebook

        return [str(beside_the_notebook.ANSWER), os.getcwd(), os.environ["SET_IN_A_CELL"]]

    assert result(looks_around) == ["42", str(tmp_path), "yes"]


@env.task
def changes_its_surroundings(folder: str) -> None:
    os.environ["LEFT_BEHIND"] = "yes"
    os.chdir(folder)


@env.task
def sees() -> list[str]:
    return [os.environ.get("LEFT_BEHIND", ""), os.getcwd()]


def test_what_a_task_changes_around_it_the_next_one_does_not_see(tmp_path: Path) -> None:
    flyte.run(changes_its_surroundings, str(tmp_path)).wait()

    assert result(sees) == ["", os.getcwd()]


def test_a_module_that_was_edited_between_runs_is_not_taken_from_a_warm_worker(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = tmp_path / "edited_helper.py"
    monkeypatch.syspath_prepend(str(tmp_path))

    @env.task
    def uses_it() -> list[int]:
        import edited_helper

        return [edited_helper.ANSWER, os.getpid()]

    module.write_text("ANSWER = 1\n")
    first = result(uses_it)
    assert result(uses_it) == first
    module.write_text("ANSWER = 22\n")
    os.utime(module, ns=(1, 1))

    assert result(uses_it)[0] == 22


def test_workers_are_made_also_where_more_than_a_thousand_files_are_open() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(4096, hard), hard))
    opened = [os.open(os.devnull, os.O_RDONLY) for _ in range(1100)]
    try:
        assert result(process_id) != os.getpid()
    finally:
        for descriptor in opened:
            os.close(descriptor)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
