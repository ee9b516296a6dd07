"""Classes and frames of a notebook in worker processes, which have no notebook."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

PROGRAM = Path(__file__).with_name("notebook_program.py")


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> list[Any]:
    """What the program found, in the order of its parts."""
    done = subprocess.run(
        [sys.executable, PROGRAM, tmp_path_factory.mktemp("home")], capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    return list(ast.literal_eval(done.stdout.splitlines()[-1]))


def test_annotations_that_are_text_mean_there_what_they_mean_here(found: list[Any]) -> None:
    tree = found[0]
    assert tree["trunk"]["leaves"] == [{"weight": 2.0}]
    assert tree["trunk"]["other"]["other"] == {"leaves": [], "other": None}
    assert tree["tags"] == {"x": {"weight": 3.0}}


@pytest.mark.parametrize("annotations", [1, 2], ids=["text", "classes"])
def test_classes_of_a_cell_that_is_run_again_are_the_new_ones_there_too(found: list[Any], annotations: int) -> None:
    assert found[annotations] == [1.0, 2.0, 3.0]


def test_what_a_worker_does_to_its_frame_nobody_else_sees(found: list[Any]) -> None:
    assert found[3] == [[2, 4], [2, 4], [1, 2]]
