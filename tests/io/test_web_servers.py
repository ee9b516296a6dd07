"""Files of a web server that sends no parts of them, as many do."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pandas as pd
import polars as pl
import pytest

from flyte_nb.errors import StorageError
from flyte_nb.io import DataFrame, File

CONTENT = os.urandom(5 * 2**20)


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""

    def handle_one_request(self) -> None:
        try:
            super().handle_one_request()
        except OSError:  # who has asked has seen enough
            self.close_connection = True


@pytest.fixture
def address(near: Path, files: Path) -> Iterator[str]:
    pytest.importorskip("aiohttp")
    (files / "large").write_bytes(CONTENT)
    pd.DataFrame({"a": range(100_000)}).to_parquet(files / "frame.parquet")
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(files)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_a_large_file_is_downloaded(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("flyte_nb.storage.remote_copy.PART_BYTES", 2**20)
    assert Path(File.from_existing_remote(f"{address}/large").download_sync()).read_bytes() == CONTENT


def test_a_large_file_is_read_on_and_from_anywhere(address: str) -> None:
    with File.from_existing_remote(f"{address}/large").open_sync() as stream:
        assert b"".join(iter(lambda: stream.read(50_000), b"")) == CONTENT
        stream.seek(3 * 2**20)
        assert stream.read(10) == CONTENT[3 * 2**20 :][:10]


def test_a_frame_is_read(address: str) -> None:
    frame = DataFrame.from_existing_remote(f"{address}/frame.parquet")
    assert frame.open(pl.DataFrame).all_sync()["a"].to_list() == list(range(100_000))
    assert frame.preview(2).row_count == 100_000


def test_a_server_that_does_not_answer_is_no_missing_file(near: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("aiohttp")
    monkeypatch.setattr("flyte_nb.storage.faults.FIRST_PAUSE_S", 0.01)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"http://127.0.0.1:{taken.getsockname()[1]}/a"
    file = File.from_existing_remote(address)
    for use in (file.exists_sync, file.download_sync, file.open_sync().__enter__):
        with pytest.raises(StorageError, match=f"'{address}': .*Connect"):
            use()


def test_what_is_not_there_is_named_and_nothing_is_written_there(address: str) -> None:
    with pytest.raises(FileNotFoundError, match="/missing"):
        File.from_existing_remote(f"{address}/missing").download_sync()
    opened = File.from_existing_remote(f"{address}/new").open_sync("w")
    with pytest.raises(StorageError, match=r"Cannot write '.*/new'"), opened as stream:
        stream.write("x")
