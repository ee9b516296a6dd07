"""Where nothing can be: an error names the end of the copy that it is about, and nothing is half there."""

from __future__ import annotations

import asyncio
import resource
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from flyte_nb.errors import StorageError
from flyte_nb.io import Dir, File

ROOM = 100_000


@pytest.fixture
def tree(files: Path) -> Path:
    """Two files that are copied at once, the second of which is the one there is no room for, and a larger one."""
    (files / "tree").mkdir()
    (files / "tree" / "a").write_bytes(bytes(10))
    (files / "tree" / "b").write_bytes(bytes(60_000))
    (files / "tree" / "c").write_bytes(bytes(ROOM + 1))
    return files / "tree"


@pytest.fixture(params=[ROOM, 50_000])
def little_room(request: pytest.FixtureRequest) -> Iterator[Callable[[], None]]:
    """From then on no file can become larger, as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    yield lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (request.param, hard))
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_place_without_room_is_named_and_holds_nothing_half(
    near: Path, tree: Path, files: Path, little_room: Callable[[], None]
) -> None:
    directory, file = Dir.from_local_sync(tree), File.from_local_sync(tree / "c")
    (tree / "c").write_bytes(bytes(ROOM + 2))
    before = sorted(near.rglob("*"))
    little_room()
    for work, named in [
        (lambda: file.download_sync(files / "copy"), "mine/copy"),
        (lambda: directory.download_sync(files / "copies"), "mine/.*copies"),
        (lambda: File.from_local_sync(tree / "c", str(files / "own")), "mine/own"),
        (lambda: Dir.from_local_sync(tree, str(files / "owns")), "mine/.*owns"),
        (lambda: File.from_local_sync(tree / "c"), "store/unfinished"),
        (lambda: Dir.from_local_sync(tree), "store/unfinished"),
    ]:
        with pytest.raises(StorageError, match=f"Cannot write '.*{named}.*too large"):
            work()
    assert [path.name for path in files.iterdir()] == ["tree"]
    assert sorted(near.rglob("*")) == before


def test_a_directory_at_the_place_of_a_file_is_named(near: Path, tree: Path, files: Path) -> None:
    directory, file = Dir.from_local_sync(tree), File.from_local_sync(tree / "a")
    (files / "copies" / "b").mkdir(parents=True)
    for work in (
        lambda: directory.download_sync(files / "copies"),
        lambda: Dir.from_local_sync(tree, str(files / "copies")),
        lambda: File.from_local_sync(tree / "a", str(files / "copies" / "b")),
        lambda: File.from_existing_remote(str(files / "copies" / "b")).open_sync("w").__enter__(),
    ):
        with pytest.raises(IsADirectoryError, match="Cannot write '.*copies/b': a directory is there already"):
            work()
    assert file.download_sync(files / "copies" / "b") == str(files / "copies" / "b" / "a")


def test_a_file_at_the_place_of_a_folder_is_named(near: Path, tree: Path, files: Path) -> None:
    (tree / "sub").mkdir()
    (tree / "sub" / "a").write_text("x")
    directory = Dir.from_local_sync(tree)
    (files / "copies").mkdir()
    (files / "copies" / "sub").write_text("mine")
    for work in (
        lambda: directory.download_sync(files / "copies"),
        lambda: directory.download_sync(files / "copies" / "sub"),
        lambda: directory.download_sync(files / "copies" / "sub" / "x"),
        lambda: Dir.from_local_sync(tree, str(files / "copies" / "sub" / "x")),
    ):
        with pytest.raises((FileExistsError, NotADirectoryError), match="Cannot write '.*copies/sub"):
            work()
    assert (files / "copies" / "sub").read_text() == "mine"


@pytest.mark.parametrize(
    "path,error,text",
    [("a\0b", ValueError, "'a.x00b' is no path"), ("", ValueError, "empty text"), (None, TypeError, "got NoneType")],
)
def test_what_is_no_path_is_said(
    near: Path, files: Path, tree: Path, path: Any, error: type[Exception], text: str
) -> None:
    file, directory = File.from_local_sync(tree / "a"), Dir.from_local_sync(tree)
    uses: list[Callable[[], Any]] = [
        lambda: File.from_local_sync(path),
        lambda: asyncio.run(File.from_local(path)),
        lambda: Dir.from_local_sync(path),
    ]
    if path is not None:
        uses += [lambda: file.download_sync(path), lambda: directory.download_sync(path)]
    for use in uses:
        with pytest.raises(error, match=text):
            use()


@pytest.mark.parametrize("kind", [File, Dir])
def test_an_address_with_a_null_character_is_refused(near: Path, tree: Path, kind: Any) -> None:
    source = tree if kind is Dir else tree / "a"
    for use in (
        lambda: kind(path="a\0b"),
        lambda: kind.from_existing_remote("a\0b"),
        lambda: kind.from_local_sync(source, "a\0b"),
    ):
        with pytest.raises(ValueError, match="'a.x00b' is no path"):
            use()
