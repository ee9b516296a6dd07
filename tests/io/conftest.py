"""Stores to keep files in: a folder, fsspec's memory, and a server that speaks the S3 protocol."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from flyte_nb.io.frames.at_hand import frames_at_hand
from flyte_nb.storage import Store, open_store, use_store
from flyte_nb.types.interface import Interface
from tests.s3 import started_s3

from .faulty import FaultyProxy


@pytest.fixture(scope="session")
def s3_server() -> Iterator[tuple[str, int]]:
    """Host and port of a server that speaks the S3 protocol, with the bucket ``files-bucket``."""
    with started_s3("files-bucket") as server:
        yield server


@pytest.fixture
def s3_address(s3_server: tuple[str, int]) -> str:
    return "s3://files-bucket/a prefix/ü 100%"


@pytest.fixture(params=["folder", "memory", "s3"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    if request.param == "folder":
        opened = open_store(tmp_path / "a store ü 100%")
    elif request.param == "memory":
        opened = open_store(f"memory://io/{uuid.uuid4()}/ü 100%")
    else:
        opened = open_store(f"{request.getfixturevalue('s3_address')}/{uuid.uuid4()}")
    with use_store(opened):
        yield opened


@pytest.fixture
def near(tmp_path: Path) -> Iterator[Path]:
    """A folder of this machine as the store."""
    with use_store(open_store(tmp_path / "store")):
        yield tmp_path / "store"


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """A folder of the user's."""
    folder = tmp_path / "mine"
    folder.mkdir()
    return folder


@pytest.fixture
def proxy(s3_server: tuple[str, int], monkeypatch: pytest.MonkeyPatch) -> Iterator[FaultyProxy]:
    import s3fs

    made = FaultyProxy(*s3_server)
    monkeypatch.setenv("AWS_ENDPOINT_URL", made.address)
    s3fs.S3FileSystem.clear_instance_cache()
    yield made
    s3fs.S3FileSystem.clear_instance_cache()
    made.close()


@pytest.fixture
def far(proxy: FaultyProxy) -> Iterator[Store]:
    store = open_store(f"s3://files-bucket/{uuid.uuid4()}")
    with use_store(store):
        yield store


ThereAndBack = Callable[[Any, Any], tuple[Any, Any]]


@pytest.fixture
def there_and_back(near: Path) -> ThereAndBack:
    """What the next task gets of a value that a task returned, and what a later process reads."""

    def pass_on(kind: Any, value: Any) -> tuple[Any, Any]:
        def gives(): ...  # type: ignore[no-untyped-def]

        gives.__annotations__ = {"return": kind}
        interface = Interface.from_function(gives, "rooms.gives")
        prepared = asyncio.run(interface.prepare_outputs(value))
        frames_at_hand.clear()
        return prepared.values, asyncio.run(interface.read_outputs(prepared.serialized))

    return pass_on
