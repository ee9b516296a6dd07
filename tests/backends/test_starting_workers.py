"""What the first task in a worker process has to wait for."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

import flyte_nb as flyte
from flyte_nb.backends.processes import ProcessBackend
from flyte_nb.backends.processes.nursery_main import REQUEST

env = flyte.TaskEnvironment("starting", queue="fresh")


@env.task
def has_imported(name: str) -> bool:
    os.spawnlp(os.P_NOWAIT, "true", "true")  # nobody asks how it ended: this worker serves nobody else
    return name in sys.modules


NURSERY = """
import os, socket, sys
from flyte_nb.backends.processes.nursery_main import Nursery

class Telling(Nursery):
    def _become_worker(self, descriptors, nursery):
        os.write(descriptors[1], b"y" if "colorsys" in sys.modules else b"n")
        os._exit(0)

Telling(socket.socket(fileno=int(sys.argv[1])), ["colorsys"], []).serve()
"""


def test_a_worker_that_is_waited_for_comes_before_what_workers_may_need_is_imported() -> None:
    ours, theirs = socket.socketpair()
    answers, answer = os.pipe()

    def ask() -> None:
        socket.send_fds(ours, [REQUEST.pack(b"F", 0)], [answer, answer, answer])

    with ours, theirs:
        ask()
        nursery = subprocess.Popen([sys.executable, "-c", NURSERY, str(theirs.fileno())], pass_fds=[theirs.fileno()])
        assert os.read(answers, 1) == b"n"
        ask()
        while os.read(answers, 1) != b"y":
            ask()
    assert nursery.wait() == 0
    os.close(answers)
    os.close(answer)


def test_later_workers_find_the_large_libraries_that_the_kernel_has_imported(home: Path) -> None:
    import pandas  # noqa: F401

    flyte.init(home=home, queues={"fresh": ProcessBackend()})
    while not flyte.run(has_imported, "pandas").outputs()[0]:
        pass


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_what_is_to_be_preloaded_is_there_for_the_first_worker(home: Path, method: str) -> None:
    flyte.init(home=home, queues={"fresh": ProcessBackend(preload=["colorsys"], start_method=method)})

    assert flyte.run(has_imported, "colorsys").outputs()[0] is True


def test_a_worker_has_imported_neither_the_engine_nor_the_journal_before_its_first_task() -> None:
    code = (
        "import sys; import flyte_nb.backends.processes.worker_main;"
        "print(*{'sqlite3', 'flyte_nb._engine.live_run', 'flyte_nb._engine.submission'} & sys.modules.keys())"
    )

    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "\n"
