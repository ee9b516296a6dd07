"""A file goes into any store and comes out of it as it was, and nothing half-written is ever seen."""

from __future__ import annotations

import asyncio
import gzip
import os
import stat
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from flyte_nb.errors import NotInTaskContextError, StorageError
from flyte_nb.io import Dir, File
from flyte_nb.storage import Store, open_store
from flyte_nb.storage.digests import PIECE_BYTES, RunningDigest, digest_in
from flyte_nb.storage.local_copy import file_digest

NOBODY = 65534
CONTENTS = [b"", b"content", os.urandom(PIECE_BYTES), os.urandom(2 * PIECE_BYTES + 12_345)]


@pytest.mark.parametrize("content", CONTENTS, ids=len)
def test_a_local_file_comes_back_as_it_was(store: Store, files: Path, content: bytes) -> None:
    newline = "" if store.root.startswith("s3:") else "\n"  # the test server has no route for one
    source = files / f"a name ü{newline}#?&.csv"
    source.write_bytes(content)
    file = File.from_local_sync(source)
    assert file.name == source.name
    assert file.path.startswith(store.root)
    assert file.exists_sync()
    with file.open_sync() as stream:
        assert stream.read() == content
    copy = file.download_sync(files / "copies" / "copy.csv")
    assert copy == str(files / "copies" / "copy.csv")
    assert Path(copy).read_bytes() == content
    assert Path(file.download_sync()).read_bytes() == content
    assert file.download_sync(files) == str(source)


@pytest.mark.parametrize("content", CONTENTS, ids=len)
def test_the_digest_is_the_same_however_it_is_made(store: Store, files: Path, content: bytes) -> None:
    (files / "a").write_bytes(content)
    uploaded = File.from_local_sync(files / "a")
    written = File.new_remote("a")
    with written.open_sync("wb") as stream:
        for at in range(0, len(content), 1_000_003):
            stream.write(content[at : at + 1_000_003])
    running = RunningDigest()
    running.update(content)
    assert uploaded.hash == written.hash
    assert digest_in(uploaded.hash) == running.digest() == file_digest(str(files / "a"))


def test_the_same_content_is_kept_once_and_later_changes_are_not_seen(store: Store, files: Path) -> None:
    (files / "a.txt").write_text("one")
    first, second = File.from_local_sync(files / "a.txt"), File.from_local_sync(files / "a.txt")
    assert first == second
    (files / "a.txt").write_text("two")
    third = File.from_local_sync(files / "a.txt")
    assert third.path != first.path
    assert third.hash != first.hash
    with first.open_sync("r") as stream:
        assert stream.read() == "one"


def test_files_open_in_an_async_block(store: Store) -> None:
    async def check() -> None:
        file = File.new_remote("lines.txt")
        assert not await file.exists()
        async with file.open("w") as stream:
            assert stream.writable()
            await stream.write("hällo\n")
            await stream.writelines(["wörld\n", "x" * 200_000])
            await stream.flush()
        assert await file.exists()
        assert file.hash is not None
        async with file.open("r") as stream:
            lines = [line async for line in stream]
        assert lines == ["hällo\n", "wörld\n", "x" * 200_000]
        async with file.open("rb") as stream:
            assert await stream.read(7) == "hällo\n".encode()
            assert await stream.seek(7) == 7
            assert await stream.tell() == 7
            assert await stream.read(3) == "wö".encode()
            assert len(await stream.read()) > 200_000
        path = await file.download()
        assert Path(path).name == "lines.txt"

    asyncio.run(check())


def test_a_range_is_read_alone(store: Store, files: Path) -> None:
    content = os.urandom(3 * PIECE_BYTES)
    (files / "a.bin").write_bytes(content)
    file = File.from_local_sync(files / "a.bin")
    with file.open_sync("rb", block_size=64 * 1024, cache_type="none") as stream:
        stream.seek(PIECE_BYTES + 17)
        assert stream.read(100) == content[PIECE_BYTES + 17 : PIECE_BYTES + 117]
        stream.seek(-10, 2)
        assert stream.read() == content[-10:]


