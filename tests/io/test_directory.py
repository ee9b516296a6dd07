"""A directory goes into any store and comes out of it as it was."""

from __future__ import annotations

import asyncio
import io
import os
import re
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from flyte_nb.errors import StorageError
from flyte_nb.io import Dir, File
from flyte_nb.io.progress import Progress
from flyte_nb.storage import Store, open_store, use_store
from flyte_nb.storage.addresses import filesystem

Listen = Callable[[Callable[[str], None]], AbstractContextManager[None]]

TREE = {
    "a.txt": b"one",
    "sub/b ü.csv": b"two",
    "sub/deep/c#?[x].bin": b"",
    ".hidden": b"three",
    "z": os.urandom(9_000_000),
}


@pytest.fixture
def tree(files: Path) -> Path:
    for name, content in TREE.items():
        path = files / "tree" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return files / "tree"


def contents(folder: str | Path) -> dict[str, bytes]:
    found = [path for path in Path(folder).rglob("*") if path.is_file()]
    return {str(path.relative_to(folder)): path.read_bytes() for path in found}


def test_a_local_folder_comes_back_as_it_was(store: Store, tree: Path, files: Path) -> None:
    directory = Dir.from_local_sync(tree)
    assert directory.name == "tree"
    assert directory.exists_sync()
    assert not directory.empty_sync()
    assert contents(directory.download_sync(files / "copy")) == TREE
    assert contents(directory.download_sync()) == TREE
    assert Dir.from_local_sync(files / "copy").hash == directory.hash
    assert Dir.from_local_sync(tree) == directory


def test_files_are_walked_in_order(store: Store, tree: Path) -> None:
    directory = Dir.from_local_sync(tree)
    files = list(directory.walk_sync())
    assert sorted(file.path for file in files) == sorted(f"{directory.path}/{name}" for name in TREE)
    for file in files:
        with file.open_sync() as stream:
            assert stream.read() == TREE[file.path.removeprefix(directory.path + "/")]
        assert Path(file.download_sync()).name == file.name
    top = [".hidden", "a.txt", "z"]
    assert [file.name for file in directory.list_files_sync()] == top
    assert [file.name for file in directory.walk_sync(recursive=False)] == top
    assert [file.name for file in directory.walk_sync(max_depth=1)] == top
    assert len(list(directory.walk_sync(max_depth=2))) == 4
    assert [file.name for file in directory.walk_sync(file_pattern="*.csv")] == ["b ü.csv"]
    with pytest.raises(ValueError, match="at least 1"):
        list(directory.walk_sync(max_depth=0))
    for depth in ("1", 1.5, True):
        with pytest.raises(TypeError, match=f"max_depth is a whole number, or None for all folders; got {depth!r}"):
            list(directory.walk_sync(max_depth=depth))  # type: ignore[arg-type]


def test_all_of_it_may_be_awaited(store: Store, tree: Path) -> None:
    async def check() -> None:
        directory = await Dir.from_local(tree)
        assert {file.name async for file in directory.walk()} == {Path(name).name for name in TREE}
        assert len(await directory.list_files()) == 3
        assert await directory.exists()
        assert not await directory.empty()
        file = await directory.get_file("sub/b ü.csv")
        assert file is not None
        async with file.open() as stream:
            assert await stream.read() == b"two"
        assert contents(await directory.download()) == TREE

    asyncio.run(check())


def test_one_file_is_taken_out(store: Store, tree: Path, files: Path) -> None:
    directory = Dir.from_local_sync(tree)
    file = directory.get_file_sync("sub/b ü.csv")
    assert file is not None
    assert file.name == "b ü.csv"
    assert file.hash == File.from_local_sync(tree / "sub/b ü.csv").hash
    assert directory.get_file_sync("missing") is None
    assert directory.get_file_sync("sub") is None
    with pytest.raises(ValueError, match="cannot be the name"):
        directory.get_file_sync("../a")


def test_files_are_written_into_a_new_directory(store: Store) -> None:
    directory = Dir.new_remote("dataset/")
    assert directory.name == "dataset"
    assert not directory.exists_sync()
    assert directory.empty_sync()
    with directory.new_file("part/0.csv").open_sync("w") as stream:
        stream.write("x")
        assert directory.empty_sync()
    assert directory.exists_sync()
    assert [file.name for file in directory.walk_sync()] == ["0.csv"]


