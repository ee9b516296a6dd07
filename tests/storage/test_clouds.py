"""Buckets of Google Cloud and containers of Azure keep what tasks pass on, as S3 does."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest

import flyte_nb as flyte
from flyte_nb.errors import StorageError
from flyte_nb.io import Dir, File
from flyte_nb.storage.addresses import filesystem
from tests.storage.azurite import PROGRAM, find_node, started_azurite

env = flyte.TaskEnvironment("clouds")
LARGE = 9_000_000


@pytest.fixture(scope="module")
def azure() -> Iterator[str]:
    """An address in Azurite."""
    if find_node() is None or not PROGRAM.is_file():
        pytest.skip("needs Azurite: make azurite")
    adlfs = pytest.importorskip("adlfs")
    with started_azurite() as connection, pytest.MonkeyPatch.context() as patch:
        patch.setenv("AZURE_STORAGE_CONNECTION_STRING", connection)
        adlfs.AzureBlobFileSystem(connection_string=connection).mkdir("box")
        yield "abfs://box/a prefix/ü 100%"


@pytest.fixture(scope="module")
def gcs() -> Iterator[str]:
    """An address in an emulator of Google Cloud Storage."""
    served = pytest.importorskip("gcp_storage_emulator.server")
    server = served.create_server("127.0.0.1", 0, in_memory=True, default_bucket="box")
    server.start()
    port = server._api._httpd.socket.getsockname()[1]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("STORAGE_EMULATOR_HOST", f"http://127.0.0.1:{port}")
        patch.setenv(
            "GCSFS_EXPERIMENTAL_ZB_HNS_SUPPORT", "false"
        )  # it asks over gRPC, which the emulator does not speak
        from fsspec.config import conf

        patch.setitem(conf, "gs", {"token": "anon"})
        pytest.importorskip("gcsfs")
        yield "gs://box/a prefix/ü 100%"
    server.stop()


@pytest.fixture(params=["azure", "gcs"])
def cloud(request: pytest.FixtureRequest, home: Path) -> str:
    """The address of an empty folder there, which is the storage of this process."""
    address = f"{request.getfixturevalue(request.param)}/{uuid.uuid4()}"
    flyte.init(home=home, storage=address)
    return address


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    folder = tmp_path / "tree"
    (folder / "sub").mkdir(parents=True)
    (folder / "a ü.txt").write_bytes(b"one")
    (folder / "sub" / "empty").write_bytes(b"")
    (folder / "large").write_bytes(os.urandom(LARGE))
    return folder


def contents(folder: str | Path) -> dict[str, bytes]:
    found = [path for path in Path(folder).rglob("*") if path.is_file()]
    return {str(path.relative_to(folder)): path.read_bytes() for path in found}


def test_a_folder_comes_back_as_it_was_and_damage_is_found(cloud: str, tree: Path, tmp_path: Path) -> None:
    directory = Dir.from_local_sync(tree)
    assert directory.path.startswith(cloud)
    assert sorted(file.path.removeprefix(f"{directory.path}/") for file in directory.walk_sync()) == sorted(
        contents(tree)
    )
    assert contents(directory.download_sync(tmp_path / "copy")) == contents(tree)
    system, path = filesystem(f"{directory.path}/a ü.txt")
    system.pipe_file(path, b"onE")
    with pytest.raises(StorageError, match=r"a ü\.txt is damaged"):
        directory.download_sync(tmp_path / "another")


def test_parts_of_a_file_are_read(cloud: str, tree: Path) -> None:
    file = File.from_local_sync(tree / "large")
    content = (tree / "large").read_bytes()
    with file.open_sync() as stream:
        stream.seek(LARGE // 2)
        assert stream.read(1000) == content[LARGE // 2 :][:1000]
        stream.seek(0)
        assert stream.read() == content


def test_what_is_written_halfway_is_not_there(cloud: str) -> None:
    class Enough(Exception):
        pass

    file = File.new_remote("notes.txt")
    with pytest.raises(Enough), file.open_sync("wb") as stream:
        stream.write(b"half")
        raise Enough
    assert not file.exists_sync()
    with file.open_sync("wb") as stream:
        stream.write(b"whole")
    with file.open_sync() as stream:
        assert stream.read() == b"whole"


@env.task
async def numbers(count: int) -> pl.DataFrame:
    return pl.DataFrame({"number": range(count)})


@env.task
async def total(frame: pl.LazyFrame) -> int:
    return int(frame.select(pl.col("number").sum()).collect().item())


@env.task
async def summed(count: int) -> int:
    return await total(await numbers(count))


def test_frames_go_through_the_cloud_and_are_read_lazily(cloud: str) -> None:
    assert flyte.run(summed, 100_000).outputs()[0] == sum(range(100_000))
    system, path = filesystem(cloud)
    assert any(name.endswith(".parquet") for name in system.find(path))


def test_a_missing_object_is_named(cloud: str) -> None:
    with pytest.raises(FileNotFoundError, match=r"nothing\.csv"):
        File.from_existing_remote(f"{cloud}/nothing.csv").download_sync()
