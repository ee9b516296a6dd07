"""Does the process that owns a run still live?

On the same host its process id and start time are asked; from another host only the heartbeat can be
judged.
"""

from __future__ import annotations

import functools
import os
import socket
import time

from ..models.events import Owner

HEARTBEAT_LOST_AFTER_S = 60.0


@functools.cache
def _this_process(pid: int) -> Owner:
    import psutil

    return Owner(host=socket.gethostname(), pid=pid, process_started_at=psutil.Process(pid).create_time())


def this_process() -> Owner:
    """The calling process as an owner of runs."""
    return _this_process(os.getpid())


def is_alive(owner: Owner, heartbeat_at: float) -> bool:
    """Whether `owner` may still write events."""
    if owner.host != socket.gethostname():
        return time.time() - heartbeat_at < HEARTBEAT_LOST_AFTER_S
    if owner.pid == os.getpid():
        return owner == this_process()
    import psutil

    try:
        process = psutil.Process(owner.pid)
        return abs(process.create_time() - owner.process_started_at) < 1.0 and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
    except psutil.AccessDenied:
        return True
