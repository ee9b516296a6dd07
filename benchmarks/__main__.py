"""Run all measurements, ours and the peer's in turns, and print a table with ratios."""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import statistics
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from rich.console import Console
from rich.table import Table

WORKLOAD = Path(__file__).with_name("workload.py")


def measure(python: str, package: str, name: str, size: int) -> dict[str, float]:
    """One measurement in a fresh process."""
    done = subprocess.run(
        [python, str(WORKLOAD), package, name, str(size)], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SystemExit(f"{package} {name} {size} failed:\n{done.stderr[-3000:]}")
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def import_seconds(python: str, package: str) -> float:
    """Time of a bare import, from the interpreter's own account."""
    done = subprocess.run(
        [python, "-X", "importtime", "-c", f"import {package}"], capture_output=True, text=True, check=True
    )
    [line] = re.findall(rf"import time:\s+\d+ \|\s+(\d+) \| {package}\n", done.stderr)
    return int(line) / 1e6


def median_of(times: int, measurement: Callable[[], float]) -> float:
    """The middle one of some measurements."""
    return statistics.median(measurement() for _ in range(times))


def versus(
    table: Table, title: str, ours: float, peer: float | None, goal: str, per: int = 1, unit: str = "µs"
) -> None:
    """A row that compares."""
    scale = {"µs": 1e6, "ms": 1e3}[unit] / per
    table.add_row(
        title,
        f"{ours * scale:,.1f} {unit}",
        f"{peer * scale:,.1f} {unit}" if peer is not None else "not measured",
        f"{peer / ours:.1f}" if peer is not None else "",
        goal,
    )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--peer-python", help="Python of an environment with the reference SDK; else it is left out.")
    parser.add_argument("--times", type=int, default=3, help="Take the median of so many measurements.")
    arguments = parser.parse_args()
    peer = arguments.peer_python
    table = Table("measurement", "flyte_nb", "reference, local", "times faster", "goal")

    for title, name, size, goal in (
        ("fan-out of 4,000, per action", "fan_out", 4000, "at least 8 times"),
        ("chain of 500, per action", "chain", 500, "at least 4 times"),
    ):
        ours, theirs = [], []
        for _ in range(arguments.times):
            ours.append(measure(sys.executable, "flyte_nb", name, size)["seconds"])
            if peer:
                theirs.append(measure(peer, "flyte", name, size)["seconds"])
        versus(table, title, statistics.median(ours), statistics.median(theirs) if peer else None, goal, per=size)

    def fan_out(size: int) -> float:
        return median_of(arguments.times, lambda: measure(sys.executable, "flyte_nb", "fan_out", size)["seconds"])

    small = fan_out(1000) / 1000
    for size in (10_000, 50_000):
        each = fan_out(size) / size
        table.add_row(
            f"fan-out of {size:,}, per action",
            f"{each * 1e6:,.1f} µs",
            "",
            f"{each / small:.2f} of that at 1,000",
            "at most 1.3",
        )
    memory = median_of(
        arguments.times, lambda: measure(sys.executable, "flyte_nb", "memory", 10_000)["bytes_per_action"]
    )
    table.add_row("resident memory per finished action", f"{memory:,.0f} bytes", "", "", "under 3,000 bytes")
    for shape, name in (("50 branches of 100", "branched_but_last"), ("5,000 side by side", "flat_but_last")):
        pairs = [measure(sys.executable, "flyte_nb", name, 5000) for _ in range(arguments.times)]
        first, resumed = (statistics.median(pair[key] for pair in pairs) for key in ("first", "resumed"))
        table.add_row(
            f"resume but for the last step, {shape}",
            f"{resumed * 1e3:,.0f} ms",
            "",
            f"{resumed / first:.3f} of the first run",
            "under 0.1",
        )
    ours_import = median_of(5, lambda: import_seconds(sys.executable, "flyte_nb"))
    theirs_import = median_of(5, lambda: import_seconds(peer, "flyte")) if peer else None
    versus(table, "import", ours_import, theirs_import, "no slower", unit="ms")

    console = Console(width=130)
    console.print(
        f"Python {platform.python_version()}, {os.cpu_count()} processors, median of {arguments.times}, peers in turns."
    )
    console.print(table)


if __name__ == "__main__":
    main()
