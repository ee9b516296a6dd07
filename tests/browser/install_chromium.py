"""Get a Chromium where there is none: from Debian's packages where that is allowed, else from Playwright."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

from tests.browser.lab import find_chromium


def main() -> None:
    """Install it, or say why the browser tests will be skipped."""
    if find_chromium() is not None:
        return
    print("Installing Chromium for the browser tests ...", flush=True)
    tries = [[sys.executable, "-m", "playwright", "install", "chromium"]]
    if shutil.which("apt-get") and os.geteuid() == 0:
        quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        subprocess.run(["apt-get", "update", "-qq"], env=quiet, check=False)
        tries.insert(0, ["apt-get", "install", "-y", "-qq", "--no-install-recommends", "chromium", "fonts-dejavu-core"])
    for command in tries:
        subprocess.run(command, check=False, stdout=subprocess.DEVNULL)
        if find_chromium() is not None:
            return
    print("No Chromium could be installed: the browser tests are skipped.", flush=True)


if __name__ == "__main__":
    main()
