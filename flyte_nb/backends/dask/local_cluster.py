"""The cluster of `DaskBackend.local`: processes of this machine."""

from __future__ import annotations

import multiprocessing
import sys
from typing import Any

from ...errors import ClusterError
from . import local_worker

GUARD = 'In a script, what starts runs belongs under `if __name__ == "__main__":`: its workers import the script.'


def start_local_cluster(options: dict[str, Any]) -> Any:
    """A running `distributed.LocalCluster`.

    Raises
    ------
    ClusterError
        If it cannot be started; in a worker that imports the script of its kernel, before it starts another one.
    """
    import dask
    import distributed as dask_distributed

    distributed: Any = dask_distributed
    if getattr(multiprocessing.current_process(), "_inheriting", False):
        raise ClusterError(f"A worker of DaskBackend.local was about to start another cluster. {GUARD}")
    preload = options.get("preload") or dask.config.get("distributed.worker.preload", [])
    try:
        return distributed.LocalCluster(**options | {"preload": [local_worker.__name__, *preload]})
    except Exception as error:
        hint = f" {GUARD}" if getattr(sys.modules.get("__main__"), "__file__", None) else ""
        raise ClusterError(
            f"The cluster of DaskBackend.local could not be started: {type(error).__name__}: {error}{hint}"
        ) from error
