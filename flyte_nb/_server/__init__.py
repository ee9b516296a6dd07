"""Serve: runs of a home over HTTP, in a Jupyter server or alone.

It reads the journal like every other reader and posts requests into the mailbox. What needs an engine
(resume, rerun) or writes to the journal (delete) is done by a process of its own.
"""

from __future__ import annotations

from typing import Any


def _jupyter_server_extension_points() -> list[dict[str, str]]:
    """What `jupyter_server` loads."""
    return [{"module": "flyte_nb._server"}]


def _load_jupyter_server_extension(server: Any) -> None:
    """Add the routes to a Jupyter server."""
    from .extension import load

    load(server)
