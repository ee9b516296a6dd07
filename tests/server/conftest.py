"""A real Jupyter server with the extension, on a home with runs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pytest_jupyter.jupyter_core import *  # noqa: F403
from pytest_jupyter.jupyter_server import *  # noqa: F403


@pytest.fixture
def jp_server_config(home: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Of the server: the extension, on this test's home."""
    monkeypatch.setenv("FLYTE_NB_HOME", str(home))
    return {"ServerApp": {"jpserver_extensions": {"flyte_nb._server": True}}}


@pytest.fixture
def fetch(jp_fetch: Any, jp_asyncio_loop: Any) -> Callable[..., Any]:
    """Fetches a page of the extension; a refused one is a response like any other."""
    from tornado.httpclient import HTTPClientError

    async def ask(*path: str, **options: Any) -> Any:
        try:
            return await jp_fetch("flyte-nb", *path, **options)
        except HTTPClientError as error:
            return error.response

    return lambda *path, **options: jp_asyncio_loop.run_until_complete(ask(*path, **options))
