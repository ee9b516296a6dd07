"""Stores to keep records in: a folder, and a server that speaks the S3 protocol."""

from __future__ import annotations

import logging
import os
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from flyte_nb.storage import Store, open_store, use_store

pytest.importorskip("orjson")
pytest.importorskip("zstandard")


@pytest.fixture(scope="session")
def s3_address() -> Iterator[str]:
    pytest.importorskip("s3fs")
    pytest.importorskip("flask")
    server_of = pytest.importorskip("moto.server")
    import s3fs

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = server_of.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    before = dict(os.environ)
    os.environ.update(
        AWS_ENDPOINT_URL=f"http://{host}:{port}",
        AWS_ACCESS_KEY_ID="testing",
        AWS_SECRET_ACCESS_KEY="testing",
        AWS_DEFAULT_REGION="us-east-1",
    )
    s3fs.S3FileSystem.clear_instance_cache()
    s3fs.S3FileSystem().mkdir("records-bucket")
    yield "s3://records-bucket/a prefix/ü"
    s3fs.S3FileSystem.clear_instance_cache()
    server.stop()
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture(params=["folder", "s3"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    if request.param == "folder":
        opened = open_store(tmp_path / "a store ü")
    else:
        opened = open_store(f"{request.getfixturevalue('s3_address')}/{uuid.uuid4()}")
    with use_store(opened):
        yield opened


@pytest.fixture
def near(tmp_path: Path) -> Iterator[Path]:
    """A folder of this machine as the store."""
    with use_store(open_store(tmp_path / "store")):
        yield tmp_path / "store"


@pytest.fixture(params=[".jsonl", ".jsonl.zst", ".jsonl.zstd"])
def ending(request: pytest.FixtureRequest) -> str:
    return str(request.param)
