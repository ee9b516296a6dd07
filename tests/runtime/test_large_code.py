"""Large constants of a task: read once for a run, and kept outside the journal."""

from __future__ import annotations

import contextvars
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

import flyte_nb as flyte
from flyte_nb import errors
from flyte_nb._code import data
from flyte_nb._journal import Home
from flyte_nb._runtime.stored_values import examine_values
from flyte_nb._runtime.upkeep import sweep
from flyte_nb.remote import Run
from flyte_nb.storage.local import LocalStore

PROGRAM = """
import numpy
import flyte_nb as flyte

env = flyte.TaskEnvironment("large")
WEIGHTS = numpy.random.default_rng(1).random(1_000_000)


@env.task
async def weigh(place: int, fails: bool) -> float:
    if fails:
        raise ValueError("as asked")
    return float(WEIGHTS[place])


if __name__ == "__main__":
    for name in ("first", "second"):
        flyte.with_runcontext(name=name).run(weigh, 7, True).wait()
"""
CONSTANTS = {
    "array": ("import numpy; LARGE = numpy.arange(100_000)", "LARGE[n]"),
    "series": ("import pandas; LARGE = pandas.Series(range(100_000), name='a')", "LARGE.iloc[n]"),
    "frame": ("import pandas; LARGE = pandas.DataFrame({'a': range(100_000)})", "LARGE['a'].iloc[n]"),
    "polars frame": ("import polars; LARGE = polars.DataFrame({'a': range(100_000)})", "LARGE['a'][n]"),
}


@pytest.mark.parametrize("kind", CONSTANTS)
def test_a_large_constant_is_read_once_for_a_run(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    reads: list[int] = []
    digest = data._digest

    def noting(content: Any) -> bytes:
        if len(content) > 100_000:
            reads.append(1)
        return digest(content)

    monkeypatch.setattr(data, "_digest", noting)
    names = {"env": flyte.TaskEnvironment("large"), "__name__": "__main__"}
    made, read = CONSTANTS[kind]
    exec(f"{made}\n@env.task\nasync def one(n: int) -> int:\n    return int({read})\n", names)
    task: Any = names["one"]
    for n in (1, 2):
        assert flyte.run(task, n).outputs() == n
        assert len(reads) == n
    names["LARGE"] = names["LARGE"][50_000:]
    assert flyte.run(task, 3).outputs() == 50_003


def test_what_was_read_for_one_run_is_not_taken_for_what_goes_on_in_a_copy_of_its_context() -> None:
    numpy = pytest.importorskip("numpy")
    large = numpy.arange(10)

    def digest() -> bytes | None:
        return data.encode_data(large, "large", lambda item, name: b"")

    with data.each_read_once():
        before = digest()
        context = contextvars.copy_context()
        large[0] = 7
        assert digest() == before
    assert context.run(digest) == digest() != before


@pytest.fixture
def runs(home: Path, tmp_path: Path) -> Path:
    """A home with two runs of a task with eight megabytes of constants, which failed elsewhere."""
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    env = {**os.environ, "FLYTE_NB_HOME": str(home)}
    subprocess.run([sys.executable, str(program)], env=env, check=True)
    return home


def code_in(home: Path) -> list[Path]:
    return list((home / "store").rglob("*.code"))


def test_large_code_is_kept_once_outside_the_journal_and_another_process_goes_on_with_it(runs: Path) -> None:
    assert [path.stat().st_size > 8_000_000 for path in code_in(runs)] == [True]
    assert sum(path.stat().st_size for path in runs.glob("journal.sqlite*")) < 4_000_000

    again = flyte.rerun("first", fails=False)
    assert 0 < again.outputs()[0] < 1


def test_large_code_that_is_gone_is_named_by_whoever_needs_it_and_by_the_doctor(runs: Path) -> None:
    [code] = code_in(runs)
    code.unlink()
    with pytest.raises(errors.StorageError, match=rf"{code} is missing"):
        Run.get("first").resume()
    found = examine_values(Home(runs), [LocalStore(str(runs / "store"))])
    assert len(found.damaged) == 2
    assert f"{code} is missing" in found.damaged[0]


def test_large_code_stays_as_long_as_a_run_that_has_it(runs: Path) -> None:
    long_ago = time.time() - 100 * 24 * 3600
    [code] = code_in(runs)
    os.utime(code, (long_ago, long_ago))
    sweep(Home(runs), 30 * 24 * 3600)
    assert code.exists()
    sweep(Home(runs), 0)
    assert not code.exists()
