"""What the first task in a worker process has to wait for."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import flyte_nb as flyte
from flyte_nb.backends.processes import ProcessBackend

env = flyte.TaskEnvironment("starting", queue="fresh")


@env.task
def has_imported(name: str) -> bool:
    os.spawnlp(os.P_NOWAIT, "true", "true")  # nobody asks how it ended: this worker serves nobody else
    return name in sys.modules


def test_the_first_worker_does_not_wait_for_large_libraries_and_later_ones_find_them(home: Path) -> None:
    import pandas  # noqa: F401

    def first_worker_has_it() -> bool:
        flyte.init(home=home, queues={"fresh": ProcessBackend()})
        return bool(flyte.run(has_imported, "pandas").outputs()[0])

    # a kernel that is held up before it asks may find it imported: nobody waited for that either
    assert not all(first_worker_has_it() for _ in range(5))
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
