"""A home that cannot be written, for root too: whoever wants to write is told so, and what is there can be read."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import flyte_nb as flyte
from flyte_nb import errors
from flyte_nb._journal import Home, JournalReader, JournalWriter

env = flyte.TaskEnvironment("sealed")

Seal = Callable[[], None]


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[tuple[Path, Seal]]:
    """A folder, and what makes it read-only: its mode, or for root, who may write anywhere, a file system."""
    found = tmp_path / "sealed"
    found.mkdir()
    if os.getuid():
        yield found, lambda: [path.chmod(0o500) for path in (found, *found.rglob("*")) if path.is_dir()] and None
        for path in (found, *found.rglob("*")):
            path.chmod(0o700)
        return
    if sys.platform != "linux":
        pytest.skip("root may write anywhere, and a file system of our own is mounted on Linux only")
    mounted = subprocess.run(["mount", "-t", "tmpfs", "tmpfs", found], capture_output=True, text=True, check=False)
    if mounted.returncode:
        pytest.skip(f"root may write anywhere, and a file system cannot be mounted here: {mounted.stderr.strip()}")
    try:
        yield found, lambda: subprocess.run(["mount", "-o", "remount,ro", found], check=True) and None
    finally:
        subprocess.run(["umount", "-l", found], check=True)


@env.task
async def step(x: int) -> int:
    return 10 * x


def test_a_home_that_cannot_be_made_is_refused_with_the_way_out(folder: tuple[Path, Seal]) -> None:
    path, seal = folder
    seal()
    with pytest.raises(errors.InitializationError, match=r"home folder: .*FLYTE_NB_HOME"):
        flyte.init(home=path / "home")


def test_a_journal_that_became_read_only_says_so_to_whoever_writes_and_can_still_be_read(
    folder: tuple[Path, Seal], tmp_path: Path
) -> None:
    path, seal = folder
    flyte.init(home=path / "home")
    assert flyte.with_runcontext(name="before").run(step, 4).outputs() == 40
    flyte.init(home=tmp_path / "elsewhere")
    seal()

    with pytest.raises(errors.JournalWriteError, match=r"journal\.sqlite.*must be writable.*FLYTE_NB_HOME") as refused:
        JournalWriter(path / "home" / "journal.sqlite")
    assert refused.value.is_lasting
    with pytest.raises((errors.JournalWriteError, errors.InitializationError), match=r"FLYTE_NB_HOME"):
        flyte.init(home=path / "home")
    flyte.init(home=tmp_path / "elsewhere")
    assert flyte.run(step, 1).outputs() == 10
    assert [record.name for record in JournalReader(Home(path / "home").journal_path).runs()] == ["before"]
