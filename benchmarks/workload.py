"""One measurement in a process of its own: ``workload.py PACKAGE NAME SIZE`` prints seconds as JSON.

The same program runs on flyte_nb (journal on) and on the reference SDK's local mode (no journal).
"""

from __future__ import annotations

import asyncio
import importlib
import json
import os
import sys
import tempfile
import time
from typing import Any

PACKAGE, NAME, SIZE = sys.argv[1], sys.argv[2], int(sys.argv[3])
flyte: Any = importlib.import_module(PACKAGE)
OURS = PACKAGE == "flyte_nb"
env = flyte.TaskEnvironment("bench")
failing = [False]


@env.task
async def noop(i: int) -> int:
    return i


@env.task
async def last(i: int) -> int:
    if failing[0]:
        raise ValueError("the last step fails")
    return i


@env.task
async def fan_out(n: int) -> int:
    return len(await asyncio.gather(*(noop(i) for i in range(n))))


@env.task
async def chain(n: int) -> int:
    value = 0
    for i in range(n):
        value = await noop(i)
    return value


@env.task
async def flat_but_last(n: int) -> int:
    results = await asyncio.gather(*(noop(i) for i in range(n)))
    return await last(len(results))


@env.task
async def branch(first: int, n: int) -> int:
    return len(await asyncio.gather(*(noop(i) for i in range(first, first + n))))


@env.task
async def branched_but_last(n: int) -> int:
    sizes = await asyncio.gather(*(branch(first, 100) for first in range(0, n, 100)))
    return await last(sum(sizes))


def run(task: Any, n: int) -> Any:
    if OURS:
        made = flyte.run(task, n)
        made.wait()
        return made
    return flyte.with_runcontext(mode="local").run(task, n)


def seconds(task: Any, n: int) -> float:
    begun = time.perf_counter()
    run(task, n)
    return time.perf_counter() - begun


def resident_bytes() -> int:
    import psutil

    return psutil.Process(os.getpid()).memory_info().rss


def main() -> None:
    if OURS:
        flyte.init(home=tempfile.mkdtemp(prefix="flyte_nb_bench_"))
    else:
        flyte.init()
    run(fan_out, 20)
    run(chain, 20)
    found: dict[str, float] = {}
    if NAME.endswith("_but_last"):
        failing[0] = True
        begun = time.process_time()
        made = run(globals()[NAME], SIZE)
        found["first"] = time.process_time() - begun
        failing[0] = False
        begun = time.process_time()
        made.resume().wait()
        found["resumed"] = time.process_time() - begun
    elif NAME == "memory":
        import gc

        gc.collect()
        before = resident_bytes()
        kept = [run(fan_out, SIZE)]
        gc.collect()
        found["bytes_per_action"] = (resident_bytes() - before) / SIZE
        del kept
    else:
        found["seconds"] = seconds(globals()[NAME], SIZE)
    print(json.dumps(found))


if __name__ == "__main__":
    main()
