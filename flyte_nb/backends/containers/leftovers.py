"""What a container leaves on the machine, marked with its owner, so that nothing outlives the process that made it.

A process that is killed cannot clean up. The next one that uses containers does, before its first container.
"""

from __future__ import annotations

import atexit
import contextlib
import re
import shutil
import socket
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from ..._journal.liveness import is_alive, this_process
from ...errors import ContainerEngineError
from ...models.events import Owner
from .control import Control
from .engine import Engine

if TYPE_CHECKING:
    from docker import APIClient

LABEL = "flyte_nb.owner"
PREFIX = "flyte_nb-container-"
END_WITHIN_S = 15.0

_swept: set[str] = set()
_live: dict[Control, threading.Event] = {}
_lock = threading.Lock()


def owner_text() -> str:
    """The calling process, as a label and as part of a folder's name."""
    owner = this_process()
    host = re.sub(r"[^A-Za-z0-9.-]", "-", owner.host)
    return f"{host}_{owner.pid}_{owner.process_started_at!r}"


@contextlib.contextmanager
def own_folder() -> Iterator[Path]:
    """A new temporary folder, gone after the block."""
    folder = tempfile.mkdtemp(prefix=f"{PREFIX}{owner_text()}_")
    try:
        yield Path(folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def ended_at_exit(control: Control) -> Iterator[None]:
    """What goes on in the block is stopped, and waited for, when the interpreter exits."""
    over = threading.Event()
    with _lock:
        _live[control] = over
    try:
        yield
    finally:
        with _lock:
            _live.pop(control, None)
        over.set()


def sweep_once(engine: Engine) -> None:
    """Remove containers and folders of processes of this host that are gone; once per process."""
    with _lock:
        if engine.address in _swept:
            return
        _swept.add(engine.address)
    sweep(engine)


def sweep(engine: Engine) -> list[str]:
    """Remove containers and folders of processes of this host that are gone.

    Returns
    -------
    list of str
        What was removed.
    """
    removed = []
    with contextlib.suppress(ContainerEngineError):  # another process may sweep too
        client = engine.client()
        with engine.answering("list containers"):
            found = client.containers(all=True, filters={"label": LABEL})
        for container in found:
            if _is_orphan(container["Labels"][LABEL]):
                remove_container(engine, client, container["Id"])
                removed.append(container["Id"])
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        if _is_orphan(folder.name.removeprefix(PREFIX)):
            shutil.rmtree(folder, ignore_errors=True)
            removed.append(str(folder))
    return removed


def remove_container(engine: Engine, client: APIClient, name: str) -> None:
    """Kill a container if it runs, and let nothing of it remain; nothing happens if there is none.

    Raises
    ------
    ContainerEngineError
        If the engine cannot.
    """
    from docker.errors import APIError, NotFound

    with engine.answering("remove a container"):
        with contextlib.suppress(APIError):  # it has ended
            client.kill(name)  # Podman's removal would be polite for ten seconds
        with contextlib.suppress(NotFound):
            client.remove_container(name, force=True, v=True)


def _is_orphan(text: str) -> bool:
    """Whether the owner that `text` names ran on this host and is gone."""
    found = re.match(r"(.+?)_(\d+)_([\d.]+)(_|$)", text)
    if found is None or not owner_text().startswith(f"{found[1]}_"):
        return False
    return not is_alive(Owner(socket.gethostname(), int(found[2]), float(found[3])), 0.0)


@atexit.register
def _end_all() -> None:
    with _lock:
        live = dict(_live)
    for control in live:
        control.stop()
    for over in live.values():
        over.wait(END_WITHIN_S)