def test_an_empty_folder_is_kept(store: Store, files: Path) -> None:
    (files / "empty" / "inner").mkdir(parents=True)
    directory = Dir.from_local_sync(files / "empty")
    assert directory.exists_sync()
    assert directory.empty_sync()
    assert list(directory.walk_sync()) == []
    assert contents(directory.download_sync(files / "copy")) == {}


def test_empty_folders_in_it_are_kept_on_this_machine(near: Path, tree: Path, files: Path) -> None:
    (tree / "sub" / "empty" / "inner").mkdir(parents=True)
    stored = Dir.from_local_sync(tree)
    own = Dir.from_local_sync(tree, str(files / "own"))
    for folder in (stored.path, own.path, stored.download_sync(), own.download_sync(files / "copy")):
        assert Path(folder, "sub", "empty", "inner").is_dir()


def test_an_empty_folder_more_makes_it_another_directory(near: Path, tree: Path, files: Path) -> None:
    without = Dir.from_local_sync(tree)
    (tree / "sub" / "empty").mkdir()
    stored, own = Dir.from_local_sync(tree), Dir.from_local_sync(tree, str(files / "own"))
    assert Path(stored.download_sync(), "sub", "empty").is_dir()
    assert not Path(without.download_sync(), "sub", "empty").exists()
    assert stored.hash == own.hash != without.hash


def test_a_copy_that_goes_on_in_a_folder_is_no_part_of_it(
    near: Path, tree: Path, files: Path, at_write_points: Listen
) -> None:
    directory = Dir.from_local_sync(tree)
    found = []

    def look(point: str) -> None:
        if point == "before_publish":
            found.append([file.name for file in Dir.from_existing_remote(str(files)).walk_sync()])

    (files / "other").mkdir()
    with at_write_points(look):
        directory.download_sync(files / "other" / "copy")
    assert found == [sorted(name.rpartition("/")[2] for name in TREE)]


def test_a_destination_of_ones_own(store: Store, tree: Path) -> None:
    directory = Dir.from_local_sync(tree, store.path_for("own/tree"))
    assert directory.path == store.path_for("own/tree")
    assert contents(Dir.from_existing_remote(directory.path).download_sync()) == TREE


def test_many_files(store: Store, files: Path) -> None:
    count = 10_000 if "://" not in store.root else 200
    (files / "many").mkdir()
    for number in range(count):
        (files / "many" / f"{number:05}").write_text(str(number))
    directory = Dir.from_local_sync(files / "many")
    assert contents(directory.download_sync()) == {f"{number:05}": str(number).encode() for number in range(count)}


class Terminal(io.StringIO):
    """What somebody watches."""

    def isatty(self) -> bool:
        return True


