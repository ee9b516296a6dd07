"""Who reads what the kernel says: a worker's main thread between attempts, another one while an attempt goes on."""

from __future__ import annotations

import queue
import random
import socket
import threading
from collections.abc import Iterator

import pytest

from flyte_nb.backends.processes import worker_main
from flyte_nb.backends.processes.framing import framed
from flyte_nb.backends.processes.worker_main import Reader
from flyte_nb.backends.workers import messages as say
from flyte_nb.models.events import StoredLiterals

PATIENCE_S = 60
START = say.Start("run", "action", "code", StoredLiterals(b""), 1, False, 1, {}, {}, {}, {})


class Recorder:
    """A worker that notes on which thread it was told something."""

    def __init__(self) -> None:
        self.inbox: queue.SimpleQueue[say.ToWorker | None] = queue.SimpleQueue()
        self.others: queue.SimpleQueue[tuple[say.ToWorker, int]] = queue.SimpleQueue()
        self.started_on: list[int] = []
        self.told = self.begun = 0
        self.is_busy = False

    @property
    def has_work(self) -> bool:
        return not self.inbox.empty()

    def receive(self, message: say.ToWorker) -> None:
        if isinstance(message, say.Start):
            self.told += 1
            self.started_on.append(threading.get_ident())
            self.inbox.put(message)
        else:
            self.others.put((message, threading.get_ident()))

    def close(self) -> None:
        self.inbox.put(None)


class Ends:
    """Both ends of a channel."""

    def __init__(self) -> None:
        self.kernel, channel = socket.socketpair()
        self.worker = Recorder()
        self.left = threading.Event()
        self.reader = Reader(channel, self.worker, self.left.set)  # type: ignore[arg-type]
        threading.Thread(target=self.reader.stand_by, daemon=True).start()

    def say(self, message: say.ToWorker) -> None:
        self.kernel.sendall(framed(say.encode(message)))

    def begin(self) -> None:
        """Take up the next attempt, as `Worker.serve` does."""
        self.reader.read_until_work()
        assert self.worker.inbox.get(timeout=PATIENCE_S) is not None
        self.worker.begun += 1
        self.worker.is_busy = True
        self.reader.look_after()

    def end(self) -> None:
        self.worker.is_busy = False


@pytest.fixture
def ends() -> Iterator[Ends]:
    both = Ends()
    yield both
    both.kernel.close()


def test_an_attempt_is_read_by_the_thread_that_runs_it(ends: Ends, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker_main, "LOOK_EVERY_S", PATIENCE_S)  # no attempt goes on for long, however slow this is
    for _ in range(20):
        ends.say(START)
        ends.begin()
        ends.end()

    assert ends.worker.started_on == [threading.get_ident()] * 20


def test_what_comes_while_an_attempt_goes_on_is_read_on_another_thread(ends: Ends) -> None:
    ends.say(START)
    ends.begin()
    ends.say(say.Stop())

    message, thread = ends.worker.others.get(timeout=PATIENCE_S)

    assert isinstance(message, say.Stop)
    assert thread != threading.get_ident()


def test_no_attempt_is_lost_between_the_two_threads(ends: Ends) -> None:
    dice = random.Random(0)
    for _ in range(3000):
        ends.say(START)
        ends.begin()
        if dice.random() < 0.5:
            ends.reader.hurry()
        if dice.random() < 0.3:
            ends.say(say.Done(1))
            ends.worker.others.get(timeout=PATIENCE_S)
        ends.end()

    assert ends.worker.begun == 3000


def test_a_kernel_that_has_gone_ends_the_wait_for_work(ends: Ends) -> None:
    ends.kernel.close()

    ends.reader.read_until_work()

    assert ends.worker.inbox.get(timeout=PATIENCE_S) is None


def test_a_kernel_that_goes_during_an_attempt_is_noticed(ends: Ends) -> None:
    ends.say(START)
    ends.begin()
    ends.kernel.close()

    assert ends.left.wait(timeout=PATIENCE_S)
