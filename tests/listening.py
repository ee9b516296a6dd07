"""What a process and those below it listen on."""

from __future__ import annotations

import contextlib
import ipaddress

import psutil


def listened_on(pid: int) -> set[str]:
    """Addresses at which the process, or one that it has started, takes connections from this machine or others."""
    process = psutil.Process(pid)
    found = set()
    for one in (process, *process.children(recursive=True)):
        with contextlib.suppress(psutil.NoSuchProcess):
            sockets = one.net_connections("inet")
            found |= {socket.laddr.ip for socket in sockets if socket.status == psutil.CONN_LISTEN}
    return found


def reachable_from_elsewhere(pid: int) -> set[str]:
    """Those of them that other machines may connect to."""
    return {address for address in listened_on(pid) if not ipaddress.ip_address(address).is_loopback}