def test_on_a_terminal_a_line_moves_and_is_gone_afterwards(
    store: Store, tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("FIRST_AFTER_S", "MOVE_EVERY_S"):
        monkeypatch.setattr(f"flyte_nb.io.progress.{name}", 0.0)
    monkeypatch.setattr("sys.stderr", Terminal())
    directory = Dir.from_local_sync(tree)
    directory.download_sync()
    shown = sys.stderr.getvalue()
    total = f"{sum(map(len, TREE.values())) / 2**20:,.1f} MiB"
    assert re.search(rf"\r(Storing|Uploading) tree: 5 of 5 files, .* of {re.escape(total)}", shown)
    assert "\rDownloading tree: 5 of 5 files" in shown
    assert shown.endswith(" \r")
    assert "\n" not in shown


def test_what_is_over_at_once_is_not_worth_a_word(near: Path, tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stderr", Terminal())
    Dir.from_local_sync(tree).download_sync()
    assert sys.stderr.getvalue() == ""


def test_links_are_followed_but_not_round_in_a_circle(near: Path, tree: Path) -> None:
    (tree / "link").symlink_to(tree / "sub")
    assert "link/b ü.csv" in contents(Dir.from_local_sync(tree).download_sync())
    assert len(list(Dir.from_local_sync(tree).walk_sync())) == len(TREE) + 2
    (tree / "sub" / "loop").symlink_to(tree)
    with pytest.raises(StorageError, match=r"loop.*never ends"):
        Dir.from_local_sync(tree)
    assert [path for path in (near / "unfinished").iterdir()] == []


def test_a_link_that_leads_nowhere_is_named(near: Path, tree: Path) -> None:
    (tree / "broken").symlink_to(tree / "missing")
    with pytest.raises(StorageError, match=r"broken.*nowhere"):
        Dir.from_local_sync(tree)


def test_an_interrupt_ends_the_copy_of_many_files_and_leaves_nothing(
    near: Path, files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (files / "many").mkdir()
    for number in range(1_000):
        (files / "many" / str(number)).write_text("x")
    directory = Dir.from_local_sync(files / "many")
    (files / "many" / "0").write_text("y")
    before = sorted(near.rglob("*"))

    def interrupt(self: Progress) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Progress, "show", interrupt)
    with pytest.raises(KeyboardInterrupt):
        Dir.from_local_sync(files / "many")
    with pytest.raises(KeyboardInterrupt):
        directory.download_sync(files / "copy")
    assert sorted(near.rglob("*")) == before
    assert [path.name for path in files.iterdir()] == ["many"]


def test_missing_things_and_files_are_named(store: Store, tree: Path) -> None:
    with pytest.raises(FileNotFoundError, match="nothing at that address"):
        Dir.from_local_sync(tree / "missing")
    with pytest.raises(NotADirectoryError, match=r"a\.txt.*Use File"):
        Dir.from_local_sync(tree / "a.txt")
    gone = Dir.new_remote("gone")
    with pytest.raises(FileNotFoundError, match="gone"):
        gone.download_sync()
    with pytest.raises(FileNotFoundError, match="gone"):
        list(gone.walk_sync())
    file = File.from_local_sync(tree / "a.txt")
    with pytest.raises(NotADirectoryError, match=r"a\.txt"):
        Dir.from_existing_remote(file.path).list_files_sync()
    directory = Dir.from_local_sync(tree)
    with pytest.raises((IsADirectoryError, FileNotFoundError), match="tree"):
        File.from_existing_remote(directory.path).download_sync()


def test_damage_is_found_when_a_directory_is_downloaded(near: Path, tree: Path, files: Path) -> None:
    directory = Dir.from_local_sync(tree)
    Path(directory.path, "a.txt").write_bytes(b"onE")
    with pytest.raises(StorageError, match=r"a\.txt is damaged"):
        directory.download_sync(files / "copy")
    Path(directory.path, "a.txt").unlink()
    with pytest.raises(StorageError, match=r"missing, 'a\.txt'"):
        directory.download_sync(files / "copy")


def test_a_download_that_fails_leaves_no_part_of_a_new_folder(store: Store, tree: Path, files: Path) -> None:
    directory = Dir.from_local_sync(tree)
    system, path = filesystem(f"{directory.path}/z")
    system.pipe_file(path, b"damaged")
    with pytest.raises(StorageError, match="damaged"):
        directory.download_sync(files / "copy")
    assert [path.name for path in files.iterdir()] == ["tree"]


def test_a_download_joins_what_was_put_at_its_place_meanwhile(
    near: Path, tree: Path, files: Path, at_write_points: Listen
) -> None:
    directory = Dir.from_local_sync(tree)
    copy = files / "copy"

    def somebody_writes(point: str) -> None:
        if point == "before_publish" and not copy.exists():
            copy.mkdir()
            (copy / "mine").write_bytes(b"four")

    with at_write_points(somebody_writes):
        directory.download_sync(copy)
    assert contents(copy) == {**TREE, "mine": b"four"}
    assert sorted(path.name for path in files.iterdir()) == ["copy", "tree"]


def test_an_object_s_name_does_not_lead_out(s3_address: str, files: Path) -> None:
    import s3fs

    address = f"{s3_address}/hostile"
    s3fs.S3FileSystem().pipe_file(f"{address}/../evil".removeprefix("s3://"), b"x")
    with pytest.raises((StorageError, FileNotFoundError)):
        Dir.from_existing_remote(address).download_sync(files / "in")
    assert not (files / "evil").exists()


def test_files_with_odd_names_are_in_it(store: Store, files: Path) -> None:
    colons = [] if store.root.startswith("memory:") else ["a::b"]  # fsspec's memory takes it for two addresses
    names = [".mine.unfinished", *colons, "a\\b", "ü 100%.txt"]
    for name in names:
        (files / name).write_text(name)
    directory = Dir.from_local_sync(files)
    assert [file.name for file in directory.walk_sync()] == names
    copy = Path(directory.download_sync())
    assert {path.name: path.read_text() for path in copy.iterdir()} == {name: name for name in names}


def test_a_name_that_is_no_unicode_stays_on_this_machine(near: Path, s3_address: str, files: Path) -> None:
    name = b"odd\xff".decode("utf-8", "surrogateescape")
    (files / name).write_text("x")
    assert [file.name for file in Dir.from_local_sync(files).walk_sync()] == [name]
    with use_store(open_store(s3_address)), pytest.raises(StorageError, match="odd.*not valid Unicode"):
        Dir.from_local_sync(files)
