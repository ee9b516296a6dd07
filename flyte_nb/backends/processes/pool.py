"""Worker processes between attempts: which may serve again, and for how long they stay without work."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass

from ..._registry.interpreter import Interpreter
from ...io.downloads import sweep_downloads
from .descendants import resident_bytes
from .link import ProcessLink
from .nursery import Nursery

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
    preload, later, fork, interpreter : see `Nursery`
    """

    def __init__(
        self,
        preload: tuple[str, ...] = (),
        *,
        later: tuple[str, ...] = (),
        fork: bool,
        interpreter: Interpreter | None = None,
    ) -> None:
        self.nursery: Nursery = Nursery(
            preload, later=later, fork=fork, on_idle=self._retire_idle, interpreter=interpreter
        )
        self._lock = threading.Lock()
        self._idle: dict[str, list[ProcessLink]] = {}
        self._stays: dict[str, Stay] = {}
        self._look_at: float | None = None

    async def take(self, stay: Stay) -> ProcessLink:
        """A link to a worker: to a warm one where there is one, else to a fresh one."""
        while True:
            with self._lock:
                self._stays[stay.key] = stay
                idle = self._idle.get(stay.key)
                link = idle.pop() if idle else None
            if link is None:
                link = ProcessLink(await self.nursery.new_worker(), self.nursery.kill, self.give_back, self.withdraw)
                link.key = stay.key
                return link
            worker = link.worker
            if worker.is_alive and (stay.at_rest_bytes is None or resident_bytes(worker.pid) <= stay.at_rest_bytes):
                return link
            self.retire(link)

    def give_back(self, link: ProcessLink, reusable: bool) -> None:
        """The attempt is over."""
        if not reusable:
            self.retire(link)
            return
        link.idle_since = time.monotonic()
        with self._lock:
            self._idle.setdefault(link.key, []).append(link)
            stay = self._stays[link.key]
            until = link.idle_since + min(stay.idle_s, stay.scaledown_s)
            sooner = self._look_at is None or until < self._look_at
        if sooner:  # to wake a thread after every attempt would cost more than the attempt
            self.nursery.wake()

    def withdraw(self, link: ProcessLink) -> None:
        """Have a worker leave that nobody has taken; whoever has taken it learns of it from the worker."""
        with self._lock:
            idle = self._idle.get(link.key, [])
            is_idle = link in idle
            if is_idle:
                idle.remove(link)
        if is_idle:
            self.retire(link)

    def retire(self, link: ProcessLink) -> None:
        """Have a worker leave."""
        self.nursery.kill(link.worker)
        link.close()

    def close(self) -> None:
        """End all workers."""
        self.nursery.close()
        sweep_downloads()
        with self._lock:
            self._idle.clear()

    def _retire_idle(self) -> float | None:
        """Have those leave whose time is over; the seconds until the next one's is."""
        now = time.monotonic()
        leaving: list[ProcessLink] = []
        next_at: float | None = None
        with self._lock:
            for key, idle in self._idle.items():
                stay = self._stays[key]
                staying = []
                for position, link in enumerate(idle):
                    above = len(idle) - position > stay.least
                    until = link.idle_since + (min(stay.idle_s, stay.scaledown_s) if above else stay.idle_s)
                    if until <= now or not link.worker.is_alive:
                        leaving.append(link)
                    else:
                        staying.append(link)
                        next_at = until if next_at is None else min(until, next_at)
                idle[:] = staying
            self._look_at = next_at
        for link in leaving:
            self.retire(link)
        return None if next_at is None else max(0.0, next_at - now)
