"""Where the cost stops being linear: ``python -m benchmarks.load``, with the reference SDK beside it where it can.

Sizes of one measurement are a curve: what one action, call or run of it takes has to stay what it was. Processor time
is taken, because it changes little with what else runs on the machine. `--page` adds a run of 50,000 actions in
JupyterLab with its picture and the panel open.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import psutil
from rich.console import Console
from rich.table import Table

WORKLOAD = Path(__file__).with_name("load_workload.py")
CURVES: dict[str, tuple[str, tuple[int, ...], int]] = {
    "fan-out": ("actions of one run", (1_000, 10_000, 50_000, 100_000), 10_000),
    "map": ("calls of map, 200 at a time", (1_000, 10_000, 100_000), 10_000),
    "at once": ("actions that wait at once", (100, 1_000, 4_000), 1_000),
    "on threads": ("sync actions that block at once", (100, 1_000), 100),
    "runs": ("runs at once", (100, 1_000), 0),
}
"""Of each measurement: what it is, its sizes, and up to which of them the peer is asked (it has no runs at once)."""

HISTORIES = (100, 1_000, 10_000)
PEER_HISTORY = 1_000


def measure(python: str, package: str, name: str, size: int) -> dict[str, float]:
    """One measurement in a fresh process, with a home of its own."""
    with tempfile.TemporaryDirectory(prefix="load_") as folder:
        done = subprocess.run(
            [python, str(WORKLOAD), package, name, str(size)],
            capture_output=True,
            text=True,
            check=False,
            cwd=folder,
            env={**os.environ, "HOME": folder, "TMPDIR": folder},
        )
    if done.returncode:
        raise SystemExit(f"{package} {name} {size} failed:\n{done.stderr[-3000:]}")
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def curve(table: Table, name: str, peer: str | None) -> None:
    """A line for each size: what one of them takes, and that of the smallest beside it."""
    what, sizes, most_of_peer = CURVES[name]
    first = 0.0
    for size in sizes:
        ours = measure(sys.executable, "flyte_nb", name, size)
        each = ours["processor"] / size
        first = first or each
        theirs = ""
        if peer and size <= most_of_peer:
            found = measure(peer, "flyte", name, size)
            theirs = f"{1e6 * found['processor'] / size:,.0f} µs, {found['resident_mib']:,.0f} MiB"
            theirs += f", {found['at once']:.0f} at once" if found["at once"] else ""
        at_once = f", {ours['at once']:.0f} at once" if ours["at once"] else ""
        row = (f"{1e6 * each:,.0f} µs", f"{each / first:.2f}", f"{ours['resident_mib']:,.0f} MiB{at_once}", theirs)
        table.add_row(f"{size:,} {what}", *row)


def histories(table: Table, sizes: Sequence[int], peer: str | None) -> None:
    """What the list of a long history costs."""
    for size in sizes:
        ours = measure(sys.executable, "flyte_nb", "history", size)
        theirs = measure(peer, "flyte", "history", size) if peer and size <= PEER_HISTORY else {}
        for name, value in ours.items():
            if name != "resident_mib":
                beside = f"{1e3 * theirs[name]:,.1f} ms" if name in theirs else ""
                table.add_row(f"{size:,} runs", name, f"{1e3 * value:,.1f} ms", beside)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.load", description=__doc__)
    parser.add_argument("--peer-python", help="Python of an environment with the reference SDK; else it is left out.")
    parser.add_argument("--only", action="append", choices=[*CURVES, "history"], help="May be repeated; all if unsaid.")
    parser.add_argument("--page", action="store_true", help="Also in JupyterLab; needs Chromium.")
    given = parser.parse_args()
    wanted = given.only or [*CURVES, "history"]
    console = Console(width=150)
    console.print(
        f"Python {platform.python_version()}, {os.cpu_count()} processors, load average {psutil.getloadavg()[0]:.1f}."
    )
    table = Table(
        "", "processor time each", "of that of the smallest", "most memory of the process", "reference, local"
    )
    for name in CURVES:
        if name in wanted:
            curve(table, name, given.peer_python)
    if table.row_count:
        console.print(table)
    if "history" in wanted:
        table = Table("home with", "", "processor time", "reference, with its history")
        histories(table, HISTORIES, given.peer_python)
        console.print(table)
    if given.page:
        from . import load_page

        console.print(load_page.measured())


if __name__ == "__main__":
    main()
