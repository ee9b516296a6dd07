"""A real S3 server behind a proxy that refuses, cuts and delays: another try, and nothing is half there."""

from __future__ import annotations

import asyncio
import os
import uuid
from pathlib import Path

import pytest

import flyte_nb as flyte
from flyte_nb.errors import StorageError
from flyte_nb.io import Dir, File
from flyte_nb.storage import Store

from .faulty import CUT, HALF, REFUSE, RESET, SLOW, FaultyProxy

SMALL, LARGE = b"content", os.urandom(110 * 2**20)  # the large one goes up in parts


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Patience is for users."""
    import s3fs

    monkeypatch.setattr(s3fs.S3FileSystem, "retries", 2)
    monkeypatch.setattr("flyte_nb.storage.faults.FIRST_PAUSE_S", 0.01)


def stored(proxy: FaultyProxy, store: Store) -> list[str]:
    """All there is, and all that was begun."""
    import s3fs

    proxy.never()
    system = s3fs.S3FileSystem()
    system.invalidate_cache()
    begun = system.call_s3("list_multipart_uploads", Bucket="files-bucket").get("Uploads", [])
    prefix = store.root.removeprefix("s3://files-bucket/")
    return system.find(store.root) + [upload["Key"] for upload in begun if upload["Key"].startswith(prefix)]


def each(*faults: str, large: str) -> pytest.MarkDecorator:
    """Every fault with a small file, one of them also with a large one."""
    cases = [pytest.param(fault, SMALL, id=fault) for fault in faults]
    return pytest.mark.parametrize("fault,content", [*cases, pytest.param(large, LARGE, id=f"{large}-large")])


@each(REFUSE, RESET, HALF, SLOW, large=HALF)
def test_an_upload_that_stumbles_arrives(
    proxy: FaultyProxy, far: Store, files: Path, fault: str, content: bytes
) -> None:
    (files / "a").write_bytes(content)
    proxy.first(2, fault, "PUT")
    file = File.from_local_sync(files / "a")
    assert proxy.refused == (1 if fault == SLOW and content == SMALL else 2)
    assert Path(file.download_sync()).read_bytes() == content


@each(REFUSE, RESET, CUT, SLOW, large=CUT)
def test_a_download_that_stumbles_arrives(
    proxy: FaultyProxy, far: Store, files: Path, fault: str, content: bytes
) -> None:
    (files / "a").write_bytes(content)
    file = File.from_local_sync(files / "a")
    proxy.first(2, fault, "GET")
    assert Path(file.download_sync()).read_bytes() == content
    proxy.first(2, fault, "GET")
    with file.open_sync() as stream:
        assert stream.read() == content
    assert proxy.refused


@each(REFUSE, RESET, HALF, large=HALF)
def test_an_upload_that_never_works_is_named_and_leaves_nothing(
    proxy: FaultyProxy, far: Store, files: Path, quick: None, fault: str, content: bytes
) -> None:
    (files / "a").write_bytes(content)
    proxy.always(fault, "PUT")
    with pytest.raises(StorageError, match=rf"Cannot write '{far.root}/files/.*/a'"):
        File.from_local_sync(files / "a")
    assert stored(proxy, far) == []


@each(REFUSE, RESET, HALF, large=RESET)
def test_a_written_file_that_never_arrives_is_named_and_leaves_nothing(
    proxy: FaultyProxy, far: Store, quick: None, fault: str, content: bytes
) -> None:
    file = File.new_remote("a")
    proxy.always(fault, "PUT")
    with pytest.raises(StorageError, match=rf"Cannot write '{file.path}'"), file.open_sync("wb") as stream:
        stream.write(content)
    proxy.never()
    assert not file.exists_sync()
    assert stored(proxy, far) == []


@pytest.mark.parametrize("fault", [REFUSE, RESET, CUT])
def test_a_download_that_never_works_is_named_and_leaves_nothing(
    proxy: FaultyProxy, far: Store, files: Path, quick: None, fault: str
) -> None:
    (files / "a").write_bytes(SMALL)
    file = File.from_local_sync(files / "a")
    proxy.always(fault, "GET")
    with pytest.raises(StorageError, match=rf"Cannot read '{file.path}'"):
        file.download_sync(files / "copy")
    assert os.listdir(files) == ["a"]
    with pytest.raises(StorageError, match=rf"Cannot (open|read) '{file.path}'"), file.open_sync() as stream:
        stream.read()


def test_a_large_file_goes_up_in_parts_that_can_be_tried_again_for_little(
    proxy: FaultyProxy, far: Store, files: Path
) -> None:
    (files / "a").write_bytes(LARGE)
    parts: list[str] = []
    proxy.fault = lambda method, path: parts.append(path) if method == "PUT" and "partNumber=" in path else None
    File.from_local_sync(files / "a")
    assert len(parts) == 4  # three of 32 MiB, and what is left


def test_a_directory_stumbles_and_arrives(proxy: FaultyProxy, far: Store, files: Path) -> None:
    for number in range(30):
        (files / f"{number}").write_text(str(number))
    proxy.first(3, REFUSE)
    directory = Dir.from_local_sync(files)
    proxy.first(3, RESET)
    folder = Path(directory.download_sync())
    assert {path.name: path.read_text() for path in folder.iterdir()} == {str(n): str(n) for n in range(30)}


def test_a_directory_whose_upload_fails_does_not_exist(
    proxy: FaultyProxy, far: Store, files: Path, quick: None
) -> None:
    for number in range(30):
        (files / f"{number}").write_text(str(number))
    proxy.fault = lambda method, path: REFUSE if method == "PUT" and path.endswith("/7") else None
    with pytest.raises(StorageError, match="Cannot write '.*/7'|Cannot write"):
        Dir.from_local_sync(files)
    proxy.never()
    directory = Dir.from_local_sync(files)
    assert len(directory.list_files_sync()) == 30


def test_slow_answers_do_not_stop_the_loop(proxy: FaultyProxy, far: Store, files: Path) -> None:
    async def write_and_read() -> int:
        turns = 0
        file = File.new_remote("a")

        async def work() -> None:
            async with file.open("wb") as stream:
                await stream.write(LARGE[: 2**20])
            async with file.open() as stream:
                assert await stream.read() == LARGE[: 2**20]

        working = asyncio.create_task(work())
        while not working.done():
            await asyncio.sleep(0.01)
            turns += 1
        await working
        return turns

    proxy.always(SLOW)
    assert asyncio.run(write_and_read()) > 20


made: list[int] = []
is_mended: list[bool] = []
env = flyte.TaskEnvironment("far")


@env.task
async def makes(size: int) -> File:
    made.append(size)
    file = File.new_remote("content")
    async with file.open("wb") as stream:
        await stream.write(b"x" * size)
    return file


@env.task
async def makes_text(size: int) -> str:
    made.append(size)
    return "x" * size


@env.task
async def uses(file: File, text: str) -> int:
    if not is_mended:
        raise ValueError("not yet")
    return len(text)


@env.task
async def main() -> int:
    return await uses(await makes(10), await makes_text(1_000_000))


@pytest.mark.usefixtures("quick")
def test_a_resume_that_does_not_reach_the_storage_fails_and_computes_nothing_anew(
    proxy: FaultyProxy, home: Path
) -> None:
    flyte.init(home=home, storage=f"s3://files-bucket/{uuid.uuid4()}")
    run = flyte.run(main)
    run.wait()
    assert str(run.phase) == "failed"

    proxy.always(RESET)
    run.resume()
    with pytest.raises(StorageError, match="Cannot (read|look for) s3://"):
        run.outputs()
    proxy.never()
    is_mended.append(True)
    run.resume()
    assert run.outputs()[0] == 1_000_000
    assert made == [10, 1_000_000]