@pytest.mark.parametrize("compression", ["gzip", "bz2", "xz", "lzma"])
def test_content_is_compressed_on_the_way(store: Store, compression: str) -> None:
    text = "line ü\n" * 10_000
    file, again = File.new_remote("a.txt"), File.new_remote("a.txt")
    for one in (file, again):
        with one.open_sync("w", compression=compression) as stream:
            stream.write(text)
    assert file.hash == again.hash
    with file.open_sync("rb") as stream:
        assert len(stream.read()) < len(text) / 10
    with file.open_sync("r", compression=compression) as stream:
        assert stream.read() == text
    with file.open_sync("rb", compression=compression) as stream:
        assert stream.readline() == "line ü\n".encode()


@pytest.mark.parametrize("ending", ["gz", "bz2", "xz", "zst"])
def test_compressed_content_that_was_cut_or_changed_is_named(near: Path, files: Path, ending: str) -> None:
    path = files / f"a.{ending}"
    file = File.from_existing_remote(str(path))
    content = os.urandom(300_000) + bytes(100_000)
    with file.open_sync("wb", compression="infer") as stream:
        stream.write(content)
    with file.open_sync("rb", compression="infer") as stream:
        assert (stream.read(10), stream.read()) == (content[:10], content[10:])
    whole = path.read_bytes()
    changed = bytearray(whole)
    changed[len(whole) // 2] ^= 0x10
    for damaged in (whole[: len(whole) // 2], changed):
        path.write_bytes(damaged)
        opened = File.from_existing_remote(str(path)).open_sync("rb", compression="infer")
        with pytest.raises(StorageError, match=rf"a\.{ending}.*(compressed data|damaged)"), opened as stream:
            assert stream.read() == content


def test_compression_can_go_by_the_name(near: Path) -> None:
    file = File.new_remote("a.txt.gz")
    with file.open_sync("wb", compression="infer") as stream:
        stream.write(b"content")
    assert gzip.decompress(Path(file.path).read_bytes()) == b"content"
    plain = File.new_remote("a.txt")
    with plain.open_sync("wb", compression="infer") as stream:
        stream.write(b"content")
    assert Path(plain.path).read_bytes() == b"content"
    with pytest.raises(ValueError, match=r"'rar'.*gzip"):
        plain.open_sync("rb", compression="rar").__enter__()


def test_nothing_is_visible_before_the_block_has_ended_well(store: Store) -> None:
    async def fail(file: File) -> None:
        async with file.open("wb") as stream:
            await stream.write(os.urandom(6 * 2**20))
            await stream.flush()
            assert not await file.exists()
            raise KeyError("stop")

    sync_file, async_file = File.new_remote("a"), File.new_remote("b")
    with pytest.raises(KeyError), sync_file.open_sync("w", compression="gzip") as stream:
        stream.write("half")
        raise KeyError("stop")
    with pytest.raises(KeyError):
        asyncio.run(fail(async_file))
    for file in (sync_file, async_file):
        assert not file.exists_sync()
        assert file.hash is None
    if "://" not in store.root:
        assert [path for path in Path(store.root).rglob("*") if path.is_file()] == []


def test_a_failed_rewrite_leaves_what_was_there(store: Store) -> None:
    file = File.new_remote("a")
    with file.open_sync("w") as stream:
        stream.write("good")
    before = file.hash
    with pytest.raises(KeyError), file.open_sync("w") as stream:
        stream.write("bad")
        raise KeyError("stop")
    assert file.hash == before
    with file.open_sync("r") as stream:
        assert stream.read() == "good"
    with file.open_sync("w") as stream:
        stream.write("better")
    assert file.hash != before


def test_a_cancelled_writer_leaves_nothing(near: Path) -> None:
    file = File.new_remote("a")

    async def write() -> None:
        async with file.open("wb") as stream:
            while True:
                await stream.write(bytes(2**20))

    async def check() -> None:
        task = asyncio.create_task(write())
        await asyncio.sleep(0.05)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(check())
    assert not file.exists_sync()
    assert [path for path in near.rglob("*") if path.is_file()] == []


def test_mode_x_does_not_replace(store: Store) -> None:
    file = File.new_remote("a")
    with file.open_sync("x") as stream:
        stream.write("first")
    with pytest.raises(FileExistsError, match="not to be replaced"), file.open_sync("xb"):
        pass
    with file.open_sync("r") as stream:
        assert stream.read() == "first"


@pytest.mark.parametrize("mode", ["a", "ab", "r+b", "w+", "z", "", None])
def test_modes_that_change_in_place_are_refused(near: Path, mode: str) -> None:
    with pytest.raises(ValueError, match="expected 'rb'"), File.new_remote("a").open_sync(mode):
        pass


def test_what_is_stored_by_content_is_not_written_over(store: Store, files: Path) -> None:
    (files / "a.txt").write_text("one")
    file = File.from_local_sync(files / "a.txt")
    with pytest.raises(PermissionError, match=r"new_remote\('a.txt'\)"), file.open_sync("w"):
        pass
    with pytest.raises(ValueError, match="cannot be opened in mode 'q': expected 'rb'"), file.open_sync("q"):
        pass


def test_a_misspelt_word_of_an_opening_is_refused_and_one_for_the_file_system_is_not(store: Store) -> None:
    file = File.new_remote("a")
    with pytest.raises(TypeError, match=r"'mdoe' \(did you mean 'mode'\?\), 'encodng' \(did you mean 'encoding'\?\)"):
        file.open_sync(mdoe="w", encodng="utf-8").__enter__()
    with file.open_sync("wb") as stream:
        stream.write(b"one")
    with file.open_sync(cache_options={}) as stream:
        assert stream.read() == b"one"


def test_damage_is_found_when_a_file_is_downloaded(near: Path, files: Path) -> None:
    (files / "a.txt").write_text("content")
    file = File.from_local_sync(files / "a.txt")
    Path(file.path).write_text("Content")
    with pytest.raises(StorageError, match=r"damaged.*Run the action"):
        file.download_sync(files / "copy.txt")
    assert sorted(os.listdir(files)) == ["a.txt"]


@pytest.mark.parametrize("damage", [b"Content", b"conten", b"content and more", b""])
def test_damage_is_found_when_a_file_is_read_to_its_end(store: Store, files: Path, damage: bytes) -> None:
    (files / "a.txt").write_bytes(b"content")
    file = File.from_local_sync(files / "a.txt")
    assert b"".join(read_in_pieces(file)) == b"content"
    overwrite(file.path, damage)
    for read in (read_in_pieces, read_at_once, read_lines):
        with pytest.raises(StorageError, match=rf"{file.path} is damaged.*Run the action"):
            read(file)
    with file.open_sync() as stream:  # whoever jumps about is not told
        stream.seek(3)
        assert stream.read() == damage[3:]


def read_in_pieces(file: File) -> list[bytes]:
    with file.open_sync() as stream:
        return list(iter(lambda: stream.read(3), b""))


def read_at_once(file: File) -> bytes:
    async def read() -> bytes:
        async with file.open() as stream:
            return await stream.read()

    return asyncio.run(read())


def read_lines(file: File) -> list[str]:
    with file.open_sync("r") as stream:
        return list(stream)


def overwrite(address: str, content: bytes) -> None:
    import fsspec

    system, path = fsspec.core.url_to_fs(address)
    system.pipe_file(path, content)


@pytest.mark.parametrize(
    "address",
    [
        "ftp://me:hunter2@host/a.csv",
        "s3://KEY:hunter2@bucket/a.csv",
        "https://bucket.s3.amazonaws.com/a?X-Amz-Signature=hunter2",
        "https://account.blob.core.windows.net/a?sv=1&sig=hunter2",
    ],
)
def test_an_address_with_a_secret_is_refused_and_not_repeated(near: Path, files: Path, address: str) -> None:
    (files / "a").write_text("x")
    for refer in (
        lambda: File.from_existing_remote(address),
        lambda: Dir(path=address),
        lambda: File.from_local_sync(files / "a", address),
        lambda: open_store(address),
    ):
        with pytest.raises(StorageError, match="carries a secret.*environment variables") as caught:
            refer()
        assert "hunter2" not in str(caught.value)


def test_a_file_that_nobody_can_tell_from_another_is_stored_in_peace(near: Path, files: Path) -> None:
    """Whoever writes the file again while the loop goes on does not change what was stored."""
    contents = {}

    async def store(text: str) -> None:
        (files / "same").write_text(text)
        file = await File.from_local(files / "same")
        async with file.open("r") as stream:
            contents[text] = await stream.read()

    async def store_all() -> None:
        await asyncio.gather(*(store(text) for text in "abc"))

    asyncio.run(store_all())
    assert contents == {"a": "a", "b": "b", "c": "c"}


def test_a_download_is_a_copy_that_may_be_changed(near: Path, files: Path) -> None:
    (files / "a.txt").write_text("content")
    file = File.from_local_sync(files / "a.txt")
    for copy in (file.download_sync(), file.download_sync(files / "copy.txt")):
        Path(copy).write_text("changed")
        with file.open_sync("r") as stream:
            assert stream.read() == "content"
    assert os.stat(file.path).st_nlink == 1


def test_stored_files_are_for_their_owner_alone(near: Path, files: Path) -> None:
    (files / "a.txt").write_text("content")
    written = File.new_remote("part/b.txt")
    with written.open_sync("w") as stream:
        stream.write("x")
    for file in (File.from_local_sync(files / "a.txt"), written):
        path = Path(file.path)
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        while path != near.parent:
            path = path.parent
            if path != near.parent:
                assert stat.S_IMODE(path.stat().st_mode) == 0o700


def test_holes_stay_holes(near: Path, files: Path) -> None:
    source = files / "sparse"
    with open(source, "wb") as stream:
        stream.write(b"begin")
        stream.truncate(5 * 2**30)
        stream.seek(2**30 + 7)
        stream.write(b"middle")
    file = File.from_local_sync(source)
    assert os.stat(file.path).st_size == 5 * 2**30
    assert os.stat(file.path).st_blocks * 512 < 64 * 2**20
    with file.open_sync() as stream:
        stream.seek(2**30 + 7)
        assert stream.read(6) == b"middle"
    small, dense = files / "small", files / "dense"
    with open(small, "wb") as stream:
        stream.truncate(3 * PIECE_BYTES + 5)
    dense.write_bytes(bytes(3 * PIECE_BYTES + 5))
    assert File.from_local_sync(small).hash == File.from_local_sync(dense).hash


@pytest.mark.parametrize(
    "name",
    ["a b.txt", "ü€😀.txt", "new\nline", "100%.csv", "a'b\"c", "-rf", "a?b#c", "*[x]", "a::b", "a\\b", "x" * 200],
)
def test_odd_names_are_names(store: Store, files: Path, name: str) -> None:
    if "\n" in name and store.root.startswith("s3:"):
        pytest.skip("the test server has no route for a new line")
    if "::" in name and store.root.startswith("memory:"):
        pytest.skip("fsspec's memory takes it for two addresses")
    (files / name).write_text("content")
    file = File.from_local_sync(files / name)
    written = File.new_remote(name)
    with written.open_sync("w") as stream:
        stream.write("written")
    directory = Dir.from_local_sync(files)
    assert file.name == written.name == name
    assert Path(file.download_sync()).read_text() == "content"
    assert Path(written.download_sync()).read_text() == "written"
    assert Path(directory.download_sync(), name).read_text() == "content"
    assert directory.get_file_sync(name) is not None


def test_a_file_that_is_written_to_while_it_is_copied_is_an_error(
    near: Path, files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from flyte_nb.storage import local_copy

    source, real = files / "growing", local_copy._copied_by_kernel
    source.write_bytes(bytes(2 * PIECE_BYTES))

    def copied_too_late(reading: int, writing: int, size: int, told: local_copy.Told) -> bool:
        os.utime(source, (1, 1))
        return real(reading, writing, size, told)

    monkeypatch.setattr(local_copy, "_copied_by_kernel", copied_too_late)
    with pytest.raises(StorageError, match=r"growing.*was changed while it was read"):
        File.from_local_sync(source)
    assert [path for path in near.rglob("*") if path.is_file()] == []


def test_a_file_that_becomes_shorter_while_it_is_copied_is_an_error(near: Path, files: Path) -> None:
    from flyte_nb.storage import local_copy

    source = files / "shrinking"
    source.write_bytes(bytes(range(256)) * 2**16)
    real, calls = local_copy.write_at, []

    def shrink_after_the_first(descriptor: int, data: memoryview, start: int) -> None:
        calls.append(start)
        os.truncate(source, 1000)
        real(descriptor, data, start)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(local_copy, "_copied_by_kernel", lambda *_: False)
        patch.setattr(local_copy, "write_at", shrink_after_the_first)
        with pytest.raises(StorageError, match=r"shrinking.*became shorter"):
            File.from_local_sync(source)
    assert calls
    assert [path for path in near.rglob("*") if path.is_file()] == []


def test_missing_things_and_directories_are_named(store: Store, files: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"missing.*nothing at that address"):
        File.from_local_sync(files / "missing")
    with pytest.raises(IsADirectoryError, match=r"mine.*Use Dir"):
        File.from_local_sync(files)
    nothing = File.new_remote("gone.csv")
    with pytest.raises(FileNotFoundError, match=r"gone\.csv.*nothing at that address"), nothing.open_sync():
        pass
    with pytest.raises(FileNotFoundError, match=r"gone\.csv"):
        nothing.download_sync()


def test_nothing_is_written_below_a_file(near: Path, files: Path) -> None:
    (files / "a").write_text("mine")
    with pytest.raises(NotADirectoryError, match=r"Cannot write '.*a/b'.*below a file"):
        File.from_existing_remote(str(files / "a" / "b")).open_sync("w").__enter__()
    assert (files / "a").read_text() == "mine"


def test_what_is_forbidden_is_named(near: Path, files: Path) -> None:
    for name in ("secret", "folder/inside", "folder/sub/inside"):
        (files / name).parent.mkdir(exist_ok=True)
        (files / name).write_text("x")
    stored = File.from_local_sync(files / "secret")
    directory = Dir.from_local_sync(files / "folder" / "sub")
    (files / "secret").chmod(0)
    (files / "folder" / "sub").chmod(0)
    locked = files / "folder" / "locked"
    locked.mkdir(mode=0o500)
    for work, what in [
        (lambda: File.from_local_sync(files / "secret"), "mine/secret'"),
        (lambda: Dir.from_local_sync(files / "folder"), "folder/sub'"),
        (lambda: stored.download_sync(locked / "copy"), "locked'"),
        (lambda: directory.download_sync(locked), "locked'"),
        (lambda: File.from_local_sync(__file__, str(locked / "a")), "locked/a'"),
    ]:
        refused = as_nobody(near.parent, work)
        assert refused.startswith("PermissionError") and what in refused and "denied" in refused
    (files / "folder" / "sub").chmod(0o700)


def as_nobody(everything: Path, work: Callable[[], Any]) -> str:
    """The error that `work` ends in for a user who is not root."""
    if os.geteuid():
        return raised(work)
    for path in [everything, *everything.rglob("*")]:
        os.chown(path, NOBODY, NOBODY)
    for path in everything.parents:
        path.chmod(path.stat().st_mode | stat.S_IXOTH)  # may be passed through
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        os.setgroups([])
        os.setgid(NOBODY)
        os.setuid(NOBODY)
        os.write(writing, raised(work).encode()[:4000])
        os._exit(0)
    os.close(writing)
    os.waitpid(child, 0)
    with os.fdopen(reading) as answer:
        return answer.read()


def raised(work: Callable[[], Any]) -> str:
    try:
        work()
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return "nothing was raised"


@pytest.mark.parametrize(
    "name", ["../a", "a/../../b", "/etc/passwd", "", ".", "..", "a//b", "s3://b/a", "a\\..\\b", "a\0"]
)
def test_names_do_not_lead_out_of_the_store(near: Path, name: str) -> None:
    for make in (File.new_remote, File.named_remote):
        with pytest.raises(ValueError, match="cannot be the name"):
            make(name)


def test_a_hostile_name_does_not_lead_a_download_out(near: Path, files: Path) -> None:
    (files / "a").write_text("x")
    file = File.from_local_sync(files / "a").model_copy(update={"name": "../../evil"})
    assert file.download_sync(f"{files}/in/") == str(files / "in" / "evil")


def test_names_decide_over_addresses(near: Path) -> None:
    assert File.new_remote("a").path != File.new_remote("a").path
    assert File.new_remote().name
    assert File.named_remote("a").path == File.named_remote("a").path
    assert File.named_remote("a").name == "a"


def test_a_destination_of_ones_own(store: Store, files: Path) -> None:
    (files / "a.txt").write_text("content")
    file = File.from_local_sync(files / "a.txt", store.path_for("own/b.txt"))
    assert file.path == store.path_for("own/b.txt")
    assert file.name == "b.txt"
    inside = File.from_local_sync(files / "a.txt", store.path_for("own/"))
    assert inside.path.endswith("own/a.txt")
    found = File.from_existing_remote(file.path, file_cache_key="key")
    assert (found.name, found.hash, found.cache_key()) == ("b.txt", "key", "key")
    with found.open_sync("r") as stream:
        assert stream.read() == "content"


def test_a_tempfile_s_name_does_not_count_but_others_do(near: Path, files: Path) -> None:
    keys = set()
    for _ in range(2):
        with tempfile.NamedTemporaryFile(suffix=".csv") as made:
            made.write(b"content")
            made.flush()
            keys.add(File.from_local_sync(made.name).cache_key())
    assert len(keys) == 1
    for name in ("a.csv", "b.csv"):
        (files / name).write_bytes(b"content")
    assert File.from_local_sync(files / "a.csv").cache_key() != File.from_local_sync(files / "b.csv").cache_key()


def test_a_file_that_was_opened_without_a_block_says_so(near: Path) -> None:
    file = File.new_remote("a")
    with pytest.raises(AttributeError, match="`with file.open_sync\\(\\) as stream:`, and in it `stream.read`"):
        file.open_sync().read()  # type: ignore[attr-defined]
    with pytest.raises(AttributeError, match="`async with file.open\\(\\) as stream:`, and in it `stream.write`"):
        file.open("w").write("x")  # type: ignore[attr-defined]


def test_a_file_or_directory_that_is_used_as_its_content_says_how_it_is_opened(near: Path) -> None:
    file: Any = File.new_remote("a")
    with pytest.raises(
        AttributeError, match=r"no attribute 'read'\. A File is an address: open it, `async with file\.op"
    ):
        file.read()
    with pytest.raises(AttributeError, match=r"no attribute 'opn' \(did you mean 'open'\?\)$"):
        file.opn()
    directory: Any = Dir.new_remote("b")
    with pytest.raises(
        AttributeError, match=r"no attribute 'iterdir'\. A Dir is an address: `async for file in direct"
    ):
        directory.iterdir()


def test_forgotten_words_are_explained(near: Path) -> None:
    file = File.new_remote("a")
    with pytest.raises(TypeError, match="async with"), file.open():
        pass

    async def awaited() -> None:
        await file.open()

    with pytest.raises(TypeError, match="without `await`"):
        asyncio.run(awaited())


def test_without_a_store_the_error_says_so(files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("flyte_nb._outside._opener", None)
    with pytest.raises(NotInTaskContextError):
        File.new_remote("a")
