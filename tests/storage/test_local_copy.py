"""A copy within this machine costs no more than it must, and is what was there."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from flyte_nb.storage.local_copy import AT_ONCE_BYTES, copy_at_once, copy_file, file_digest

SIZE = 9_000_000


@pytest.fixture
def shares_blocks(tmp_path: Path) -> Iterator[Path]:
    """A folder on a file system that can let two files share their blocks."""
    if shutil.which("mkfs.btrfs") is None or os.geteuid() != 0:
        pytest.skip("needs mkfs.btrfs (Debian's btrfs-progs), and root's right to mount")
    image, folder = tmp_path / "disk", tmp_path / "mounted"
    folder.mkdir()
    with image.open("wb") as file:
        file.truncate(256 * 2**20)
    subprocess.run(["mkfs.btrfs", "-q", str(image)], check=True)
    mounted = subprocess.run(["mount", "-o", "loop", str(image), str(folder)], capture_output=True, text=True)
    if mounted.returncode:
        pytest.skip(f"needs a loop device: {mounted.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def used_bytes(folder: Path) -> int:
    os.sync()
    found = os.statvfs(folder)
    return (found.f_blocks - found.f_bfree) * found.f_frsize


def test_a_copy_shares_the_blocks_of_the_original_until_one_of_them_is_changed(shares_blocks: Path) -> None:
    original, copy = shares_blocks / "original", shares_blocks / "copy"
    original.write_bytes(content := os.urandom(SIZE))
    before = used_bytes(shares_blocks)
    digest = copy_file(str(original), str(copy))
    assert used_bytes(shares_blocks) - before < SIZE / 10
    with original.open("r+b") as file:
        file.write(b"changed")
    assert copy.read_bytes() == content
    assert file_digest(str(copy)) == digest


@pytest.mark.skipif(not os.path.isdir("/dev/shm"), reason="needs a second file system, in memory")
def test_a_copy_goes_from_one_file_system_to_another(tmp_path: Path) -> None:
    original = Path(f"/dev/shm/{tmp_path.parent.name}-{os.getpid()}")
    try:
        original.write_bytes(content := os.urandom(SIZE))
        digest = copy_file(str(original), str(tmp_path / "copy"))
    finally:
        original.unlink()
    assert (tmp_path / "copy").read_bytes() == content
    assert file_digest(str(tmp_path / "copy")) == digest


@pytest.mark.parametrize("kernel", ["copies", "cannot"])
def test_a_copy_is_the_same_whether_the_kernel_makes_it_or_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kernel: str
) -> None:
    if kernel == "cannot":
        monkeypatch.setattr(sys, "platform", "other")
        monkeypatch.delattr(os, "copy_file_range")
    (tmp_path / "original").write_bytes(content := os.urandom(SIZE))
    digest = copy_file(str(tmp_path / "original"), str(tmp_path / "copy"))
    assert (tmp_path / "copy").read_bytes() == content
    assert digest == file_digest(str(tmp_path / "original"))


@pytest.mark.parametrize("size", [0, 1, AT_ONCE_BYTES])
def test_a_small_file_is_copied_at_once(tmp_path: Path, size: int) -> None:
    (tmp_path / "original").write_bytes(content := os.urandom(size))
    copied = copy_at_once(str(tmp_path / "original"), str(tmp_path / "copy"))
    assert (tmp_path / "copy").read_bytes() == content
    assert copied == (size, file_digest(str(tmp_path / "original")))


def test_a_larger_file_is_not_even_begun(tmp_path: Path) -> None:
    (tmp_path / "original").write_bytes(bytes(AT_ONCE_BYTES + 1))
    assert copy_at_once(str(tmp_path / "original"), str(tmp_path / "copy")) is None
    assert not (tmp_path / "copy").exists()
