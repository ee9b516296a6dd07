"""Where copies go that nobody named a place for: folders that are gone when their process is, however it ends.

A process holds a lock as long as it lives. Who finds a folder whose lock is free removes it: the process itself at its
end, and for those that were killed the next one that needs such a folder, or has ended worker processes.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import shutil
import stat
import tempfile
import threading
from pathlib import Path

try:
    import fcntl
except ImportError:  # not on Windows: what a killed process leaves stays there
    fcntl = None  # type: ignore[assignment]

PREFIX = "flyte_nb-downloads-"

_lock = threading.Lock()
_own: tuple[int, Path] | None = None


def new_download_folder() -> str:
    """An empty folder, there until this process ends."""
    with _lock:
        if _own is None or _own[0] != os.getpid():
            _begin()
        assert _own is not None
        return tempfile.mkdtemp(dir=_own[1])


def sweep_downloads() -> None:
    """Remove what processes of this user have left that were killed."""
    if fcntl is None:
        return
    for path in Path(tempfile.gettempdir()).glob(f"{PREFIX}*.lock"):
        with contextlib.suppress(OSError):
            found = path.lstat()
            if stat.S_ISREG(found.st_mode) and found.st_uid == os.getuid():
                _remove_if_free(path)


def _begin() -> None:
    """Make the folder of this process; a fork does not share that of its parent."""
    global _own
    sweep_downloads()
    while True:
        descriptor, name = tempfile.mkstemp(prefix=PREFIX, suffix=".lock")
        if fcntl is None:
            break
        with contextlib.suppress(OSError):  # a file system without locks keeps what a killed process leaves
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.path.exists(name):  # else a sweep came before the lock
            break
        os.close(descriptor)
    folder = Path(name.removesuffix(".lock"))
    folder.mkdir(mode=0o700)
    _own = os.getpid(), folder
    atexit.register(_end, os.getpid(), folder)


def _end(pid: int, folder: Path) -> None:
    if os.getpid() == pid:
        _remove(folder)


def _remove_if_free(path: Path) -> None:
    descriptor = os.open(path, os.O_RDWR | getattr(os, "O_NOFOLLOW", 0))
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        _remove(path.with_suffix(""))
    finally:
        os.close(descriptor)


def _remove(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.with_name(f"{folder.name}.lock").unlink(missing_ok=True)
