"""Processes below a process, and how much memory they hold."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterable

_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 4096


def resident_bytes(pid: int) -> int:
    """Memory that a process holds now; 0 if it is gone."""
    if sys.platform == "linux":
        try:
            with open(f"/proc/{pid}/statm", "rb") as file:
                return int(file.read().split()[1]) * _PAGE_BYTES
        except (OSError, IndexError):
            return 0
    import psutil

    try:
        return int(psutil.Process(pid).memory_info().rss)
    except psutil.Error:
        return 0


def held_bytes(pid: int) -> int:
    """As `resident_bytes`, without pages of files: the system takes them back when it needs room."""
    return _sum_of(f"/proc/{pid}/status", (b"RssAnon:", b"RssShmem:")) or resident_bytes(pid)


def own_bytes(pid: int) -> int:
    """As `held_bytes`, with what is shared with other processes counted once over all of them; slow."""
    return _sum_of(f"/proc/{pid}/smaps_rollup", (b"Pss_Anon:", b"Pss_Shmem:")) or held_bytes(pid)


def _sum_of(path: str, names: tuple[bytes, ...]) -> int:
    """Amounts of memory from a table of the system; 0 if it has them not."""
    found = 0
    with contextlib.suppress(OSError), open(path, "rb") as file:
        for line in file:
            if line.startswith(names):
                found += int(line.split()[1]) * 1024
    return found


def descendants_of(pids: Iterable[int]) -> dict[int, list[int]]:
    """The processes below each of `pids`, itself left out."""
    children = _children()
    found: dict[int, list[int]] = {}
    for pid in pids:
        below = list(children.get(pid, ()))
        for one in below:
            below += children.get(one, ())
        found[pid] = below
    return found


def _children() -> dict[int, list[int]]:
    children: dict[int, list[int]] = {}
    if sys.platform == "linux":
        for entry in os.listdir("/proc"):
            if entry.isdigit():
                try:
                    with open(f"/proc/{entry}/stat", "rb") as file:
                        parent = int(file.read().rpartition(b")")[2].split()[1])
                except (OSError, IndexError):
                    continue
                children.setdefault(parent, []).append(int(entry))
        return children
    import psutil

    for process in psutil.process_iter(["pid", "ppid"]):
        children.setdefault(process.info["ppid"], []).append(process.info["pid"])
    return children
