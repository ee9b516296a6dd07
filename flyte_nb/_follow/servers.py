"""Which servers show the runs of a home: each leaves a file there while it lives, without its token."""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

import msgspec

from .._journal import Home
from .._journal.liveness import is_alive, this_process
from ..models.events import Owner

ROOT = "flyte-nb"


class Served(msgspec.Struct, frozen=True):
    """A server; `address` ends with its base URL and a slash, and is a path alone where only browsers know the host."""

    address: str
    owner: Owner
    since: float


def announce(home: Home, address: str, since: float) -> Callable[[], None]:
    """Tell that this process serves the runs of `home` at `address`; what it gives back takes that back."""
    folder = _folder(home)
    folder.mkdir(mode=0o700, exist_ok=True)
    for other, served in _known(home):
        if not is_alive(served.owner, 0.0):
            other.unlink(missing_ok=True)
    path = folder / f"{socket.gethostname()}-{os.getpid()}.json"
    unfinished = path.with_suffix(".tmp")
    unfinished.write_bytes(msgspec.json.encode(Served(address.rstrip("/") + "/", this_process(), since)))
    unfinished.replace(path)
    return lambda: path.unlink(missing_ok=True)


def page_of(home: Home, *path: str) -> str | None:
    """Address of a page of the server that started this process, else of the newest one; None without any."""
    parent = os.environ.get("JPY_PARENT_PID")
    living = [served for _, served in _known(home) if is_alive(served.owner, 0.0)]
    if not living:
        return None
    nearest = max(living, key=lambda served: (str(served.owner.pid) == parent, served.since))
    return nearest.address + "/".join([ROOT, *(quote(part, safe="") for part in path)])


def _known(home: Home) -> list[tuple[Path, Served]]:
    """Servers of this host; of others nobody here can tell whether they live."""
    known = []
    for path in _folder(home).glob("*.json"):
        with contextlib.suppress(OSError, msgspec.DecodeError):
            served = msgspec.json.decode(path.read_bytes(), type=Served)
            if served.owner.host == socket.gethostname():
                known.append((path, served))
    return known


def _folder(home: Home) -> Path:
    return home.path / "servers"
