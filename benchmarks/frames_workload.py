"""One measurement of frames in a process of its own: ``frames_workload.py PACKAGE NAME ROWS`` prints figures as JSON.

The same program runs on flyte_nb and on the reference SDK's local mode. It imports what it needs, no more.
"""

from __future__ import annotations

import importlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

PACKAGE, NAME, ROWS = sys.argv[1], sys.argv[2], int(sys.argv[3])
HOPS = 5
flyte: Any = importlib.import_module(PACKAGE)
OURS = PACKAGE == "flyte_nb"
DataFrame: Any = importlib.import_module(f"{PACKAGE}.io").DataFrame
wrapped = DataFrame.wrap_df
env = flyte.TaskEnvironment("frames")


@env.task
async def make(index: int) -> DataFrame:
    import made_frames

    return wrapped(made_frames.made(index, 1000 if index == 0 else ROWS))


@env.task
async def change(frame: pl.DataFrame) -> DataFrame:
    return wrapped(frame.with_columns(pl.col("x0") * 2))


@env.task
async def count(table: pa.Table) -> int:
    return table.num_rows


@env.task
async def hop(index: int) -> int:
    return await count(await change(await make(index)))


def run(task: Any, *arguments: Any) -> Any:
    if OURS:
        return flyte.run(task, *arguments).outputs()[0]
    return flyte.with_runcontext(mode="local").run(task, *arguments).outputs()[0]


def hop_figures() -> dict[str, float]:
    """The median of hops with different frames, after two: what is imported once is imported, and memory is at hand."""
    import made_frames

    made_frames.made(0, 1000)
    found = []
    for index in range(HOPS + 2):
        made_frames.made(index, ROWS)
        begun, processor = time.perf_counter(), time.process_time()
        assert run(hop, index) == (ROWS if index else 1000)
        found.append({"seconds": time.perf_counter() - begun, "cpu_seconds": time.process_time() - processor})
    return {key: statistics.median(one[key] for one in found[2:]) for key in found[0]}


def lazy_figures(folder: Path) -> dict[str, float]:
    """A file of `ROWS` MiB, aggregated by a task that takes it as a lazy frame."""
    import numpy as np

    path = folder / "large.parquet"
    random = np.random.default_rng(1)
    rows = 1_000_000
    with pq.ParquetWriter(
        path, schema := pa.schema([(f"x{i}", pa.float64()) for i in range(8)] + [("k", pa.int64())])
    ) as file:
        while path.stat().st_size < ROWS * 2**20:
            columns = [*random.normal(size=(8, rows)), random.integers(0, 100, rows)]
            file.write_table(pa.table(columns, schema=schema), row_group_size=250_000)
    size = path.stat().st_size
    found = [_aggregated(path) for _ in range(5)]
    return {"file_bytes": size, **{key: statistics.median(one[key] for one in found) for key in found[0]}}


@env.task
async def aggregate(frame: pl.LazyFrame) -> pl.DataFrame:
    return frame.group_by("k").agg(pl.col("x0").mean(), pl.len()).collect(engine="streaming")


def _aggregated(path: Path) -> dict[str, float]:
    done = subprocess.run(
        [sys.executable, __file__, PACKAGE, "aggregate", "0"],
        env={**os.environ, "LARGE_FILE": str(path)},
        capture_output=True,
        text=True,
        check=True,
    )
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def aggregate_figures() -> dict[str, float]:
    import psutil

    process = psutil.Process()
    highest, stop = [process.memory_info().rss], threading.Event()

    def watch() -> None:
        while not stop.wait(0.005):
            highest[0] = max(highest[0], process.memory_info().rss)

    watching = threading.Thread(target=watch)
    frame = flyte.io.DataFrame.from_existing_remote(os.environ["LARGE_FILE"])
    watching.start()
    begun = time.perf_counter()
    assert len(run(aggregate, frame)) == 100
    seconds = time.perf_counter() - begun
    stop.set()
    watching.join()
    return {"seconds": seconds, "resident_bytes": highest[0]}


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="flyte_nb_bench_") as folder:
        flyte.init(home=folder) if OURS else flyte.init()
        if NAME == "hop":
            print(json.dumps(hop_figures()))
        elif NAME == "aggregate":
            print(json.dumps(aggregate_figures()))
        else:
            print(json.dumps(lazy_figures(Path(folder))))


if __name__ == "__main__":
    main()
