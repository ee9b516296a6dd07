"""Get a container engine where there is none: Podman from Debian's packages, where that is allowed."""

from __future__ import annotations

import os
import shutil
import subprocess

from tests.containers.engine import prepare

PACKAGES = ("podman", "runc", "busybox-static", "btrfs-progs")  # the last for tests of copies that share blocks


def main() -> None:
    """Install it, or say why the tests of containers will be skipped."""
    problem = prepare()
    if problem and shutil.which("apt-get") and os.geteuid() == 0:
        print("Installing Podman for the tests of containers ...", flush=True)
        quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        subprocess.run(["apt-get", "update", "-qq"], env=quiet, check=False)
        command = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", *PACKAGES]
        subprocess.run(command, env=quiet, check=False, stdout=subprocess.DEVNULL)
        problem = prepare()
    if problem:
        print(f"The tests of containers are skipped: {problem}", flush=True)


if __name__ == "__main__":
    main()
