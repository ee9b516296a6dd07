"""Stores to keep records in: a folder, and a server that speaks the S3 protocol."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from flyte_nb.storage import Store, open_store, use_store
from tests.s3 import started_s3

pytest.importorskip("orjson")
pytest.importorskip("zstandard")


@pytest.fixture(scope="session")
def s3_address() -> Iterator[str]:
    with started_s3("records-bucket"):
        yield "s3://records-bucket/a prefix/ü"


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
