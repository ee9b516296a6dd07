"""Thirty rounds of chaos; `make chaos` plays three hundred larger ones, Dask among them."""

from __future__ import annotations

import subprocess
import sys

import pytest

SEED = 1
ROUNDS = {
    "deep": 6,
    "wide": 5,
    "traced": 5,
    "asked": 4,
    "filed": 4,
    "stored on S3": 1,
    "processes": 2,
    "notebook": 2,
    "notebook, code kept": 1,
}


@pytest.mark.parametrize("workflow", ROUNDS)
def test_a_run_that_was_struck_and_resumed_ends_as_if_nothing_had_happened(workflow: str) -> None:
    if workflow == "stored on S3":
        pytest.importorskip("s3fs")
        pytest.importorskip("moto.server")
    command = ["-m", "tests.chaos", "--small", "--rounds", str(ROUNDS[workflow]), "--seed", str(SEED)]
    played = subprocess.run(
        [sys.executable, *command, "--workflow", workflow], capture_output=True, text=True, check=False
    )
    assert played.returncode == 0, played.stdout + played.stderr
    assert " at " in played.stdout, "nothing was struck, so that nothing is shown"
