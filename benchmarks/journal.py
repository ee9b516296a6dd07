"""What a commit costs, and how much of it is the look at the fence: ``python -m benchmarks.journal``.

One event, and events of many runs, in one commit of a journal on this disk; the same commit with the look left out is
measured in turns with it.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from rich.console import Console
from rich.table import Table

from flyte_nb._journal import JournalWriter, RunLog, writer
from flyte_nb._journal.liveness import this_process
from flyte_nb.models import events as ev

COMMITS = 2_000
SNAPSHOT_BYTES = 200_000


def seconds_per_commit(journal: JournalWriter, logs: list[RunLog]) -> float:
    """Time of a commit with one event of each of these runs."""
    event = ev.StallNoticed(1.0, "an-action-name-of-usual-length", 2.0)
    begun = time.perf_counter()
    for _ in range(COMMITS):
        for log in logs:
            log.append(event)
        journal.flush()
    return (time.perf_counter() - begun) / COMMITS


def without_fence(measured: Callable[[], float]) -> float:
    """The same with every fence taken for standing, unseen."""
    look, writer.stands = writer.stands, lambda *_: True  # type: ignore[assignment]
    try:
        return measured()
    finally:
        writer.stands = look  # type: ignore[assignment]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.journal", description=__doc__)
    parser.add_argument("--times", type=int, default=5, help="Take the median of so many measurements.")
    times = parser.parse_args().times
    table = Table("a commit of", "with the fence", "without", "ratio")
    for runs in (1, 10):
        with tempfile.TemporaryDirectory() as folder:
            journal = JournalWriter(Path(folder, "journal.sqlite"))
            started = ev.RunStarted(time.time(), "env.main", this_process())
            logs = [journal.begin_run(f"run{index}", started, b"x" * SNAPSHOT_BYTES) for index in range(runs)]

            def measured(journal: JournalWriter = journal, logs: list[RunLog] = logs) -> float:
                return seconds_per_commit(journal, logs)

            measured()
            pairs = [(measured(), without_fence(measured)) for _ in range(times)]
            journal.close()
        fenced, bare = (statistics.median(pair[which] for pair in pairs) for which in (0, 1))
        table.add_row(
            f"one event of {runs} run(s)", f"{fenced * 1e6:.1f} µs", f"{bare * 1e6:.1f} µs", f"{fenced / bare:.2f}"
        )
    Console(width=100).print(table)


if __name__ == "__main__":
    main()
