"""Podman where no service of it runs: one of our own, for as long as this process lives."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time

from ...errors import ContainerEngineError
from .addresses import knock

PREFIX = "flyte_nb-podman-"
READY_WITHIN_S = 60.0
LOOK_EVERY_S = 0.01
IDLE_S = 30
# The shell outlives the service, to tidy up after it; the service ends by itself when nobody is connected to it.
SCRIPT = 'podman system service --time="$1" "unix://$0/podman.sock"; rm -rf "$0"'


class PodmanService:
    """A service at a socket in a folder that only this user may enter.

    Whoever uses it holds a connection open. It ends half a minute after the last one is closed, and so after a process
    that was killed, too.

    Attributes
    ----------
    url : str

    Raises
    ------
    ContainerEngineError
        If there is no Podman, or it does not serve.
    """

    def __init__(self) -> None:
        if shutil.which("podman") is None:
            raise ContainerEngineError("not installed")
        runtime_folder = os.environ.get("XDG_RUNTIME_DIR", "")
        # A socket's path may not be long.
        folder = tempfile.mkdtemp(prefix=PREFIX, dir=runtime_folder if os.path.isdir(runtime_folder) else None)
        self.url = f"unix://{folder}/podman.sock"
        with tempfile.TemporaryFile() as said:
            self._shell = subprocess.Popen(
                ["/bin/sh", "-c", SCRIPT, folder, str(IDLE_S)],
                cwd=folder,  # its monitors may leave notes where they are started
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=said,
                start_new_session=True,  # an interrupt in a terminal is ours to pass on
            )
            give_up_at = time.monotonic() + READY_WITHIN_S
            while not self._answers():
                if not self.is_running or time.monotonic() > give_up_at:
                    said.seek(0)
                    reason = said.read().decode(errors="replace").strip().rpartition("\n")[2]
                    raise ContainerEngineError(f"`podman system service` does not serve: {reason or 'no word why'}")
                time.sleep(LOOK_EVERY_S)

    @property
    def is_running(self) -> bool:
        """Whether it may answer still."""
        return self._shell.poll() is None

    def _answers(self) -> bool:
        try:
            knock(self.url)
        except ContainerEngineError:
            return False
        return True
