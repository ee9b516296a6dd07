"""A worker answers first, and then finds out whether it may serve again: where it may not, nobody is given it."""

from __future__ import annotations

import asyncio
import os
import queue
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import flyte_nb as flyte
from flyte_nb.backends.processes import ProcessBackend
from flyte_nb.backends.processes.framing import framed
from flyte_nb.backends.processes.link import ProcessLink
from flyte_nb.backends.processes.nursery import WorkerProcess
from flyte_nb.backends.processes.pool import WorkerPool
from flyte_nb.backends.workers import messages as say
from flyte_nb.models.events import StoredLiterals

RETURNED = say.Returned(StoredLiterals(b""))
PATIENCE_S = 60

env = flyte.TaskEnvironment("spent", queue="workers")


@env.task
def leaves_a_process_behind(i: int) -> int:
    subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    return os.getpid()


@env.task
async def one_after_the_other(n: int) -> list[int]:
    return [await leaves_a_process_behind.aio(i) for i in range(n)]


def test_no_task_is_done_where_another_has_left_a_process_behind(home: Path) -> None:
    flyte.init(home=home, queues={"workers": ProcessBackend(cpus=1)})

    found = flyte.run(one_after_the_other, 12).outputs()[0]

    assert len(set(found)) == 12


def test_an_attempt_ordered_meanwhile_does_not_begin_there(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    flyte.init(home=home, queues={"workers": ProcessBackend(cpus=1)})
    said: queue.SimpleQueue[say.FromWorker] = queue.SimpleQueue()
    send, decode = ProcessLink.send, say.decode_from_worker

    def order_twice(self: ProcessLink, message: say.ToWorker) -> None:
        send(self, message)
        if isinstance(message, say.Start):
            send(self, message)

    def note(data: bytes) -> say.FromWorker:
        said.put(message := decode(data))
        return message

    monkeypatch.setattr(ProcessLink, "send", order_twice)
    monkeypatch.setattr(say, "decode_from_worker", note)
    monkeypatch.setattr(WorkerPool, "retire", lambda *_: None)  # so that there is time for the second one
    flyte.run(leaves_a_process_behind, 0).wait()

    kinds = [type(said.get(timeout=PATIENCE_S)) for _ in range(3)]
    assert kinds == [say.Returned, say.Stale, say.Stale]


def talk(body: Callable[[ProcessLink, socket.socket, list[str]], object]) -> list[str]:
    """What a link reports while `body` plays its worker."""
    reports: list[str] = []

    async def played() -> None:
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        link = ProcessLink(
            WorkerProcess(0, ours, {}),
            lambda _: reports.append("killed"),
            lambda _, fit: reports.append("may serve again" if fit else "must not"),
            lambda _: reports.append("must not after all"),
        )
        with ours, theirs:
            link.open(lambda message: reports.append(type(message).__name__), lambda _: None)
            async with asyncio.timeout(PATIENCE_S):
                await body(link, theirs, reports)  # type: ignore[misc]

    asyncio.run(played())
    return reports


async def until(reports: list[str], last: str) -> None:
    while reports[-1:] != [last]:
        await asyncio.sleep(0)


def test_what_a_worker_says_at_once_after_its_answer_counts() -> None:
    async def body(link: ProcessLink, worker: socket.socket, reports: list[str]) -> None:
        worker.sendall(framed(say.encode(RETURNED)) + framed(say.encode(say.Stale())))
        await until(reports, "Stale")
        link.release(True)

    assert talk(body)[-1] == "must not"


def test_what_a_worker_says_while_nobody_has_it_counts() -> None:
    async def body(link: ProcessLink, worker: socket.socket, reports: list[str]) -> None:
        worker.sendall(framed(say.encode(RETURNED)))
        await until(reports, "Returned")
        link.release(True)
        worker.sendall(framed(say.encode(say.Stale())))
        await until(reports, "must not after all")

    assert talk(body) == ["Returned", "may serve again", "must not after all"]


def test_who_has_taken_a_worker_meanwhile_learns_of_it() -> None:
    async def body(link: ProcessLink, worker: socket.socket, reports: list[str]) -> None:
        worker.sendall(framed(say.encode(RETURNED)))
        await until(reports, "Returned")
        link.release(True)
        link.open(lambda message: reports.append(f"next: {type(message).__name__}"), lambda _: None)
        worker.sendall(framed(say.encode(say.Stale())))
        await until(reports, "next: Stale")
        link.release(False)

    assert talk(body) == ["Returned", "may serve again", "next: Stale", "must not"]
