"""`flyte-nb gc`: what no kept run refers to goes, and nothing else."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import flyte_nb as flyte
from flyte_nb._journal import Home, JournalReader
from flyte_nb._runtime import upkeep
from flyte_nb._runtime.stored_values import examine_values
from flyte_nb._runtime.upkeep import Swept, sweep
from flyte_nb.io import Dir, File
from flyte_nb.io.units import Unit
from flyte_nb.remote import Run
from flyte_nb.storage.local import LocalStore

env = flyte.TaskEnvironment("sweeping")

DAY = 24 * 3600.0


class Tagged:
    """A class that is only known as a pickle."""

    def __init__(self, path: str, weight: int = 0) -> None:
        self.path, self.ballast = path, os.urandom(weight)


@env.task
async def passed(value: Any) -> Any:
    return value


@env.task
async def written(text: str) -> File:
    file = File.new_remote("a.txt")
    async with file.open("w") as stream:
        await stream.write(text)
    return file


def keep(value: Any, run: str) -> None:
    """Have a run that refers to a value."""
    flyte.with_runcontext(name=run).run(passed, value).wait()


def age_all(folder: Path, days: float) -> float:
    then = time.time() - days * DAY
    for path in folder.rglob("*"):
        os.utime(path, (then, then))
    return then


def age(home: Path, days: float, *runs: str) -> None:
    """Let everything in the store be as old as that, and runs."""
    then = age_all(home / "store", days)
    with sqlite3.connect(home / "journal.sqlite") as connection:
        for run in runs:
            connection.execute("UPDATE runs SET ended_at = ?, created_at = ? WHERE name = ?", (then, then, run))


def swept(home: Path) -> Swept:
    return sweep(Home(home), 30 * DAY)


@env.task
async def reported(html: str, times: int) -> None:
    flyte.report.replace(html.upper() * times)
    flyte.report.flush()


def stored(folder: Path, name: str, content: str) -> File[Any]:
    (folder / name).write_text(content)
    return File.from_local_sync(folder / name)


def test_files_and_directories_that_nobody_refers_to_are_removed(home: Path, files: Path) -> None:
    kept, forgotten = stored(files, "kept", "1"), stored(files, "forgotten", "22")
    keep(kept, "young")
    keep(forgotten, "old")
    directory = Dir.from_local_sync(files)
    age(home, 40, "old")
    found = swept(home)
    assert found.runs == ["old"]
    assert kept.exists_sync()
    assert not forgotten.exists_sync()
    assert not directory.exists_sync()
    assert found.files == 1 + 3  # the list of the directory is a file too
    assert os.listdir(home / "store" / "unfinished") == []


def test_a_directory_stays_whole_for_one_file_in_it(home: Path, files: Path) -> None:
    (files / "sub").mkdir()
    (files / "sub" / "a").write_text("1")
    (files / "b").write_text("2")
    directory = Dir.from_local_sync(files)
    keep(directory.get_file_sync("sub/a"), "young")
    age(home, 40)
    swept(home)
    assert Path(directory.download_sync(), "b").read_text() == "2"


@pytest.mark.parametrize(
    "inside",
    [
        lambda path: {"place": [path]},
        lambda path: f"it is at {path}, see there",
        Tagged,
        lambda path: Tagged(path, 100_000),
        lambda path: [path, "x" * 100_000],
    ],
    ids=["structure", "text", "pickle", "stored pickle", "stored literal"],
)
def test_a_file_that_is_only_mentioned_stays(home: Path, files: Path, inside: Callable[[str], Any]) -> None:
    file = stored(files, "a", "1")
    keep(inside(file.path), "young")
    age(home, 40)
    swept(home)
    assert file.exists_sync()


def test_what_a_forgotten_run_wrote_stays_if_another_run_got_it(home: Path) -> None:
    first = flyte.with_runcontext(name="first").run(written, "1").outputs()[0]
    second = flyte.with_runcontext(name="second").run(written, "2").outputs()[0]
    keep(first, "young")
    age(home, 40, "first", "second")
    assert sorted(swept(home).runs) == ["first", "second"]
    assert first.exists_sync()
    assert not second.exists_sync()
    assert not (home / "store" / "runs" / "second").exists()


def test_all_that_a_kept_run_wrote_stays(home: Path) -> None:
    @env.task
    async def scratch() -> str:
        file = File.named_remote("checkpoint")
        async with file.open("w") as stream:
            await stream.write("1")
        return file.name or ""

    flyte.with_runcontext(name="young").run(scratch).wait()
    age(home, 40)
    assert swept(home).files == 0
    assert len(list((home / "store").rglob("checkpoint"))) == 1


def test_what_a_cell_stored_stays_as_long_as_a_run_would(home: Path, files: Path) -> None:
    keep(1, "young")
    file = stored(files, "a", "1")
    written_in_a_cell = File.new_remote("b")
    with written_in_a_cell.open_sync("w") as stream:
        stream.write("2")
    age(home, 20)
    swept(home)
    assert file.exists_sync() and written_in_a_cell.exists_sync()
    age(home, 40)
    swept(home)
    assert not file.exists_sync() and not written_in_a_cell.exists_sync()


def test_what_is_stored_again_is_young_again(home: Path, files: Path) -> None:
    keep(1, "young")
    file, directory = stored(files, "a", "1"), Dir.from_local_sync(files)
    age(home, 40)
    assert stored(files, "a", "1") == file
    assert Dir.from_local_sync(files) == directory
    swept(home)
    assert file.exists_sync() and directory.exists_sync()


@pytest.mark.parametrize("meanwhile", ["a run refers to it", "it is stored again"])
def test_what_is_used_again_while_it_is_swept_is_put_back(
    home: Path, files: Path, monkeypatch: pytest.MonkeyPatch, meanwhile: str
) -> None:
    keep(1, "young")
    file = stored(files, "a", "1")
    age(home, 40)
    put_aside = upkeep._put_aside

    def use_and_put_aside(store: Path, unit: Unit, aside: dict[Path, Unit]) -> None:
        if meanwhile == "a run refers to it":
            keep(file, "new")
        else:
            stored(files, "a", "1")
        put_aside(store, unit, aside)

    monkeypatch.setattr(upkeep, "_put_aside", use_and_put_aside)
    assert swept(home).files == 0
    with file.open_sync("r") as stream:
        assert stream.read() == "1"


def test_what_is_stored_again_after_it_was_put_aside_is_there(
    home: Path, files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep(1, "young")
    (files / "a").write_text("1")
    directory = Dir.from_local_sync(files)
    age(home, 40)
    put_aside = upkeep._put_aside

    def put_aside_and_store(store: Path, unit: Unit, aside: dict[Path, Unit]) -> None:
        put_aside(store, unit, aside)
        Dir.from_local_sync(files)

    monkeypatch.setattr(upkeep, "_put_aside", put_aside_and_store)
    swept(home)
    assert Path(directory.download_sync(), "a").read_text() == "1"


def everything(folder: Path) -> dict[Path, float]:
    return {path: path.lstat().st_mtime for path in folder.rglob("*")}


def test_a_dry_run_says_what_would_go_and_changes_nothing(home: Path, files: Path) -> None:
    keep(stored(files, "kept", "1"), "young")
    keep(stored(files, "forgotten", "22"), "old")
    age(home, 40, "old")
    before = everything(home / "store")
    would = sweep(Home(home), 30 * DAY, dry_run=True)
    assert (would.runs, would.files, would.size_bytes) == (["old"], 1, 2)
    assert everything(home / "store") == before
    assert swept(home) == would


def test_a_folder_given_as_storage_is_swept_when_it_is_named(home: Path, files: Path, tmp_path: Path) -> None:
    folder = tmp_path / "a folder"
    flyte.init(home=home, storage=folder)
    kept, forgotten = stored(files, "kept", "1"), stored(files, "forgotten", "22")
    keep(Tagged(kept.path, 100_000), "young")
    keep(forgotten, "old")
    age(home, 40, "old")
    age_all(folder, 20)
    assert sweep(Home(home), 30 * DAY, folder=folder).files == 0
    assert forgotten.exists_sync()
    age_all(folder, 40)
    assert swept(home).files == 0
    found = sweep(Home(home), 30 * DAY, folder=folder)
    assert found.files == 1 and found.size_bytes == 2
    assert kept.exists_sync()
    assert not forgotten.exists_sync()


def test_a_file_that_is_only_mentioned_in_another_store_stays(home: Path, files: Path) -> None:
    file = stored(files, "a", "1")
    flyte.init(home=home, storage=f"memory://sweeping/{os.urandom(8).hex()}")
    keep([file.path, "x" * 100_000], "young")
    age(home, 40)
    assert swept(home).files == 0
    assert file.exists_sync()


def test_a_large_report_stays_with_its_run_and_goes_with_it(home: Path) -> None:
    for run in ("young", "old"):
        flyte.with_runcontext(name=run).run(reported, f"<p>{run}</p>", 10_000).wait()
    age(home, 40, "old")
    assert swept(home).runs == ["old"]
    assert Run.get("young").get_report() == "<P>YOUNG</P>" * 10_000
    blobs = [path.read_bytes() for path in (home / "store").glob("blobs/*/*")]
    assert not any(b"<P>OLD</P>" in blob for blob in blobs)


@pytest.mark.parametrize("times", [1, 2_000])
def test_a_file_that_is_only_linked_in_a_report_stays(home: Path, times: int) -> None:
    @env.task
    async def linking(times: int) -> None:
        file = File.from_local_sync(__file__)
        flyte.report.replace(f"<a href='{file.path}'>tests</a>" * times)
        flyte.report.flush()

    flyte.run(linking, times).wait()
    age(home, 40)
    assert swept(home).files == 0


def test_the_doctor_looks_at_a_large_report_and_finds_it_damaged(home: Path) -> None:
    flyte.with_runcontext(name="young").run(reported, "<p>1</p>", 10_000).wait()
    store = LocalStore(home / "store")
    assert examine_values(Home(home), [store]).damaged == []
    [blob] = [path for path in (home / "store").glob("blobs/*/*") if b"<P>" in path.read_bytes()]
    blob.chmod(0o600)
    blob.write_bytes(b"<p>2</p>")
    (found,) = set(examine_values(Home(home), [store]).damaged)
    assert "action a0 of run young" in found
    assert "is damaged" in found


def names_of_runs(home: Path) -> set[str]:
    return {run.name for run in JournalReader(home / "journal.sqlite").runs(limit=-1)}


@pytest.mark.parametrize("when", ["before", "meanwhile"])
def test_nothing_goes_while_it_cannot_be_read_what_is_mentioned(
    home: Path, files: Path, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    keep(["x" * 100_000], "young")
    file = stored(files, "a", "1")
    keep(file, "old")
    age(home, 40, "old")
    put_aside = upkeep._put_aside

    def damage() -> None:
        for value in (home / "store").glob("blobs/*/*.pickle"):
            value.unlink()
            value.mkdir()

    def damage_and_put_aside(store: Path, unit: Unit, aside: dict[Path, Unit]) -> None:
        damage()
        put_aside(store, unit, aside)

    if when == "before":
        damage()
    else:
        monkeypatch.setattr(upkeep, "_put_aside", damage_and_put_aside)
    with pytest.raises(IsADirectoryError, match=r"Cannot read '.*\.pickle'"):
        swept(home)
    assert file.exists_sync()
    assert names_of_runs(home) == {"young", "old"}


def test_an_interrupt_while_it_is_put_aside_what_nobody_refers_to_leaves_all_where_it_was(
    home: Path, files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    a, b = stored(files, "a", "1"), stored(files, "b", "2")
    keep([a, b], "old")
    age(home, 40, "old")
    rename = Path.rename

    def rename_and_strike(path: Path, target: Path) -> Path:
        monkeypatch.setattr(Path, "rename", rename)
        path.rename(target)
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "rename", rename_and_strike)
    with pytest.raises(KeyboardInterrupt):
        swept(home)
    assert a.exists_sync() and b.exists_sync()
    assert names_of_runs(home) == {"old"}
    assert os.listdir(home / "store" / "unfinished") == []
    assert swept(home).runs == ["old"]
    assert not (a.exists_sync() or b.exists_sync())


def test_what_an_old_run_mentions_stays_where_it_is_resumed_while_the_store_is_swept(
    home: Path, files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = stored(files, "a", "1")
    keep(file, "old")
    age(home, 40, "old")
    forget = upkeep.forget_runs

    def resume_and_forget(journal: Path, keep_s: float) -> list[str]:
        if journal == home / "journal.sqlite":
            with sqlite3.connect(journal) as connection:
                connection.execute("UPDATE runs SET ended_at = ?", (time.time(),))
        return forget(journal, keep_s)

    monkeypatch.setattr(upkeep, "forget_runs", resume_and_forget)
    assert swept(home) == Swept([], 0, 0)
    assert file.exists_sync()
