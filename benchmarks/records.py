"""JSONL beside the reference plugin: ``python -m benchmarks.records --peer-python PYTHON``."""

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

WORKLOAD = Path(__file__).with_name("records_workload.py")
TITLES = {
    ("write",): "written, async",
    ("read",): "read, async",
    ("write", "read"): "written and read, async",
    ("write_sync",): "written, sync",
    ("read_sync",): "read, sync",
    ("write_sync", "read_sync"): "written and read, sync",
}

PROCESSOR_TITLES = {
    tuple(f"{key}_cpu" for key in keys): f"{title}, processor time" for keys, title in TITLES.items() if len(keys) > 1
}


def measure(python: str, package: str, ending: str, records: int) -> dict[str, float]:
    """One measurement in a fresh process."""
    command = [python, str(WORKLOAD), package, ending, str(records)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{package} {ending} failed:\n{done.stderr[-3000:]}")
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.records", description=__doc__)
    parser.add_argument(
        "--peer-python", help="Python of an environment with the reference plugin; else it is left out."
    )
    parser.add_argument("--times", type=int, default=3, help="Take the median of so many measurements.")
    parser.add_argument("--records", type=int, default=500_000)
    arguments = parser.parse_args()
    table = Table("measurement", "flyte_nb", "reference", "times faster", "goal")
    for ending in ("", ".zst"):
        ours: list[dict[str, float]] = []
        theirs: list[dict[str, float]] = []
        sides = [(ours, sys.executable, "flyte_nb")]
        if arguments.peer_python:
            sides.append((theirs, arguments.peer_python, "flyte"))
        for _ in range(arguments.times):
            for found, python, package in sides:
                found.append(measure(python, package, ending, arguments.records))
            sides.reverse()
        for keys, title in [*TITLES.items(), *PROCESSOR_TITLES.items()]:
            mine = statistics.median(sum(found[key] for key in keys) for found in ours)
            other = statistics.median(sum(found[key] for key in keys) for found in theirs) if theirs else None
            table.add_row(
                f"{arguments.records:,} records of .jsonl{ending} {title}",
                f"{mine * 1e3:,.0f} ms",
                f"{other * 1e3:,.0f} ms" if other is not None else "not measured",
                f"{other / mine:.2f}" if other is not None else "",
                "at least 1.5 times" if len(keys) > 1 else "",
            )
        memory = statistics.median(found["arrow_mib"] for found in ours)
        table.add_row(f".jsonl{ending} in Arrow batches, memory above before", f"{memory:,.0f} MiB", "", "", "")
    where = f"Python {platform.python_version()}, {os.cpu_count()} processors"
    Console(width=130).print(f"{where}, median of {arguments.times}, peers in turns.", table)


if __name__ == "__main__":
    main()
