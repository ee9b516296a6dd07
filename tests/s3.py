"""A server that speaks the S3 protocol, for tests."""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import Iterator

import pytest


@contextlib.contextmanager
def started_s3(bucket: str) -> Iterator[tuple[str, int]]:
    """Host and port of a server with that bucket; while it runs, `s3://` addresses lead there."""
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
    s3fs.S3FileSystem().mkdir(bucket)
    yield host, port
    s3fs.S3FileSystem.clear_instance_cache()
    server.stop()
    os.environ.clear()
    os.environ.update(before)
