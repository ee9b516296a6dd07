"""Runs without end in one process, and what they leave in it: `python -m tests.chaos.soak --minutes 30`.

Prints a line as often as asked, and at the end what has grown between the second and the last third of them. Some runs
of each kind go before, so that what is made once is made, and during the first third caches fill: each connection to
the journal keeps up to 2 MiB of its pages.

Memory of the process is what malloc and Python hold, also where it is free: pieces between others that live go back to
nobody. What is *in use* of malloc, and the pieces that Python's objects take, tell a leak from that.
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import gc
import os
import statistics
import sys
import tempfile
import threading
import time
from dataclasses import astuple, dataclass
from pathlib import Path

import psutil

import flyte_nb as flyte
from flyte_nb._runtime.runtime import current_runtime

from . import ledger
from .strikes import write_plan
from .workflows import WORKFLOWS

IN_TURN = ("deep", "wide", "traced", "filed", "processes")
WARM_UP = 15
MIB = 2**20
TOLERATED = {
    "resident_mib": 0.1,
    "with_children_mib": 0.1,
    "in_use_mib": 0.05,
    "blocks": 0.02,
    "open_files": 0.1,
    "threads": 1.0,
    "tables": 0.0,
}


@dataclass(frozen=True)
class Reading:
    """What the process holds at one moment.

    Attributes
    ----------
    runs : int
        How many have ended.
    resident_mib, with_children_mib : float
        Memory of this process, and of it and its workers.
    in_use_mib : float
        What malloc has given out here and has not got back; 0 where the C library is not glibc.
    blocks : int
        Small pieces of memory that Python objects take in this process.
    """

    at_s: float
    runs: int
    resident_mib: float
    with_children_mib: float
    in_use_mib: float
    open_files: int
    threads: int
    children: int
    tables: int
    journal_mib: float
    blocks: int


def read(began_at: float, runs: int, home: Path) -> Reading:
    """Look."""
    process = psutil.Process()
    gc.collect()
    resident = process.memory_info().rss
    children = process.children(recursive=True)
    below = 0
    for child in children:
        with contextlib.suppress(psutil.Error):
            below += child.memory_info().rss
    tables = current_runtime().reader._query("SELECT count(*) FROM sqlite_master WHERE type = 'table'", ())
    return Reading(
        time.monotonic() - began_at,
        runs,
        resident / MIB,
        (resident + below) / MIB,
        in_use_bytes() / MIB,
        process.num_fds(),
        threading.active_count(),
        len(children),
        tables[0][0],
        (home / "journal.sqlite").stat().st_size / MIB,
        sys.getallocatedblocks(),
    )


class MallocInfo(ctypes.Structure):
    """What `mallinfo2` of glibc gives."""

    _fields_ = [
        (name, ctypes.c_size_t)
        for name in ("arena", "ordblks", "smblks", "hblks", "mapped", "usmblks", "fsmblks", "used", "free", "top")
    ]


def in_use_bytes() -> int:
    """What malloc has given out to this process."""
    ask = getattr(ctypes.CDLL(None), "mallinfo2", None)
    if ask is None:
        return 0
    ask.restype = MallocInfo
    found = ask()
    return int(found.used + found.mapped)


HEADINGS = (
    *("seconds", "runs", "MiB", "with workers", "in use", "files", "threads", "workers", "tables", "journal MiB"),
    "blocks",
)


def line(cells: tuple[object, ...]) -> str:
    """A line of the table."""
    return "".join(f"{cell:>13.1f}" if isinstance(cell, float) else f"{cell:>13}" for cell in cells)


def play(name: str) -> None:
    """One run of a workflow."""
    workflow = WORKFLOWS[name]
    run = flyte.with_runcontext(mode=workflow.mode or None).run(workflow.main, *workflow.small)
    run.wait()
    run.raise_for_status()


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--every", type=float, default=60.0, help="seconds between two lines")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="soak-") as folder:
        os.environ[ledger.FOLDER_VARIABLE] = folder
        write_plan(Path(folder), [])
        home = Path(folder) / "home"
        flyte.init(home=home)
        readings = soak(home, 60 * given.minutes, given.every)
        flyte.init(home=Path(folder) / "elsewhere")
    return conclude(readings)


def soak(home: Path, lasts_s: float, every_s: float) -> list[Reading]:
    """Run after run; a reading now and then."""
    for name in IN_TURN * WARM_UP:
        play(name)
    print(line(HEADINGS), flush=True)
    began_at, runs = time.monotonic(), len(IN_TURN) * WARM_UP
    readings: list[Reading] = []
    while time.monotonic() - began_at < lasts_s:
        if time.monotonic() - began_at >= every_s * len(readings):
            readings.append(read(began_at, runs, home))
            print(line(astuple(readings[-1])), flush=True)
        play(IN_TURN[runs % len(IN_TURN)])
        runs += 1
    readings.append(read(began_at, runs, home))
    print(line(astuple(readings[-1])), flush=True)
    return readings


def conclude(readings: list[Reading]) -> int:
    """Say what has grown."""
    third = max(1, len(readings) // 3)
    grown = 0
    for name, tolerated in TOLERATED.items():
        first = statistics.median(getattr(reading, name) for reading in readings[third : 2 * third] or readings[:1])
        last = statistics.median(getattr(reading, name) for reading in readings[-third:])
        grows = last > first * (1 + tolerated)
        grown += grows
        print(f"{name}: {first:.1f} in the second third, {last:.1f} in the last{', GROWS' if grows else ''}")
    return grown


if __name__ == "__main__":
    sys.exit(main())
