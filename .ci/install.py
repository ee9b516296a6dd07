"""Installs with pip, says how far it is, and shows what goes wrong: ``python .ci/install.py -e '.[demo]'``."""

from __future__ import annotations

import subprocess
import sys
import time

QUIET_S = 10.0


def main(arguments: list[str]) -> int:
    """Run pip; its exit code."""
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "--progress-bar", "off", *arguments]
    started = said_at = time.monotonic()
    packages, output = 0, []
    with subprocess.Popen(pip, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        for line in process.stdout or ():
            output.append(line)
            packages += line.startswith("Collecting ")
            if line.startswith("Installing collected"):
                print(
                    f"  {packages} packages are here after {time.monotonic() - started:.0f} s; unpacking them ...",
                    flush=True,
                )
            elif time.monotonic() - said_at > QUIET_S:
                said_at = time.monotonic()
                print(f"  {packages} packages after {said_at - started:.0f} s ...", flush=True)
    if process.returncode:
        sys.stderr.writelines(output)
    return process.returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
