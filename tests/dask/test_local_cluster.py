"""`DaskBackend.local` in scripts, whose workers import the script anew, and with options that make no cluster."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import flyte_nb as flyte
from flyte_nb import errors
from flyte_nb.backends.dask import DaskBackend

env = flyte.TaskEnvironment("local")

SCRIPT = """
import os, pathlib, sys
import flyte_nb as flyte
from flyte_nb.backends.dask import DaskBackend

pathlib.Path(sys.argv[1], f"imported-{os.getpid()}").touch()
env = flyte.TaskEnvironment("script")

@env.task
def square(x: int) -> int:
    return x * x

"""
RUN = """
flyte.init(home=sys.argv[1], queues={"dask": DaskBackend.local(1)})
print(flyte.with_runcontext(mode="dask").run(square, 7).outputs())
"""


def finished(tmp_path: Path, text: str) -> subprocess.CompletedProcess[str]:
    script = tmp_path / "script.py"
    script.write_text(text)
    return subprocess.run(
        [sys.executable, str(script), str(tmp_path)], capture_output=True, text=True, timeout=60, env=dict(os.environ)
    )


def test_a_script_that_starts_runs_when_it_is_imported_is_told_so_and_starts_no_crowd(tmp_path: Path) -> None:
    done = finished(tmp_path, SCRIPT + RUN)

    assert done.returncode == 1
    assert 'belongs under `if __name__ == "__main__":`' in done.stderr.splitlines()[-1]
    assert len(list(tmp_path.glob("imported-*"))) <= 3, "workers have started clusters of their own"


def test_a_script_whose_runs_are_guarded_runs_on_a_cluster_of_this_machine(tmp_path: Path) -> None:
    guarded = 'if __name__ == "__main__":\n' + "".join(f"    {line}\n" for line in RUN.split("\n") if line)

    done = finished(tmp_path, SCRIPT + guarded)

    assert done.stdout == "ActionOutputs(49)\n", done.stderr


@env.task
def square(x: int) -> int:
    return x * x


def test_options_that_make_no_cluster_are_an_error_that_says_so(home: Path) -> None:
    flyte.init(home=home, queues={"dask": DaskBackend.local(n_workers="two")})

    with pytest.raises(errors.ClusterError, match="DaskBackend.local could not be started: TypeError: .*str"):
        flyte.with_runcontext(mode="dask").run(square, 2)
