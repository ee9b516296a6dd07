"""One measurement of load in a process of its own: ``load_workload.py PACKAGE NAME SIZE`` prints what it took as JSON.

The same program runs on flyte_nb (journal on) and on the reference SDK's local mode. Seconds are processor time of the
whole process, which other users of the machine change little.
"""

from __future__ import annotations

import asyncio
import importlib
import json
import resource
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

PACKAGE, NAME, SIZE = sys.argv[1], sys.argv[2], int(sys.argv[3])
flyte: Any = importlib.import_module(PACKAGE)
OURS = PACKAGE == "flyte_nb"
AT_ONCE_S = 10.0
ON_THREADS_S = 2.0
LISTED = 50
WARM_UP = 20
env = flyte.TaskEnvironment("load")
lock = threading.Lock()
under_way, most_under_way = 0, 0


def comes(by: int) -> None:
    """Count who is at work."""
    global under_way, most_under_way
    with lock:
        under_way += by
        most_under_way = max(most_under_way, under_way)


@env.task
async def noop(i: int) -> int:
    return i


@env.task
async def waits(i: int) -> int:
    comes(1)
    await asyncio.sleep(AT_ONCE_S)
    comes(-1)
    return i


@env.task
def blocks(i: int) -> int:
    comes(1)
    time.sleep(ON_THREADS_S)
    comes(-1)
    return i


@env.task
async def all_wait(n: int) -> int:
    return len(await asyncio.gather(*(waits(i) for i in range(n))))


@env.task
async def all_block(n: int) -> int:
    return len(await asyncio.gather(*(blocks.aio(i) for i in range(n))))


@env.task
async def fan_out(n: int) -> int:
    return len(await asyncio.gather(*(noop(i) for i in range(n))))


@env.task
async def maps(n: int) -> int:
    total = 0
    async for _ in flyte.map.aio(noop, range(n), concurrency=200):
        total += 1
    return total


def run(task: Any, *inputs: Any) -> None:
    """To its end."""
    if OURS:
        made = flyte.run(task, *inputs)
        made.wait()
        made.raise_for_status()
    else:
        flyte.with_runcontext(mode="local").run(task, *inputs)


def many_runs(n: int) -> None:
    """So many runs at once."""
    for made in [flyte.run(waits, i) for i in range(n)]:
        made.wait()
        made.raise_for_status()


def taken(step: Callable[[], object]) -> float:
    """Processor time of a call."""
    begun = time.process_time()
    step()
    return time.process_time() - begun


def history(n: int, home: Path) -> dict[str, float]:
    """What a home with so many runs costs: the next run, and what a person asks of the list."""
    for _ in range(n):
        run(noop, 1)
    found = {"run": taken(lambda: [run(noop, 1) for _ in range(WARM_UP)]) / WARM_UP}
    if not OURS:
        from flyte._persistence._run_store import RunStore

        return {**found, "list": taken(RunStore.list_runs_sync)}
    from flyte_nb._journal import Home
    from flyte_nb._server.desk import Desk
    from flyte_nb._server.listing import Wanted
    from flyte_nb.models.records import RunFilter

    desk = Desk(Home(home))
    try:
        desk.runs(RunFilter())
        found["list"] = taken(lambda: desk.runs(RunFilter(), limit=LISTED))
        found["last page"] = taken(lambda: desk.runs(RunFilter(), offset=n - LISTED, limit=LISTED))
        found["search"] = taken(lambda: desk.runs(RunFilter(text="nowhere"), limit=LISTED))
        found["news"] = taken(lambda: desk.news(Wanted(RunFilter(), 0, LISTED)))
        newest = desk.runs(RunFilter(), limit=1).runs[0].name
        found["open"] = taken(lambda: desk.tree(newest, []))
    finally:
        desk.close()
    return found


MEASURED: dict[str, Callable[[], object]] = {
    "fan-out": lambda: run(fan_out, SIZE),
    "at once": lambda: run(all_wait, SIZE),
    "on threads": lambda: run(all_block, SIZE),
    "runs": lambda: many_runs(SIZE),
    "map": lambda: run(maps, SIZE),
}


def main() -> None:
    home = Path(tempfile.mkdtemp(prefix="flyte_nb_load_"))
    flyte.init(**({"home": home} if OURS else {"local_persistence": True} if NAME == "history" else {}))
    run(fan_out, WARM_UP)
    if NAME == "history":
        found = history(SIZE, home)
    else:
        begun = time.perf_counter()
        found = {"processor": taken(MEASURED[NAME]), "elapsed": time.perf_counter() - begun}
        found["at once"] = most_under_way
    found["resident_mib"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps(found))


if __name__ == "__main__":
    main()
