"""Every store keeps bytes under the digest of their content, whole or not at all."""

from __future__ import annotations

import asyncio
import os
import stat
import subprocess
import sys
import threading
import uuid
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import flyte_nb as flyte
from flyte_nb.errors import NotInTaskContextError, StorageError
from flyte_nb.storage import Store, current_store, open_store, use_store
from tests.s3 import started_s3


@pytest.fixture(scope="module")
def s3_server() -> Iterator[str]:
    """A server that speaks the S3 protocol, with an empty bucket."""
    with started_s3("bucket"):
        yield "s3://bucket/a prefix/ü 100%"


@pytest.fixture(params=["folder", "memory", "s3"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    if request.param == "folder":
        return open_store(tmp_path / "a folder ü 100%")
    if request.param == "memory":
        return open_store(f"memory://tests/{uuid.uuid4()}/ü 100%")
    return open_store(request.getfixturevalue("s3_server"))


def damage(store: Store, uri: str, data: bytes) -> None:
    if "://" not in uri:
        Path(uri).write_bytes(data)
        return
    import fsspec

    filesystem, path = fsspec.core.url_to_fs(uri)
    filesystem.pipe_file(path, data)


def test_what_was_put_can_be_got_by_its_address(store: Store) -> None:
    for data in (b"", b"content", os.urandom(200_000)):
        blob = store.put_nowait(data, suffix=".bin")
        assert blob.size_bytes == len(data)
        assert blob.uri.startswith(store.root)
        assert blob.uri.endswith(f"{blob.checksum}.bin")
        assert store.has(blob.uri)
        assert store.owns(blob.uri)
        assert store.get_nowait(blob.uri, checksum=blob.checksum) == data


def test_the_same_bytes_have_the_same_address_and_others_another(store: Store) -> None:
    assert store.put_nowait(b"one") == store.put_nowait(b"one")
    assert store.put_nowait(b"one").uri != store.put_nowait(b"two").uri


def test_putting_and_getting_works_on_a_loop(store: Store) -> None:
    async def both() -> bytes:
        blob = await store.put(b"on a loop")
        return await store.get(blob.uri, checksum=blob.checksum)

    assert asyncio.run(both()) == b"on a loop"


@pytest.mark.parametrize("found", [b"", b"conten", b"Content"])
def test_a_truncated_or_changed_object_is_an_error_that_says_what_to_do(store: Store, found: bytes) -> None:
    blob = store.put_nowait(b"content")
    damage(store, blob.uri, found)
    with pytest.raises(StorageError) as caught:
        store.get_nowait(blob.uri, checksum=blob.checksum)
    message = str(caught.value)
    assert blob.uri in message
    assert f"expected {blob.checksum}" in message
    assert f"over {len(found)} bytes" in message
    assert "flyte-nb rerun RUN" in message and "resume" not in message


def test_a_truncated_object_is_replaced_when_its_bytes_are_put_again(store: Store) -> None:
    blob = store.put_nowait(b"content")
    damage(store, blob.uri, b"con")
    assert store.put_nowait(b"content") == blob
    assert store.get_nowait(blob.uri, checksum=blob.checksum) == b"content"


def test_a_missing_object_is_an_error_that_names_it(store: Store) -> None:
    uri = store.path_for("blobs/00/nothing")
    assert not store.has(uri)
    with pytest.raises(StorageError, match="is missing"):
        store.get_nowait(uri)


def test_a_store_owns_what_lies_below_its_root_and_nothing_else(store: Store) -> None:
    assert store.owns(store.path_for("blobs/x"))
    assert not store.owns(store.root + "-other/blobs/x")
    assert not store.owns("/etc/passwd")


def test_a_folder_does_not_own_what_a_path_climbs_out_to(tmp_path: Path) -> None:
    store = open_store(tmp_path / "inside")
    assert not store.owns(f"{store.root}/../outside")


@settings(max_examples=25)
@given(st.binary(max_size=2000))
def test_any_bytes_come_back(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    for store in (open_store(tmp_path_factory.getbasetemp() / "any"), open_store("memory://any-bytes")):
        blob = store.put_nowait(data)
        assert store.get_nowait(blob.uri, checksum=blob.checksum) == data


def test_folders_and_files_are_for_their_owner_alone(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        blob = open_store(tmp_path / "deep" / "store").put_nowait(b"content")
    finally:
        os.umask(before)
    path = Path(blob.uri)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    folder = path.parent
    while folder != tmp_path:
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700, folder
        folder = folder.parent


def test_a_reader_never_sees_half_an_object_and_nothing_unfinished_stays(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    contents = [bytes([number]) * 3_000_000 for number in range(8)]
    sizes = set()
    done = threading.Event()

    def look() -> None:
        while not done.is_set():
            for path in tmp_path.glob("blobs/*/[0-9a-f]*"):
                sizes.add(path.stat().st_size)

    reader = threading.Thread(target=look)
    reader.start()
    writers = [threading.Thread(target=store.put_nowait, args=(data,)) for data in contents * 2]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    done.set()
    reader.join()
    assert sizes <= {3_000_000}
    assert len(list(tmp_path.rglob("blobs/*/*"))) == len(contents)


def test_what_cannot_be_written_is_an_error_that_names_it_and_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "blobs").write_text("a file where a folder should be")
    with pytest.raises(StorageError, match=r"Cannot write .*blobs"):
        open_store(tmp_path).put_nowait(b"content")
    assert [path.name for path in tmp_path.iterdir() if path.name not in ("blobs", "home")] == []


def test_file_addresses_are_folders(tmp_path: Path) -> None:
    folder = tmp_path / "with space #1 ?"
    assert open_store(f"file://{folder}").root == str(folder)
    assert open_store(folder.as_uri()).root == str(folder)
    assert open_store(f"file://localhost{folder}").root == str(folder)
    percent = tmp_path / "100%"
    assert open_store(percent.as_uri()).root == str(percent)
    assert open_store(percent).root == str(percent)
    assert open_store("~/store").root == os.path.expanduser("~/store")


def test_an_unknown_kind_of_address_is_an_error_that_says_what_is_known() -> None:
    with pytest.raises(StorageError, match="Cannot reach 'nonsense://x'.*an address that fsspec knows"):
        open_store("nonsense://x")


def test_an_address_whose_package_is_missing_names_the_extra_that_brings_it() -> None:
    program = """
import sys
sys.modules.update(dict.fromkeys(["s3fs", "gcsfs", "adlfs"]))
from flyte_nb.storage import open_store
for address in ("s3://b/x", "gs://b/x", "abfs://b/x"):
    try:
        open_store(address)
    except Exception as error:
        print(error)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    for line, extra in zip(done.stdout.splitlines(), ("s3", "gcs", "azure"), strict=True):
        assert line.endswith(f'pip install "flyte-nb[{extra}]".'), line


def test_without_a_notebook_there_is_no_store_outside_a_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("flyte_nb._outside._opener", None)
    with pytest.raises(NotInTaskContextError, match="inside a run"):
        current_store()


def test_a_cell_uses_the_store_that_runs_have_by_default(tmp_path: Path) -> None:
    flyte.init(home=tmp_path / "home", storage=str(tmp_path / "mine"))
    assert current_store().root == str(tmp_path / "mine")


def test_inside_a_run_the_innermost_store_is_used(tmp_path: Path) -> None:
    outer, inner = open_store(tmp_path / "outer"), open_store(tmp_path / "inner")
    with use_store(outer):
        with use_store(inner):
            assert current_store() is inner
        assert current_store() is outer


def test_a_missing_bucket_is_an_error_that_names_the_address_and_is_not_made(s3_server: str) -> None:
    store = open_store("s3://mistyped/prefix")
    with pytest.raises(StorageError, match="Cannot write s3://mistyped/prefix/blobs/"):
        store.put_nowait(b"content")
    with pytest.raises(StorageError, match="Cannot write s3://mistyped/prefix/blobs/"):
        store.put_nowait(b"content")
    assert not store.has("s3://mistyped")


def test_values_of_a_run_lie_where_init_says(s3_server: str, tmp_path: Path) -> None:
    flyte.init(home=tmp_path / "other home", storage=s3_server)
    env = flyte.TaskEnvironment("far")

    @env.task
    async def total(array: np.ndarray) -> int:
        return int(array.sum())

    assert flyte.run(total, np.ones(10_000)).outputs() == (10_000,)
    import s3fs

    assert any(path.endswith(".npy") for path in s3fs.S3FileSystem().find("bucket"))
