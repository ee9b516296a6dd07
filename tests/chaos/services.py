"""What a round has around it: a disk of its own, a page of its runs, an S3 server behind a wire that can be cut."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from . import ledger
from .lives import home_of

BUCKET = "chaos"


def why_no_disk() -> str:
    """Why a file system cannot be mounted here; empty where it can."""
    if sys.platform != "linux" or os.getuid() != 0:
        return "a file system can only be mounted by root on Linux"
    return ""


@contextlib.contextmanager
def disk(folder: Path, size: str) -> Iterator[None]:
    """A file system of that size for the home of a round."""
    path = folder / "disk"
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", path], check=True)
    try:
        yield
    finally:
        heal(folder)
        subprocess.run(["umount", "-l", path], check=True)


def heal(folder: Path) -> None:
    """Undo whatever a fault has done to the surroundings."""
    (folder / "disk" / "ballast").unlink(missing_ok=True)
    (folder / "cut").unlink(missing_ok=True)
    mounts = Path("/proc/self/mountinfo")
    while mounts.exists() and f" {home_of(folder)}/store " in mounts.read_text():
        subprocess.run(["umount", "-l", home_of(folder) / "store"], check=True)


@contextlib.contextmanager
def page(folder: Path) -> Iterator[Callable[[], bool]]:
    """A `flyte-nb ui` on the home of a round; what is yielded starts it again and says whether it served."""

    def start() -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-m", "flyte_nb", "ui"],
            env={**os.environ, "FLYTE_NB_HOME": str(home_of(folder)), ledger.FOLDER_VARIABLE: str(folder)},
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        (folder / "server").write_text(str(process.pid))
        return process

    started = [start()]

    def serves_again() -> bool:
        started.append(start())
        return bool(_address_of(started[-1]))

    try:
        yield serves_again
    finally:
        for process in started:
            process.kill()
            process.communicate()


def _address_of(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return next((line.strip() for line in process.stdout if "http://" in line), "")


@contextlib.contextmanager
def s3() -> Iterator[str]:
    """The address of an S3 server in a process of its own; `python -m tests.chaos.s3_service` is it."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.chaos.s3_service"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdin is not None and process.stdout is not None
    try:
        yield process.stdout.readline().strip()
    finally:
        process.stdin.close()
        process.wait()


def s3_environment(address: str) -> dict[str, str]:
    """By which clients find it."""
    return {
        "AWS_ENDPOINT_URL": address,
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
