"""What a task on a Dask cluster may rely on, and what is said of a cluster that cannot be worked with."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

import flyte_nb as flyte
from flyte_nb import errors
from flyte_nb.backends.dask import DaskBackend
from flyte_nb.remote import Action, Run
from tests.listening import listened_on, reachable_from_elsewhere

env = flyte.TaskEnvironment("on_dask")
limited = flyte.TaskEnvironment("limited_on_dask", resources=flyte.Resources(cpu=1, memory="250Mi"))
with_device = flyte.TaskEnvironment("with_device", resources=flyte.Resources(gpu=1))
PATIENCE_S = 60.0


@env.task
def square(x: int) -> int:
    return x * x


@env.task
def where() -> tuple[int, int]:
    """The process of the task, and the process that started its parent."""
    return os.getpid(), psutil.Process(os.getppid()).ppid()


@env.task
async def sum_of_squares(n: int) -> int:
    return sum(await asyncio.gather(*(square.aio(x) for x in range(n))))


@env.task
async def sum_of_sums(parents: int, n: int) -> int:
    return sum(await asyncio.gather(*(sum_of_squares(n + i) for i in range(parents))))


@env.task
def stays_busy(mark: str) -> None:
    Path(mark).write_text(str(os.getpid()))
    while True:
        pass


@env.task(retries=1)
def waits_for(mark: str, go_on: str) -> int:
    with Path(mark).open("a") as file:
        file.write(f"{os.getpid()} {psutil.Process(os.getppid()).ppid()}\n")
    while not Path(go_on).exists():
        time.sleep(0.01)
    return 7


@env.task
def takes_time_to_stop(mark: str, stopping: str) -> None:
    with Path(mark).open("a") as file:
        file.write(f"{os.getpid()} {psutil.Process(os.getppid()).ppid()}\n")
    try:
        time.sleep(PATIENCE_S)
    finally:
        Path(stopping).touch()
        time.sleep(PATIENCE_S)


@limited.task
def fills_memory() -> int:
    return len([0] * 100_000_000)


@env.task
async def fills_memory_then_more_is_given() -> list[str]:
    seen = []
    try:
        await fills_memory.aio()
    except errors.OOMError as error:
        seen += [error.code, error.root_cause_message]
    return [*seen, str(await fills_memory.override(resources=flyte.Resources(memory="1500Mi")).aio())]


def use(backend: DaskBackend, **options: Any) -> None:
    flyte.init(queues={"dask": backend}, **options)


def on_dask(task: Any, *args: Any) -> flyte.Run:
    return flyte.with_runcontext(mode="dask").run(task, *args)


def until(holds: Callable[[], Any]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not holds():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.01)


def text_of(path: Path) -> str:
    until(lambda: path.exists() and path.read_text())
    return path.read_text()


@pytest.fixture
def backend(cluster: Any, home: Path) -> DaskBackend:
    backend = DaskBackend(cluster)
    use(backend, home=home)
    return backend


# where and how ----------------------------------------------------------------------------------------------


def test_root_and_children_run_on_dask_workers(backend: DaskBackend, cluster: Any) -> None:
    process, dask_worker = on_dask(where).outputs()

    assert dask_worker in {worker.process.pid for worker in cluster.workers.values()}
    assert process != dask_worker != os.getpid()


@pytest.mark.parametrize("way", ["address", "client", "current client", "environment"])
def test_a_cluster_is_named_in_any_way_that_dask_knows(
    way: str, cluster: Any, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import dask
    from distributed import Client

    address = cluster.scheduler_address
    if way == "address":
        use(DaskBackend(address), home=home)
    elif way == "environment":
        with dask.config.set(scheduler_address=address):
            assert on_dask(square, 3).outputs()[0] == 9
        return
    else:
        with Client(address, set_as_default=way == "current client") as client:
            if way == "client":
                use(DaskBackend(client), home=home)
            assert on_dask(square, 3).outputs()[0] == 9
        return
    assert on_dask(square, 3).outputs()[0] == 9


def test_a_cluster_of_this_machine_is_started_and_ended_by_its_back_end(home: Path) -> None:
    backend = DaskBackend.local(n_workers=1)
    use(backend, home=home)

    _, dask_worker = on_dask(where).outputs()
    backend.close()

    assert not psutil.pid_exists(dask_worker)


def test_a_cluster_of_this_machine_listens_on_this_machine_only(home: Path) -> None:
    backend = DaskBackend.local(n_workers=1)
    use(backend, home=home)

    on_dask(where).outputs()

    assert "127.0.0.1" in listened_on(os.getpid())
    assert not reachable_from_elsewhere(os.getpid())
    backend.close()


def test_a_cluster_with_tls_is_used_with_its_certificates(new_cluster: Callable[..., Any], home: Path) -> None:
    from distributed import Security

    cluster = new_cluster(n_workers=1, security=Security.temporary(), protocol="tls")
    use(DaskBackend(cluster.scheduler_address, security=cluster.security), home=home)
    assert cluster.scheduler_address.startswith("tls://")

    assert on_dask(sum_of_squares, 3).outputs()[0] == 5


def test_parents_that_wait_give_their_slots_back(new_cluster: Callable[..., Any], home: Path) -> None:
    use(DaskBackend(new_cluster(n_workers=1, threads_per_worker=1)), home=home)

    assert on_dask(sum_of_sums, 3, 2).outputs()[0] == (0 + 1) + (0 + 1 + 4) + (0 + 1 + 4 + 9)


def test_an_action_is_queued_until_a_worker_begins_it(
    new_cluster: Callable[..., Any], home: Path, tmp_path: Path
) -> None:
    use(DaskBackend(new_cluster(n_workers=1, threads_per_worker=1)), home=home)
    first = on_dask(waits_for, str(tmp_path / "first"), str(tmp_path / "go on"))
    text_of(tmp_path / "first")

    second = on_dask(waits_for.override(timeout=flyte.Timeout(max_queued_time=0.5)), str(tmp_path / "second"), "")
    second.wait()
    (tmp_path / "go on").touch()

    assert str(second.phase) == "timed_out"
    assert first.outputs()[0] == 7
    assert not (tmp_path / "second").exists()


def test_no_more_is_on_its_way_than_the_back_end_lets_through(cluster: Any, home: Path, tmp_path: Path) -> None:
    use(DaskBackend(cluster, in_flight=3), home=home)
    ordered: set[str] = set()
    scheduler = cluster.scheduler
    runs = [on_dask(waits_for, str(tmp_path / "marks"), str(tmp_path / "go on")) for _ in range(8)]
    until(lambda: (tmp_path / "marks").exists() and len((tmp_path / "marks").read_text().splitlines()) == 3)
    ordered = {key for key in scheduler.tasks if str(key).startswith("waits_for")}
    (tmp_path / "go on").touch()

    assert [run.outputs()[0] for run in runs] == [7] * 8
    assert len(ordered) == 3


# limits, aborts ---------------------------------------------------------------------------------------------


def test_a_task_over_its_memory_limit_is_an_oom_error_in_its_parent(backend: DaskBackend) -> None:
    code, message, then = on_dask(fills_memory_then_more_is_given).outputs()[0]

    assert (code, then) == ("OOMError", "100000000")
    assert "may hold 250Mi" in message


def test_an_abort_ends_the_process_of_a_busy_task(backend: DaskBackend, tmp_path: Path, cluster: Any) -> None:
    run = on_dask(stays_busy, str(tmp_path / "pid"))
    pid = int(text_of(tmp_path / "pid"))

    Run.get(run.name).abort("enough")
    run.wait()

    assert str(run.phase) == "aborted"
    until(lambda: not is_busy(pid))
    until(lambda: not cluster.scheduler.tasks)


def is_busy(pid: int) -> bool:
    """Whether a process is there and computes; an idle one may wait for its next task."""
    try:
        process = psutil.Process(pid)
        before = process.cpu_times().user
        time.sleep(0.1)
        return process.status() != psutil.STATUS_ZOMBIE and process.cpu_times().user > before + 0.02
    except psutil.NoSuchProcess:
        return False


def test_what_no_worker_can_do_is_refused_before_anything_runs(new_cluster: Callable[..., Any], home: Path) -> None:
    use(DaskBackend(new_cluster(n_workers=1, resources={"GPU": 1}, memory_limit="4GiB")), home=home)

    for resources, what in ((flyte.Resources(gpu=2), "gpu=2"), (flyte.Resources(memory="8Gi"), "memory=8Gi")):
        with pytest.raises(errors.RuntimeUserError, match=f"{what}, and none of the 1 Dask workers can ever do it"):
            on_dask(square.override(resources=resources), 2)


@with_device.task
def device() -> str:
    return os.environ["CUDA_VISIBLE_DEVICES"]


def test_a_task_gets_a_device_where_a_worker_declares_one(
    new_cluster: Callable[..., Any], home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "gpu-a,gpu-b")
    use(DaskBackend(new_cluster(n_workers=1, resources={"GPU": 2})), home=home)

    assert on_dask(device).outputs()[0] in ("gpu-a", "gpu-b")


@env.task
async def calls_itself(depth: int, resources: dict[str, str]) -> list[str]:
    below: list[str] = []
    if depth:
        again = calls_itself.override(resources=flyte.Resources(**resources))
        below = await again(depth - 1, resources)
    return [os.environ.get("CUDA_VISIBLE_DEVICES", ""), *below]


@pytest.mark.parametrize("resources", [{"gpu": "T4:1"}, {"memory": "200Mi"}, {"cpu": "1"}])
def test_parents_that_wait_give_back_what_they_have_of_a_workers_resources(
    new_cluster: Callable[..., Any], home: Path, monkeypatch: pytest.MonkeyPatch, resources: dict[str, str]
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "gpu-a")
    cluster = new_cluster(n_workers=1, resources={"GPU": 1, "MEMORY": 300 * 2**20, "CPU": 1})
    use(DaskBackend(cluster), home=home)

    first = calls_itself.override(resources=flyte.Resources(**resources))

    for depth in (2, 1):  # what was given back early is not given back again at the end
        assert on_dask(first, depth, resources).outputs()[0] == ["gpu-a"] * (depth + 1)


KERNEL = """
import sys
import flyte_nb as flyte
from flyte_nb.backends.dask import DaskBackend

