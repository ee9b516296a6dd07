"""Side effects that outlive every process: lines of one length in a file outside of the home.

A line is appended with one write, so the place where it ends tells which one it is, whoever else writes.
"""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

FOLDER_VARIABLE = "FLYTE_NB_CHAOS"
LINE_BYTES = 64


def chaos_folder() -> Path:
    """The folder of the round that this process belongs to."""
    return Path(os.environ[FOLDER_VARIABLE])


def append(effect: str) -> int:
    """Append a line; its number, counted from 1."""
    line = f"{effect} {os.getpid()}".ljust(LINE_BYTES - 1) + "\n"
    file = os.open(chaos_folder() / "ledger", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        os.write(file, line.encode())
        return os.lseek(file, 0, os.SEEK_CUR) // LINE_BYTES
    finally:
        os.close(file)


def effects_in(folder: Path) -> Counter[str]:
    """How often each side effect happened."""
    return Counter(line.split()[0] for line in _lines(folder))


def processes_in(folder: Path) -> list[int]:
    """The processes that wrote lines, the last one first."""
    return list(dict.fromkeys(int(line.split()[1]) for line in reversed(_lines(folder))))


def _lines(folder: Path) -> list[str]:
    path = folder / "ledger"
    return path.read_text().splitlines() if path.exists() else []
