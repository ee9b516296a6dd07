"""One measurement of JSONL in a process of its own: ``records_workload.py PACKAGE ENDING RECORDS``, seconds as JSON.

The same program runs on flyte_nb.jsonl and on the reference plugin.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Coroutine
from typing import Any

PACKAGE, ENDING, COUNT = sys.argv[1], sys.argv[2], int(sys.argv[3])
OURS = PACKAGE == "flyte_nb"
flyte: Any = importlib.import_module(PACKAGE)
jsonl: Any = importlib.import_module("flyte_nb.jsonl" if OURS else "flyteplugins.jsonl")


async def write(out: Any) -> None:
    async with out.writer() as writer:
        for i in range(COUNT):
            await writer.write({"id": i, "score": i * 0.1})


async def read(file: Any) -> None:
    count = 0
    async for _ in file.iter_records():
        count += 1
    assert count == COUNT


async def write_sync(out: Any) -> None:
    with out.writer_sync() as writer:
        for i in range(COUNT):
            writer.write({"id": i, "score": i * 0.1})


async def read_sync(file: Any) -> None:
    assert sum(1 for _ in file.iter_records_sync()) == COUNT


async def arrow(file: Any) -> None:
    rows = 0
    async for batch in file.iter_arrow_batches():
        rows += batch.num_rows
    assert rows == COUNT


async def seconds(step: Callable[[Any], Coroutine[Any, Any, None]], file: Any) -> tuple[float, float]:
    """On the clock, and of processor time of all threads."""
    begun, processor = time.perf_counter(), time.process_time()
    await step(file)
    return time.perf_counter() - begun, time.process_time() - processor


async def grown_mib(step: Callable[[Any], Coroutine[Any, Any, None]], file: Any) -> float:
    """How far resident memory rises above where it was, looked at every 10 ms."""
    import psutil
    import pyarrow  # noqa: F401 - its own size is not what is measured

    process = psutil.Process(os.getpid())
    before = peak = process.memory_info().rss
    done = threading.Event()

    def look() -> None:
        nonlocal peak
        while not done.wait(0.01):
            peak = max(peak, process.memory_info().rss)

    watcher = threading.Thread(target=look)
    watcher.start()
    await step(file)
    done.set()
    watcher.join()
    return (peak - before) / 2**20


env = flyte.TaskEnvironment("bench")


@env.task
async def measure() -> dict[str, float]:
    found = {}
    path = os.path.join(tempfile.mkdtemp(prefix="flyte_nb_bench_"), f"records.jsonl{ENDING}")
    file = jsonl.JsonlFile.from_existing_remote(path)
    for name, step in (("write", write), ("read", read), ("write_sync", write_sync), ("read_sync", read_sync)):
        found[name], found[f"{name}_cpu"] = await seconds(step, file)
    found["arrow_mib"] = await grown_mib(arrow, file) if OURS else 0.0
    return found


if __name__ == "__main__":
    if OURS:
        flyte.init(home=tempfile.mkdtemp(prefix="flyte_nb_bench_"))
        outputs = flyte.run(measure).outputs()
    else:
        flyte.init()
        outputs = flyte.with_runcontext(mode="local").run(measure).outputs()
    print(json.dumps(outputs[0]))
