"""What deployed tasks ran in goes when they are not called any more, and is made anew when they are."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

import flyte_nb as flyte
from flyte_nb import remote
from flyte_nb._runtime.runtime import current_runtime
from flyte_nb.backends.deployed.retention import sweep_deployed

from .conftest import deploy, put

TEAM = """
import flyte_nb as flyte
env = flyte.TaskEnvironment("team")

@env.task
async def twice(x: int) -> int:
    return 2 * x
"""
CALLER = "import sys, flyte_nb as flyte; flyte.init(home=sys.argv[1], registry=sys.argv[2]);"
CALLS = CALLER + "assert flyte.run(flyte.remote.Task.get('team.twice'), x=4).outputs() == 8"
LONG = 3600.0


@pytest.fixture
def registry(tmp_path: Path) -> Path:
    put(tmp_path, "team.py", TEAM)
    deploy(tmp_path / "registry", tmp_path, "team")
    return tmp_path / "registry"


def called_elsewhere(home: Path, registry: Path) -> Path:
    """Another process calls a deployed task; what it has left of its code in the home."""
    subprocess.run([sys.executable, "-c", CALLS, str(home), str(registry)], check=True, env=dict(os.environ))
    [code] = [path for path in (home / "deployed" / "code").iterdir() if path.is_dir()]
    return code


def test_what_was_not_called_for_long_is_removed_and_made_anew_by_the_next_call(home: Path, registry: Path) -> None:
    code = called_elsewhere(home, registry)
    used = time.time() - 2 * LONG
    os.utime(code.with_name(f"{code.name}.used"), (used, used))

    assert sweep_deployed(home / "deployed", 3 * LONG) == (0, 0)
    count, size_bytes = sweep_deployed(home / "deployed", LONG, dry_run=True)
    assert count == 1 and size_bytes > 0 and code.is_dir()
    assert sweep_deployed(home / "deployed", LONG) == (count, size_bytes)

    assert not code.exists()
    assert called_elsewhere(home, registry) == code
    assert sweep_deployed(home / "deployed", LONG) == (0, 0), "a call makes it young"


def test_what_a_living_process_has_called_stays_however_long_ago(home: Path, registry: Path) -> None:
    flyte.init(home=home, registry=registry)
    assert flyte.run(remote.Task.get("team.twice"), x=4).outputs() == 8

    assert sweep_deployed(current_runtime().home.deployed_path, 0.0) == (0, 0)
    assert flyte.run(remote.Task.get("team.twice"), x=5).outputs() == 10


def test_gc_says_what_it_removed(home: Path, registry: Path) -> None:
    called_elsewhere(home, registry)
    command = [sys.executable, "-m", "flyte_nb", "gc", "--keep", "0s"]

    done = subprocess.run(command, env={**os.environ, "FLYTE_NB_HOME": str(home)}, capture_output=True, text=True)

    assert "Removed 1 copy of code and packages of deployed tasks that were not called for 0s (" in done.stdout
