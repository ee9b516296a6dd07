"""The records of a home in a process that only looks."""

from __future__ import annotations

from pathlib import Path

import flyte_nb as flyte
from flyte_nb._follow.archive import Archive
from flyte_nb._journal import Home

env = flyte.TaskEnvironment("archive")


@env.task
async def step() -> None: ...


def test_a_journal_that_took_the_place_of_another_is_the_one_that_is_read(home: Path, tmp_path: Path) -> None:
    archive = Archive(Home(home))
    flyte.with_runcontext(name="old").run(step).wait()
    assert [record.name for record in archive.reader.runs()] == ["old"]
    before = archive.version()
    flyte.init(home=tmp_path / "another")
    for file in home.glob("journal.sqlite*"):
        file.unlink()
    flyte.init(home=home)
    flyte.with_runcontext(name="new").run(step).wait()
    assert [record.name for record in archive.reader.runs()] == ["new"]
    assert archive.version() != before
    archive.close()
