"""A run that was interrupted in one place goes on in another."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import flyte_nb as flyte
from flyte_nb.backends.dask import DaskBackend
from flyte_nb.backends.loop import LoopBackend
from flyte_nb.backends.processes import ProcessBackend
from flyte_nb.backends.threads import ThreadBackend
from flyte_nb.testing.program import async_program, sync_program

PLACES = {"loop": LoopBackend, "thread": ThreadBackend, "process": ProcessBackend}


def begin_at(home: Path, place: str, cluster: Any) -> None:
    flyte.init(home=home, queues={"here": DaskBackend(cluster) if place == "dask" else PLACES[place]()})


@pytest.mark.parametrize(
    ("kind", "first", "then"),
    [
        ("async", "loop", "process"),
        ("async", "process", "loop"),
        ("sync", "thread", "process"),
        ("sync", "process", "thread"),
        ("async", "loop", "dask"),
        ("async", "dask", "loop"),
        ("sync", "process", "dask"),
        ("sync", "dask", "thread"),
    ],
)
def test_what_was_finished_in_one_place_is_not_done_again_in_another(
    tmp_path: Path, cluster: Any, kind: str, first: str, then: str
) -> None:
    marks = tmp_path / "marks"
    marks.mkdir()
    program: SimpleNamespace = async_program() if kind == "async" else sync_program()
    begin_at(tmp_path / "home", first, cluster)
    run: Any = flyte.with_runcontext(queue="here").run(program.stops_half_way, str(marks))
    run.wait()
    assert run.phase == "failed"

    (marks / "go on").touch()
    begin_at(tmp_path / "home", then, cluster)
    resumed = flyte.remote.Run.get(run.name).resume()
    resumed.wait()

    assert resumed.outputs()[0] == [11, 121]
    assert (marks / "traced-10").read_text() == "x"
    assert (marks / "half way").read_text() == "xx"
    squares = [action for action in flyte.remote.Action.listall(run.name) if action.task_name == "program.square"]
    assert len(squares) == 1
