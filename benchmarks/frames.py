"""Frames beside the reference SDK's local mode: ``python -m benchmarks.frames --peer-python PYTHON``."""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
from pathlib import Path

from rich.console import Console
from rich.table import Table

WORKLOAD = Path(__file__).with_name("frames_workload.py")


def measure(python: str, package: str, name: str, size: int) -> dict[str, float]:
    """One measurement in a fresh process."""
    done = subprocess.run(
        [python, str(WORKLOAD), package, name, str(size)], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SystemExit(f"{package} {name} failed:\n{done.stderr[-3000:]}")
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.frames", description=__doc__)
    parser.add_argument("--peer-python", help="Python of an environment with the reference SDK; else it is left out.")
    parser.add_argument("--times", type=int, default=5, help="Take the median of so many measurements.")
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--mebibytes", type=int, default=2048, help="Size of the file that is aggregated.")
    arguments = parser.parse_args()
    table = Table("measurement", "flyte_nb", "reference, local", "times faster", "goal")
    ours, theirs = [], []
    for _ in range(arguments.times):
        ours.append(measure(sys.executable, "flyte_nb", "hop", arguments.rows))
        if arguments.peer_python:
            theirs.append(measure(arguments.peer_python, "flyte", "hop", arguments.rows))
    for key, title, goal in (("seconds", "", "at least 2 times"), ("cpu_seconds", ", processor time", "")):
        mine = statistics.median(found[key] for found in ours)
        other = statistics.median(found[key] for found in theirs) if theirs else None
        table.add_row(
            f"{arguments.rows:,} x 10, pandas to polars to arrow{title}",
            f"{mine * 1e3:,.0f} ms",
            f"{other * 1e3:,.0f} ms" if other is not None else "not measured",
            f"{other / mine:.1f}" if other is not None else "",
            goal,
        )
    lazy = measure(sys.executable, "flyte_nb", "lazy", arguments.mebibytes)
    table.add_row(
        f"Parquet of {lazy['file_bytes'] / 2**20:,.0f} MiB aggregated lazily: {lazy['seconds']:.1f} s, resident memory",
        f"{lazy['resident_bytes'] / 2**20:,.0f} MiB",
        "",
        "",
        "under 300 MiB",
    )
    where = f"Python {platform.python_version()}, {os.cpu_count()} processors"
    Console(width=130).print(f"{where}, median of {arguments.times}, peers in turns.", table)


if __name__ == "__main__":
    main()
