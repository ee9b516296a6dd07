"""The address under which a browser reaches the Dask dashboard."""

from __future__ import annotations

import os
from urllib.parse import urlsplit

DASKS_OWN = "{scheme}://{host}:{port}/status"


def dashboard_address(made_by_dask: str) -> str:
    """`made_by_dask`, unless a browser cannot reach that: on a JupyterHub the way is through the user's own server.

    A setting of Dask's own, ``distributed.dashboard.link``, wins. An address that begins with a slash is one of the
    server that shows the notebook, where jupyter-server-proxy answers.
    """
    import dask

    prefix = os.environ.get("JUPYTERHUB_SERVICE_PREFIX", "")
    if not made_by_dask or dask.config.get("distributed.dashboard.link", DASKS_OWN) != DASKS_OWN or not prefix:
        return made_by_dask
    parts = urlsplit(made_by_dask)
    if parts.scheme not in ("http", "https") or parts.port is None:
        return made_by_dask
    here = parts.hostname in ("localhost", "127.0.0.1", "::1")
    target = str(parts.port) if here else f"{parts.hostname}:{parts.port}"
    return f"{prefix.rstrip('/')}/proxy/{target}{parts.path or '/status'}"