env = flyte.TaskEnvironment("killed_kernel")

@env.task
def stays(mark: str) -> None:
    import os, pathlib, time
    pathlib.Path(mark).write_text(str(os.getpid()))
    time.sleep(600)

flyte.init(home=sys.argv[2], queues={"dask": DaskBackend(sys.argv[1])})
flyte.with_runcontext(mode="dask").run(stays, sys.argv[3]).wait()
"""


def test_what_a_kernel_had_started_ends_with_it(cluster: Any, tmp_path: Path) -> None:
    arguments = [cluster.scheduler_address, str(tmp_path / "other-home"), str(tmp_path / "pid")]
    kernel = subprocess.Popen([sys.executable, "-c", KERNEL, *arguments])
    pid = int(text_of(tmp_path / "pid"))
    kernel.kill()
    kernel.wait()

    until(lambda: not psutil.pid_exists(pid))
    until(lambda: not cluster.scheduler.tasks)


# workers come and go ----------------------------------------------------------------------------------------


def test_a_worker_that_dies_is_an_error_that_says_so(
    new_cluster: Callable[..., Any], home: Path, tmp_path: Path
) -> None:
    use(DaskBackend(new_cluster()), home=home)
    run = on_dask(waits_for.override(retries=0), str(tmp_path / "marks"), str(tmp_path / "go on"))
    _, dask_worker = text_of(tmp_path / "marks").split()
    psutil.Process(int(dask_worker)).kill()

    until(run.done)
    with pytest.raises(errors.TaskInterruptedError, match="is gone with the Dask worker that it was on, tcp://"):
        run.outputs()
    assert len((tmp_path / "marks").read_text().splitlines()) == 1


def test_a_task_whose_worker_died_is_tried_again_when_there_are_retries(
    new_cluster: Callable[..., Any], home: Path, tmp_path: Path
) -> None:
    use(DaskBackend(new_cluster()), home=home)
    run = on_dask(waits_for, str(tmp_path / "marks"), str(tmp_path / "go on"))
    process, dask_worker = text_of(tmp_path / "marks").split()
    psutil.Process(int(dask_worker)).kill()
    (tmp_path / "go on").touch()

    assert run.outputs()[0] == 7
    assert len((tmp_path / "marks").read_text().splitlines()) == 2
    until(lambda: not psutil.pid_exists(int(process)))


def test_a_task_whose_worker_leaves_goes_on_elsewhere_without_a_retry(
    new_cluster: Callable[..., Any], home: Path, tmp_path: Path
) -> None:
    cluster = new_cluster(n_workers=2, threads_per_worker=1)
    use(DaskBackend(cluster), home=home)
    run = on_dask(waits_for.override(retries=0), str(tmp_path / "marks"), str(tmp_path / "go on"))
    _, dask_worker = text_of(tmp_path / "marks").split()
    [address] = [w.worker_address for w in cluster.workers.values() if w.process.pid == int(dask_worker)]

    cluster.sync(cluster.scheduler.retire_workers, workers=[address], close_workers=True, remove=True)
    until(lambda: len((tmp_path / "marks").read_text().splitlines()) == 2)
    (tmp_path / "go on").touch()

    assert run.outputs()[0] == 7
    assert {line.split()[1] for line in (tmp_path / "marks").read_text().splitlines()} != {dask_worker}


@flyte.TaskEnvironment("here").task
async def waits_there(n: int, marks: str, go_on: str) -> list[str]:
    there = waits_for.override(queue="there", retries=0)
    calls = [there.aio(f"{marks}-{index}", go_on) for index in range(n)]
    ended = await asyncio.gather(*calls, return_exceptions=True)
    return [str(one) for one in ended]


def test_a_cluster_that_is_restarted_ends_what_it_had_begun_and_begins_the_rest(
    new_cluster: Callable[..., Any], home: Path, tmp_path: Path
) -> None:
    from distributed import Client

    cluster = new_cluster(n_workers=1, threads_per_worker=1)
    flyte.init(home=home, queues={"there": DaskBackend(cluster)})
    run = flyte.run(waits_there, 3, str(tmp_path / "mark"), str(tmp_path / "go on"))
    until(lambda: list(tmp_path.glob("mark-*")))
    with Client(cluster, set_as_default=False) as client:
        client.restart()
    cluster.scale(2)  # a busy machine may be too slow for Dask, which then closes for good the worker that it restarts
    (tmp_path / "go on").touch()

    ended = sorted(run.outputs()[0])
    assert ended[:2] == ["7", "7"]
    assert "is gone: the Dask cluster at tcp://" in ended[2] and "was restarted" in ended[2]


@flyte.trace
async def counted(mark: str) -> int:
    with open(mark, "a") as file:
        file.write("x")
    return len(Path(mark).read_text())


@env.task
async def traces_and_waits(trace: str, mark: str, go_on: str) -> list[int]:
    first = await counted(trace)
    return [first, waits_for.forward(mark, go_on)]


def test_what_a_task_whose_worker_leaves_has_traced_is_not_done_again_elsewhere(
    new_cluster: Callable[..., Any], home: Path, tmp_path: Path
) -> None:
    cluster = new_cluster(n_workers=2, threads_per_worker=1)
    use(DaskBackend(cluster), home=home)
    run = on_dask(traces_and_waits, str(tmp_path / "trace"), str(tmp_path / "marks"), str(tmp_path / "go on"))
    _, dask_worker = text_of(tmp_path / "marks").split()
    [address] = [w.worker_address for w in cluster.workers.values() if w.process.pid == int(dask_worker)]

    cluster.sync(cluster.scheduler.retire_workers, workers=[address], close_workers=True, remove=True)
    until(lambda: len((tmp_path / "marks").read_text().splitlines()) == 2)
    (tmp_path / "go on").touch()

    assert run.outputs()[0] == [1, 7]
    assert (tmp_path / "trace").read_text() == "x"


def test_a_task_that_is_being_stopped_as_its_worker_leaves_does_not_begin_elsewhere(
    new_cluster: Callable[..., Any], home: Path, tmp_path: Path
) -> None:
    cluster = new_cluster(n_workers=2, threads_per_worker=1)
    use(DaskBackend(cluster), home=home)
    run = on_dask(takes_time_to_stop, str(tmp_path / "marks"), str(tmp_path / "stopping"))
    _, dask_worker = text_of(tmp_path / "marks").split()
    [address] = [w.worker_address for w in cluster.workers.values() if w.process.pid == int(dask_worker)]

    run.abort()
    until((tmp_path / "stopping").exists)
    cluster.sync(cluster.scheduler.retire_workers, workers=[address], close_workers=True, remove=True)

    until(run.done)
    assert str(run.phase) == "aborted"
    until(lambda: not cluster.scheduler.tasks)
    assert len((tmp_path / "marks").read_text().splitlines()) == 1


@env.task
async def two_steps(mark: str, go_on: str) -> int:
    return await waits_for.aio(mark, go_on) + await square.aio(3)


def test_workers_that_come_during_a_run_take_part_in_it(
    new_cluster: Callable[..., Any], home: Path, tmp_path: Path
) -> None:
    cluster = new_cluster(n_workers=1, threads_per_worker=1)
    use(DaskBackend(cluster), home=home)
    runs = [on_dask(waits_for, str(tmp_path / "marks"), str(tmp_path / "go on")) for _ in range(3)]
    text_of(tmp_path / "marks")

    cluster.scale(3)
    until(lambda: len({line.split()[1] for line in (tmp_path / "marks").read_text().splitlines()}) == 3)
    (tmp_path / "go on").touch()

    assert [run.outputs()[0] for run in runs] == [7] * 3
    cluster.scale(1)
    assert on_dask(sum_of_squares, 20).outputs()[0] == sum(x * x for x in range(20))


# clusters that cannot be worked with ------------------------------------------------------------------------


def test_a_cluster_that_is_not_there_is_an_error_that_names_it(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("flyte_nb.backends.dask.cluster.CONNECT_WITHIN_S", 0.5)
    use(DaskBackend("tcp://127.0.0.1:1"), home=home)

    with pytest.raises(errors.ClusterError, match=r"scheduler at tcp://127.0.0.1:1 cannot be reached"):
        on_dask(square, 2)


def test_no_cluster_at_all_is_an_error_that_says_how_to_have_one() -> None:
    with pytest.raises(errors.ClusterError, match=r"DaskBackend.local\(\)"):
        on_dask(square, 2)


@pytest.mark.parametrize("given", [8786, "nonsense", "tcp://host", "tls://:8786", "tcp://host:eighty", ""])
def test_something_that_leads_to_no_cluster_is_refused(given: Any) -> None:
    with pytest.raises(errors.InitializationError, match="takes the address of a scheduler .* got"):
        DaskBackend(given)


@pytest.mark.parametrize(
    "given", ["host:8786", "tls://10.0.0.1:8786", "tcp://[::1]:8786", "ws://hub/x", "inproc://a/1"]
)
def test_an_address_in_any_form_that_dask_knows_is_taken(given: str) -> None:
    assert DaskBackend(given).name == "dask"


def test_a_cluster_that_ends_during_a_run_ends_the_run_with_an_error(
    new_cluster: Callable[..., Any], home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("flyte_nb.backends.dask.cluster.CONNECT_WITHIN_S", 1.0)
    cluster = new_cluster()
    use(DaskBackend(cluster.scheduler_address), home=home)
    run = on_dask(waits_for, str(tmp_path / "marks"), str(tmp_path / "go on"))
    text_of(tmp_path / "marks")
    cluster.close()

    with pytest.raises((errors.TaskInterruptedError, errors.ClusterError), match="Dask"):
        run.outputs()


def test_a_worker_without_this_package_is_an_error_that_says_so(
    new_cluster: Callable[..., Any], home: Path, tmp_path: Path
) -> None:
    missing = tmp_path / "missing.py"
    missing.write_text("import sys\nsys.modules['flyte_nb'] = None\n")
    use(DaskBackend(new_cluster(n_workers=1, preload=[str(missing)])), home=home)

    with pytest.raises(errors.ClusterError, match="flyte_nb cannot be imported.*Every worker needs flyte_nb"):
        on_dask(square, 2).outputs()


def test_a_scheduler_of_another_python_is_refused(cluster: Any, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = {"host": {"python": "3.99.1.final.0"}, "packages": {}}
    monkeypatch.setitem(cluster.scheduler.handlers, "versions", lambda packages=None: other)
    use(DaskBackend(cluster), home=home)

    with pytest.raises(errors.ClusterError, match=r"The Dask scheduler at tcp://.* runs Python 3.99.1, and this"):
        on_dask(square, 2)


def test_a_worker_of_another_python_is_refused(cluster: Any, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for worker in cluster.scheduler.workers.values():
        monkeypatch.setitem(worker.versions, "host", {"python": "3.99.1.final.0"})
    use(DaskBackend(cluster), home=home)

    with pytest.raises(errors.ClusterError, match=r"Dask worker tcp://.* runs Python 3.99.1"):
        on_dask(square, 2)


def test_a_worker_that_cannot_read_the_runs_storage_says_so(
    new_cluster: Callable[..., Any], home: Path, tmp_path: Path
) -> None:
    elsewhere = tmp_path / "elsewhere.py"
    elsewhere.write_text(
        "import os\nreal = os.path.isdir\n"
        "os.path.isdir = lambda path: not str(path).endswith('out-of-reach') and real(path)\n"
    )
    use(DaskBackend(new_cluster(preload=[str(elsewhere)])), home=home, storage=tmp_path / "out-of-reach")

    with pytest.raises(errors.ClusterError, match=r"cannot read the run's storage.*init\(storage=\.\.\.\)"):
        on_dask(square, 2).outputs()


# the dashboard ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("hub", "configured", "expected"),
    [
        ("", "", "http://127.0.0.1:8787/status"),
        ("/user/ada/", "", "/user/ada/proxy/8787/status"),
        ("/user/ada/", "/proxy/{port}/status", "http://127.0.0.1:8787/status"),
    ],
)
def test_the_address_of_the_dashboard_goes_through_a_hub(
    hub: str, configured: str, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    import dask

    from flyte_nb.backends.dask.dashboard import DASKS_OWN, dashboard_address

    monkeypatch.setenv("JUPYTERHUB_SERVICE_PREFIX", hub)
    with dask.config.set({"distributed.dashboard.link": configured or DASKS_OWN}):
        assert dashboard_address("http://127.0.0.1:8787/status") == expected


def test_an_action_has_a_link_to_the_dashboard(
    new_cluster: Callable[..., Any], home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JUPYTERHUB_SERVICE_PREFIX", "/user/ada/")
    cluster = new_cluster(n_workers=1, dashboard_address="127.0.0.1:0")
    use(DaskBackend(cluster), home=home)
    run = on_dask(square, 2)
    run.wait()

    [link] = Action.get(run_name=run.name, name="a0").details().links
    assert link.name == "Dask dashboard"
    assert link.uri == f"/user/ada/proxy/{cluster.scheduler.services['dashboard'].port}/status"


# what is printed --------------------------------------------------------------------------------------------


@env.task
def prints_much_and_dies(megabytes: int) -> None:
    for _ in range(megabytes):
        os.write(1, b"x" * 2**20)
    os.write(1, b"\nthe last line\n")
    os._exit(3)


@pytest.mark.slow
def test_no_more_of_what_is_printed_crosses_the_cluster_than_is_kept(
    backend: DaskBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    from flyte_nb._runtime.runtime import current_runtime
    from flyte_nb.backends.dask.link import DaskLink

    arrived = []
    heard = DaskLink.heard
    monkeypatch.setattr(DaskLink, "heard", lambda link, *said: (arrived.append(len(said[1])), heard(link, *said))[1])
    run = on_dask(prints_much_and_dies, 80)

    with pytest.raises(errors.TaskInterruptedError, match=r"exit code 3(.|\n)*the last line"):
        run.outputs()
    assert sum(arrived) < 66 * 2**20
    *kept, said = [line.text for _, line in current_runtime().reader.logs(run.name)]
    left_out = int(said.partition(" characters more")[0].replace(",", ""))
    assert sum(map(len, kept)) + left_out == 80 * 2**20 + len("\nthe last line\n")
