"""Tasks through Dask beside Dask's own: ``python -m benchmarks.cluster [--many N] [--times N]``.

No-ops through `DaskBackend` and through `Client.submit`, on one cluster, in turns in one run. Of Dask every result is
asked for, as a caller would; ours is journaled and its result read.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import tempfile
import time
from typing import Any

GOAL = 1.3


def noop(i: int) -> int:
    """Nothing."""
    return i


def plain(client: Any, n: int) -> float:
    """Seconds per task of `Client.submit`."""
    begun = time.perf_counter()
    for future in [client.submit(noop, i, pure=False) for i in range(n)]:
        future.result()
    return (time.perf_counter() - begun) / n


def main() -> None:
    """Measure in turns, and print medians."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.cluster", description=__doc__)
    parser.add_argument("--many", type=int, default=5_000)
    parser.add_argument("--times", type=int, default=3)
    arguments = parser.parse_args()
    from distributed import Client, LocalCluster

    import flyte_nb as flyte
    from flyte_nb.backends.dask import DaskBackend

    here = flyte.TaskEnvironment("here")
    task = flyte.TaskEnvironment("bench", queue="cluster").task(noop)

    @here.task
    async def many(n: int) -> float:
        begun = time.perf_counter()
        await asyncio.gather(*(task.aio(i) for i in range(n)))
        return (time.perf_counter() - begun) / n

    def ours(n: int) -> float:
        return float(flyte.run(many, n).outputs()[0])

    found: dict[str, list[float]] = {"flyte_nb": [], "Client.submit": []}
    with (
        LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address="127.0.0.1:0", silence_logs=50) as cluster,
        Client(cluster) as client,
    ):
        flyte.init(home=tempfile.mkdtemp(prefix="flyte_nb_bench_"), queues={"cluster": DaskBackend(cluster)})
        ours(50)
        plain(client, 50)
        for _ in range(arguments.times):
            found["Client.submit"].append(plain(client, arguments.many))
            found["flyte_nb"].append(ours(arguments.many))
    flyte.init(home=tempfile.mkdtemp(prefix="flyte_nb_bench_"))
    print(f"{os.cpu_count()} processors, load {os.getloadavg()[0]:.1f}, median of {arguments.times}, in turns.")
    for name, times in found.items():
        print(f"{arguments.many:,} no-ops through {name}: {statistics.median(times) * 1e6:,.0f} µs each")
    ratio = statistics.median(a / b for a, b in zip(found["flyte_nb"], found["Client.submit"], strict=True))
    print(f"{ratio:.2f} times Client.submit; goal: at most {GOAL}")


if __name__ == "__main__":
    main()
