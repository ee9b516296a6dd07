"""Waits for a word on its input; when there is none, whoever was to say it is gone, and the container goes too.

A program of its own, which imports next to nothing until then: what stands beside every container is to be small.
"""

from __future__ import annotations

import sys

TRIES = 3
AGAIN_AFTER_S = 1.0


def main(folder: str, container: str, settings: str, packages: str) -> None:
    """Guard a container of that name, and a folder."""
    if sys.stdin.buffer.read(1):
        return
    import contextlib
    import json
    import os
    import shutil
    import time

    sys.path += packages.split(os.pathsep)
    from docker import APIClient
    from docker.tls import TLSConfig

    options = json.loads(settings)
    if isinstance(options["tls"], dict):
        options["tls"] = TLSConfig(**options["tls"])
    client = APIClient(**options)
    for _ in range(TRIES):  # the engine may be at work on the container still
        with contextlib.suppress(Exception):
            client.kill(container)  # Podman's removal would be polite for ten seconds
        with contextlib.suppress(Exception):
            client.remove_container(container, force=True, v=True)
        time.sleep(AGAIN_AFTER_S)
    shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
