"""Does the process that owns a run still live?

On the same machine its process id and start time are asked; on another one only the heartbeat can be judged. A host's
name does not say which machine it is: containers and cloned machines share names, and a process id means something
only where the kernel was booted once and numbers its processes in one namespace.

The answer may be wrong: a machine wakes up after an hour, a clock is off. So it only decides who may take a run over;
that two never write one run is the fence's business (`fence.py`).
"""

from __future__ import annotations

import functools
import os
import socket
import time
from pathlib import Path

from ..models.events import Owner

HEARTBEAT_LOST_AFTER_S = 60.0


def process_as_owner(pid: int) -> Owner:
    """A process of this machine, which has not been waited for, as an owner of runs."""
    import psutil

    return Owner(socket.gethostname(), pid, psutil.Process(pid).create_time(), _machine())


_remembered = functools.cache(process_as_owner)


def this_process() -> Owner:
    """The calling process as an owner of runs."""
    return _remembered(os.getpid())


def is_same(one: Owner, other: Owner) -> bool:
    """Whether both are one process: its id may have been another's before, in a container soon."""
    is_one_id = one.pid == other.pid and _share_process_ids(one, other)
    return is_one_id and abs(one.process_started_at - other.process_started_at) < 1.0


def is_alive(owner: Owner, heartbeat_at: float, now: float | None = None) -> bool:
    """Whether `owner` may still write events; `now` is the clock's time if nothing is given."""
    here = this_process()
    if not _share_process_ids(owner, here):
        return (time.time() if now is None else now) - heartbeat_at < HEARTBEAT_LOST_AFTER_S
    if owner.pid == here.pid:
        return owner.process_started_at == here.process_started_at
    import psutil

    try:
        process = psutil.Process(owner.pid)
        return abs(process.create_time() - owner.process_started_at) < 1.0 and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
    except psutil.AccessDenied:
        return True


def _share_process_ids(one: Owner, other: Owner) -> bool:
    if one.machine and other.machine:
        return one.machine == other.machine
    return one.host == other.host


def _machine() -> str:
    """One boot of one kernel and its namespace of process ids; empty where that cannot be known."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{boot} {os.readlink('/proc/self/ns/pid')}"
    except OSError:
        return ""
