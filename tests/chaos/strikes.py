"""How a fault strikes: in the process that writes a certain line of the ledger, or that reaches a write point.

No clock is asked and nobody waits: the fault is there before the process does anything else.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import msgspec
import psutil

from flyte_nb import _write_points

from . import ledger

LINE = "line"
"""Where a side effect happens; every other place is the name of a write point of the driving process."""


@dataclass(frozen=True)
class Strike:
    """A fault, and the moment of it.

    Attributes
    ----------
    fault : str
        One of `BLOWS`.
    place : str
        `LINE`, or a write point.
    number : int
        Of the line of the ledger, or which time the write point is reached, counted from 1.
    """

    fault: str
    place: str
    number: int

    def __str__(self) -> str:
        return f"{self.fault} at {self.place} {self.number}"


def write_plan(folder: Path, strikes: list[Strike]) -> None:
    """Say what strikes the next process that lives in this folder."""
    (folder / "plan").write_bytes(msgspec.json.encode([asdict(strike) for strike in strikes]))


def read_plan(folder: Path) -> list[Strike]:
    """What was written last."""
    return msgspec.json.decode((folder / "plan").read_bytes(), type=list[Strike])


def struck_in(folder: Path) -> list[str]:
    """The strikes that took place, in their order."""
    path = folder / "struck"
    return path.read_text().splitlines() if path.exists() else []


def effect(name: str) -> None:
    """A side effect; and what is planned for its line."""
    number = ledger.append(name)
    folder = ledger.chaos_folder()
    for strike in read_plan(folder):
        if (strike.place, strike.number) == (LINE, number):
            deliver(strike, folder)


def strike_at_write_points(folder: Path) -> Counter[str]:
    """Have what is planned for write points strike this process; counts how often each is reached."""
    planned = {(strike.place, strike.number): strike for strike in read_plan(folder)}
    reached: Counter[str] = Counter()

    def listen(point: str) -> None:
        reached[point] += 1
        strike = planned.get((point, reached[point]))
        if strike is not None:
            deliver(strike, folder)

    _write_points.listen(listen)
    return reached


def deliver(strike: Strike, folder: Path) -> None:
    """Let it happen."""
    with open(folder / "struck", "a") as file:
        file.write(f"{strike}\n")
    BLOWS[strike.fault](folder)


def _kill(process: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(process, signal.SIGKILL)


def _number_in(folder: Path, name: str) -> int:
    return int((folder / name).read_text())


def kill_driver(folder: Path) -> None:
    _kill(_number_in(folder, "driver"))


def kill_this_worker(folder: Path) -> None:
    if os.getpid() != _number_in(folder, "driver"):
        _kill(os.getpid())


def kill_another_worker(folder: Path) -> None:
    spared = {os.getpid(), _number_in(folder, "driver")}
    for process in ledger.processes_in(folder):
        if process not in spared and _is_of_round(process, folder):
            _kill(process)
            return


def _is_of_round(process: int, folder: Path) -> bool:
    """Whether it lives, and is not somebody else's who has got the number since."""
    with contextlib.suppress(psutil.Error):
        return psutil.Process(process).environ().get(ledger.FOLDER_VARIABLE) == str(folder)
    return False


def kill_dask_worker(folder: Path) -> None:
    workers = [int(line) for line in (folder / "dask_workers").read_text().split()]
    above = {process.pid for process in psutil.Process().parents()}
    _kill(next((worker for worker in workers if worker in above), workers[0]))


def kill_server(folder: Path) -> None:
    _kill(_number_in(folder, "server"))


def fill_disk(folder: Path) -> None:
    """Take all the space that is left."""
    with open(folder / "disk" / "ballast", "wb", buffering=0) as file:
        for size in (2**16, 2**10, 1):
            with contextlib.suppress(OSError):
                while file.write(b"x" * size) == size:
                    pass


def seal_store(folder: Path) -> None:
    """A mount, because root may write anywhere."""
    store = folder / "disk" / "home" / "store"
    store.mkdir(parents=True, exist_ok=True)
    subprocess.run(["mount", "--bind", store, store], check=True)
    subprocess.run(["mount", "-o", "remount,bind,ro", store], check=True)


def move_clock(folder: Path, by_s: float) -> None:
    """Of this process: the system's clock belongs to everybody."""
    before: Any = time.time
    time.time = lambda: before() + by_s


def cut_network(folder: Path) -> None:
    (folder / "cut").touch()


BLOWS: dict[str, Callable[[Path], None]] = {
    "kill driver": kill_driver,
    "kill this worker": kill_this_worker,
    "kill another worker": kill_another_worker,
    "kill Dask worker": kill_dask_worker,
    "kill server": kill_server,
    "full disk": fill_disk,
    "sealed store": seal_store,
    "clock ahead": lambda folder: move_clock(folder, 86_400.0),
    "clock back": lambda folder: move_clock(folder, -86_400.0),
    "cut network": cut_network,
}
