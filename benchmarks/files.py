"""Files beside cp, s3fs, obstore and the reference SDK: ``python -m benchmarks.files --peer-python PYTHON``."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import platform
import statistics
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from rich.console import Console
from rich.table import Table

WORKLOAD = Path(__file__).with_name("files_workload.py")
IN_MEMORY = "/dev/shm"
WAYS = {
    "up": "stored",
    "down": "downloaded",
    "up_processor": "stored, processor time",
    "down_processor": "downloaded, processor time",
}


def measure(python: str, package: str, name: str, size: int) -> dict[str, float]:
    """One measurement in a fresh process.

    Directories are measured in memory, if there is a file system there: how long a disk takes to make 10,000 files
    depends on where it has room for them, and varies tenfold.
    """
    command = [python, str(WORKLOAD), package, name, str(size)]
    memory = {"TMPDIR": IN_MEMORY} if name == "directory" and os.path.isdir(IN_MEMORY) else {}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, **memory})
    if done.returncode:
        raise SystemExit(f"{package} {name} failed:\n{done.stderr[-3000:]}")
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


@contextlib.contextmanager
def s3_server() -> Iterator[None]:
    """A server that speaks the S3 protocol, in a process of its own, with the bucket ``bench``."""
    program = (
        "import sys; from moto.server import ThreadedMotoServer; s = ThreadedMotoServer('127.0.0.1', 0, verbose=False);"
        "s.start(); print(s.get_host_and_port()[1], flush=True); sys.stdin.read()"
    )
    server = subprocess.Popen(
        [sys.executable, "-c", program],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert server.stdout is not None
    os.environ.update(
        AWS_ENDPOINT_URL=f"http://127.0.0.1:{server.stdout.readline().strip()}",
        AWS_ACCESS_KEY_ID="testing",
        AWS_SECRET_ACCESS_KEY="testing",
        AWS_DEFAULT_REGION="us-east-1",
    )
    import s3fs

    s3fs.S3FileSystem().mkdir("bench")
    try:
        yield
    finally:
        server.communicate()


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.files", description=__doc__)
    parser.add_argument("--peer-python", help="Python of an environment with the reference SDK; else it is left out.")
    parser.add_argument("--times", type=int, default=3, help="Take the median of so many measurements.")
    parser.add_argument("--mib", type=int, default=1024, help="Size of the local file.")
    parser.add_argument("--only", choices=["file", "s3", "directory"], help="Leave out the others.")
    arguments = parser.parse_args()
    table = Table("measurement", "flyte_nb", "other", "times faster", "goal")

    def compare(title: str, name: str, size: int, others: dict[str, str], goal: str) -> None:
        if arguments.only not in (None, name):
            return
        packages = ["flyte_nb", *others]
        found: dict[str, list[dict[str, float]]] = {package: [] for package in packages}
        for _ in range(arguments.times):
            for package in packages:
                found[package].append(measure(others.get(package, sys.executable), package, name, size))
            packages.reverse()
        for way in found["flyte_nb"][0]:
            mine = statistics.median(times[way] for times in found["flyte_nb"])
            for package in others or ("",):
                other = statistics.median(times[way] for times in found[package]) if package else None
                table.add_row(
                    f"{title} {WAYS[way]}",
                    f"{mine * 1e3:,.0f} ms",
                    f"{package} {other * 1e3:,.0f} ms" if other is not None else "not measured",
                    f"{other / mine:.2f}" if other is not None else "",
                    goal if package != "obstore" else "",
                )

    here = sys.executable
    compare(f"local file of {arguments.mib:,} MiB", "file", arguments.mib, {"cp": here}, "at least 0.9")
    with s3_server():
        compare("256 MiB, S3,", "s3", 256, {"s3fs": here, "obstore": here}, "at least 1.0")
    peers = {"flyte": arguments.peer_python} if arguments.peer_python else {}
    compare(
        "10,000 files, in memory," if os.path.isdir(IN_MEMORY) else "10,000 files",
        "directory",
        10_000,
        peers,
        "at least 2.0",
    )
    where = f"Python {platform.python_version()}, {os.cpu_count()} processors"
    Console(width=130).print(f"{where}, median of {arguments.times}, others in turns.", table)


if __name__ == "__main__":
    main()
