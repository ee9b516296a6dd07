"""Installs with pip, says how far it is, and shows what goes wrong: ``python .ci/install.py -e '.[demo]'``."""

from __future__ import annotations

import queue
import subprocess
import sys
import threading
import time

SAY_EVERY_S = 10.0


def main(arguments: list[str]) -> int:
    """Run pip; its exit code."""
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "--progress-bar", "off", *arguments]
    started = said_at = time.monotonic()
    doing, packages, output = "fetched", 0, []
    with subprocess.Popen(pip, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        threading.Thread(target=_read, args=(process.stdout, lines), daemon=True).start()
        while True:
            try:
                line = lines.get(timeout=SAY_EVERY_S)
            except queue.Empty:  # pip says nothing while it unpacks, which takes longest
                line = ""
            if line is None:
                break
            output.append(line)
            packages += line.startswith("Collecting ")
            unpacks = line.startswith("Installing collected")
            if unpacks:
                packages = line.count(",") + 1
            doing = "being unpacked" if unpacks else doing
            if unpacks or time.monotonic() - said_at >= SAY_EVERY_S:
                said_at = time.monotonic()
                print(f"  {packages} packages {doing}, {said_at - started:.0f} s so far ...", flush=True)
    if process.returncode:
        sys.stderr.writelines(output)
    return process.returncode


def _read(stream: object, lines: queue.SimpleQueue[str | None]) -> None:
    for line in stream or ():  # type: ignore[attr-defined]
        lines.put(line)
    lines.put(None)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
