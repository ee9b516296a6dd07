"""Worker processes between attempts: which may serve again, and for how long they stay without work."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass

from .descendants import resident_bytes
from .nursery import Nursery, WorkerProcess

IDLE_S = 30.0


@dataclass(frozen=True, slots=True)
class Stay:
    """For whom a worker is kept.

    Attributes
    ----------
    key : str
        Attempts of the same key share workers.
    least : int
        How many of them stay for all of `idle_s`; the others go after `scaledown_s`.
    at_rest_bytes : int or None
        A worker that holds more than this before an attempt is not taken for it.
    """

    key: str
    idle_s: float = IDLE_S
    scaledown_s: float = IDLE_S
    least: int = 0
    at_rest_bytes: int | None = None


class WorkerPool:
    """Gives workers out and takes them back.

    Parameters
    ----------
    preload, fork : see `Nursery`
    """

    def __init__(self, preload: tuple[str, ...], *, fork: bool) -> None:
        self.nursery = Nursery(preload, fork=fork, on_idle=self._retire_idle)
        self._lock = threading.Lock()
        self._idle: dict[str, list[WorkerProcess]] = {}
        self._stays: dict[str, Stay] = {}

    async def take(self, stay: Stay) -> WorkerProcess:
        """A worker: a warm one where there is one, else a fresh one."""
        while True:
            with self._lock:
                self._stays[stay.key] = stay
                idle = self._idle.get(stay.key)
                worker = idle.pop() if idle else None
            if worker is None:
                worker = await self.nursery.new_worker()
                worker.key = stay.key
                return worker
            if not worker.is_alive:
                worker.channel.close()
            elif stay.at_rest_bytes is not None and resident_bytes(worker.pid) > stay.at_rest_bytes:
                self.retire(worker)
            else:
                return worker

    def give_back(self, worker: WorkerProcess, reusable: bool) -> None:
        """The attempt is over."""
        if not worker.is_alive:
            return
        if not reusable:
            self.nursery.kill(worker)
            return
        worker.idle_since = time.monotonic()
        with self._lock:
            self._idle.setdefault(worker.key, []).append(worker)
        self.nursery.wake()

    def retire(self, worker: WorkerProcess) -> None:
        """Have a worker leave."""
        self.nursery.kill(worker)

    def close(self) -> None:
        """End all workers."""
        self.nursery.close()
        with self._lock:
            self._idle.clear()

    def _retire_idle(self) -> float | None:
        """Have those leave whose time is over; the seconds until the next one's is."""
        now = time.monotonic()
        leaving: list[WorkerProcess] = []
        next_at: float | None = None
        with self._lock:
            for key, idle in self._idle.items():
                stay = self._stays[key]
                staying = []
                for position, worker in enumerate(idle):
                    above = len(idle) - position > stay.least
                    until = worker.idle_since + (min(stay.idle_s, stay.scaledown_s) if above else stay.idle_s)
                    if until <= now or not worker.is_alive:
                        leaving.append(worker)
                    else:
                        staying.append(worker)
                        next_at = until if next_at is None else min(until, next_at)
                idle[:] = staying
        for worker in leaving:
            if worker.is_alive:
                self.retire(worker)
            else:
                worker.channel.close()
        return None if next_at is None else max(0.0, next_at - now)
