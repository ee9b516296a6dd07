"""A run that somebody else went on with, as the object that its starter still holds tells of it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import flyte_nb as flyte
from flyte_nb import errors
from flyte_nb.remote import Run

env = flyte.TaskEnvironment("since")


@env.task
async def step(marker: str) -> int:
    if not os.path.exists(marker):
        raise ValueError("not yet")
    return 42


def failed_run(marker: Path) -> Run:
    run = flyte.run(step, str(marker))
    with pytest.raises(errors.RuntimeUserError, match="not yet"):
        run.outputs()
    marker.touch()
    return run


def test_a_run_that_was_resumed_by_another_object_of_this_process_has_the_outputs_of_its_new_end(
    tmp_path: Path,
) -> None:
    run = failed_run(tmp_path / "marker")
    Run.get(run.name).resume()
    assert run.outputs() == 42
    assert run.phase == "succeeded"


def test_a_run_that_was_resumed_by_another_process_has_the_outputs_of_its_new_end(home: Path, tmp_path: Path) -> None:
    run = failed_run(tmp_path / "marker")
    command = [sys.executable, "-m", "flyte_nb", "--home", str(home), "resume", run.name]
    subprocess.run(command, check=True, capture_output=True, cwd=Path(__file__).parents[2])
    assert run.outputs() == 42
    assert run.phase == "succeeded"


def test_a_failed_run_that_was_deleted_since_still_has_its_failure(home: Path, tmp_path: Path) -> None:
    run = failed_run(tmp_path / "marker")
    command = [sys.executable, "-m", "flyte_nb", "--home", str(home), "delete", run.name]
    subprocess.run(command, check=True, capture_output=True)
    assert run.phase == "failed"
