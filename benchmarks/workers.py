"""Worker processes beside their peers: ``python -m benchmarks.workers [--peer-python PYTHON]``.

A no-op at a warm worker, 5,000 of them, two computations on two cores, and what the first worker costs. The peers'
programs run in an environment that has them (loky, distributed, ray); one that is missing is said to be not measured.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

PEERS = ("loky", "dask", "ray")
MANY = 5_000
ONE_BY_ONE = 500
COMPUTATION = 6_000_000
LIMIT_BYTES = 250 * 2**20


def noop(i: int) -> int:
    """Nothing."""
    return i


def compute(n: int) -> int:
    """Something that holds a core."""
    total = 0
    for i in range(n):
        total += i * i
    return total


def ours() -> dict[str, float]:
    """Measure flyte_nb; the journal is on."""
    import psutil

    import flyte_nb as flyte
    from flyte_nb.backends.processes import ProcessBackend

    env = flyte.TaskEnvironment("bench", queue="workers")
    small = flyte.TaskEnvironment("small", queue="workers", resources=flyte.Resources(memory="250Mi"))
    here = flyte.TaskEnvironment("here")
    task, computing = env.task(noop), env.task(compute)

    @env.task
    def resident() -> int:
        return int(psutil.Process().memory_info().rss)

    @small.task
    def grows_past_its_limit(mark: str) -> None:
        held, over = [], False
        while True:
            held.append(b"x" * 2**20)
            if not over and psutil.Process().memory_info().rss > LIMIT_BYTES:
                over = bool(Path(mark).write_text(str(time.time())))

    @here.task
    async def told_of_too_much_memory() -> float:
        with tempfile.TemporaryDirectory() as folder:
            try:
                await grows_past_its_limit.aio(f"{folder}/mark")
            except flyte.errors.OOMError:
                return time.time() - float(Path(folder, "mark").read_text())
        raise AssertionError("It was let past its limit.")

    @here.task
    async def trip(n: int) -> float:
        for i in range(50):
            await task.aio(-1 - i)
        begun = time.perf_counter()
        for i in range(n):
            await task.aio(i)
        return (time.perf_counter() - begun) / n

    @here.task
    async def many(n: int) -> float:
        begun = time.perf_counter()
        await asyncio.gather(*(task.aio(i) for i in range(n)))
        return (time.perf_counter() - begun) / n

    @here.task
    async def computations(n: int) -> float:
        begun = time.perf_counter()
        await asyncio.gather(*(computing.aio(COMPUTATION + i) for i in range(n)))
        return time.perf_counter() - begun

    def value(task: Any, *args: Any) -> Any:
        return flyte.run(task, *args).outputs()[0]

    for module in ("pandas", "polars", "pyarrow"):
        __import__(module)
    flyte.init(home=tempfile.mkdtemp(prefix="flyte_nb_bench_"), queues={"workers": ProcessBackend()})
    begun = time.perf_counter()
    value(task, 0)
    first = time.perf_counter() - begun
    value(computations, 2)
    return {
        "first": first,
        "resident": float(value(resident)),
        "trip": value(trip, ONE_BY_ONE),
        "many": value(many, MANY),
        "one": value(computations, 1),
        "two": value(computations, 2),
        "oom": value(told_of_too_much_memory),
    }


def of_peer(name: str) -> dict[str, float]:
    """Measure a peer; called in its own environment."""
    begun = time.perf_counter()
    if name == "loky":
        from loky import get_reusable_executor

        executor = get_reusable_executor(max_workers=2)
        submit, wait = executor.submit, lambda future: future.result()
    elif name == "dask":
        from distributed import Client, LocalCluster

        cluster = LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None, silence_logs=50)
        client = Client(cluster)
        submit, wait = (lambda f, *a: client.submit(f, *a, pure=False)), lambda future: future.result()
    else:
        import ray

        ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
        remote = {function: ray.remote(function) for function in (noop, compute)}
        submit, wait = (lambda f, *a: remote[f].remote(*a)), ray.get
    wait(submit(noop, 0))
    found = {"first": time.perf_counter() - begun}
    for future in [submit(noop, i) for i in range(50)]:
        wait(future)
    begun = time.perf_counter()
    for i in range(ONE_BY_ONE):
        wait(submit(noop, i))
    found["trip"] = (time.perf_counter() - begun) / ONE_BY_ONE
    begun = time.perf_counter()
    for future in [submit(noop, i) for i in range(MANY)]:
        wait(future)
    found["many"] = (time.perf_counter() - begun) / MANY
    for key, n in (("one", 1), ("two", 2)):
        begun = time.perf_counter()
        for future in [submit(compute, COMPUTATION + i) for i in range(n)]:
            wait(future)
        found[key] = time.perf_counter() - begun
    return found


def measured(python: str, name: str) -> dict[str, float] | None:
    """One measurement in a fresh process; None if it cannot be had."""
    done = subprocess.run([python, __file__, "--only", name], capture_output=True, text=True, check=False)
    return json.loads(done.stdout.splitlines()[-1]) if done.returncode == 0 else None


def main() -> None:
    """Measure in turns, and print medians."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.workers", description=__doc__)
    parser.add_argument("--peer-python", help="Python of an environment with loky, distributed and ray.")
    parser.add_argument("--times", type=int, default=3)
    parser.add_argument("--only", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.only:
        print(json.dumps(ours() if arguments.only == "flyte_nb" else of_peer(arguments.only)))
        return
    found: dict[str, list[dict[str, float]]] = {}
    for _ in range(arguments.times):
        for name in ("flyte_nb", *(PEERS if arguments.peer_python else ())):
            python = sys.executable if name == "flyte_nb" else arguments.peer_python
            one = measured(python, name)
            if one is not None:
                found.setdefault(name, []).append(one)
    from rich.console import Console
    from rich.table import Table

    table = Table("measurement", "flyte_nb", *PEERS, "goal")
    rows = (
        ("first result, pool and all", "first", 1e3, "ms", ""),
        ("no-op at a warm worker, there and back", "trip", 1e6, "µs", "at most the best peer's"),
        (f"{MANY:,} no-ops, each", "many", 1e6, "µs", "at most the best peer's"),
    )
    for title, key, scale, unit, goal in rows:
        cells = [
            f"{statistics.median(one[key] for one in found[name]) * scale:,.0f} {unit}"
            if name in found
            else "not measured"
            for name in ("flyte_nb", *PEERS)
        ]
        table.add_row(title, *cells, goal)
    speed = [
        f"{statistics.median(2 * one['one'] / one['two'] for one in found[name]):.2f} times one"
        if name in found
        else "not measured"
        for name in ("flyte_nb", *PEERS)
    ]
    table.add_row("two computations on two cores", *speed, "at least 1.8")
    resident = statistics.median(one["resident"] for one in found["flyte_nb"])
    table.add_row("memory of a worker with pandas, polars, pyarrow", f"{resident / 2**20:,.0f} MiB", "", "", "", "")
    told = statistics.median(one["oom"] for one in found["flyte_nb"])
    table.add_row(
        "past its memory limit, until the parent is told", f"{told * 1e3:,.0f} ms", "", "", "", "under 1,000 ms"
    )
    console = Console(width=140)
    console.print(f"{os.cpu_count()} processors, load {os.getloadavg()[0]:.1f}, median of {arguments.times}, in turns.")
    console.print(table)


if __name__ == "__main__":
    main()
