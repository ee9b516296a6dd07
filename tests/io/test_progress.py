"""How far the copy of one large file is, where somebody watches."""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from flyte_nb.io import Dir, File
from flyte_nb.io.progress import Progress
from flyte_nb.storage import Store

from .test_directory import Terminal

SIZE = 20 * 2**20


@pytest.fixture
def source(files: Path) -> Path:
    (files / "large").write_bytes(os.urandom(SIZE))
    return files / "large"


@pytest.fixture
def watched(monkeypatch: pytest.MonkeyPatch) -> Callable[[], str]:
    """What was shown on a terminal on which every step of a copy is shown."""
    terminal = Terminal()
    monkeypatch.setattr("flyte_nb.io.progress.sys", SimpleNamespace(stderr=terminal))
    for name in ("FIRST_AFTER_S", "MOVE_EVERY_S", "FOLLOWED_FROM_BYTES"):
        monkeypatch.setattr(f"flyte_nb.io.progress.{name}", 0)
    monkeypatch.setattr("flyte_nb.io.side_by_side.MOVE_EVERY_S", 0)
    monkeypatch.setattr("flyte_nb.storage.local_copy.KERNEL_BYTES", 2**20)
    monkeypatch.setattr("flyte_nb.storage.remote_copy.PART_BYTES", 8 * 2**20)
    shown, show, add_bytes = threading.Event(), Progress.show, Progress.add_bytes
    one_at_a_time = threading.Lock()

    def show_and_say(self: Progress) -> None:
        show(self)
        shown.set()

    def add_and_wait(self: Progress, count: int) -> None:
        with one_at_a_time:
            add_bytes(self, count)
            for _ in ("one that may have begun before", "one that begins now"):
                shown.clear()
                shown.wait(10)

    monkeypatch.setattr(Progress, "show", show_and_say)
    monkeypatch.setattr(Progress, "add_bytes", add_and_wait)
    return terminal.getvalue


def amounts(shown: str, what: str) -> set[float]:
    return set(map(float, re.findall(rf"\r{what} large: ([\d.]+) of 20\.0 MiB", shown)))


def test_a_large_file_is_followed_on_its_way_down(store: Store, source: Path, watched: Callable[[], str]) -> None:
    file = File.from_local_sync(source)
    file.download_sync()
    assert len(amounts(watched(), "Downloading")) > 2
    assert watched().endswith(" \r")


def test_a_large_file_is_followed_on_its_way_into_a_folder(
    near: Path, source: Path, watched: Callable[[], str]
) -> None:
    File.from_local_sync(source)
    assert len(amounts(watched(), "Storing")) > 2
    shares = [int(share) for share in re.findall(r"MiB \((\d+) %\)", watched())]
    assert shares == sorted(shares)
    assert shares[0] < 100


def test_a_large_file_in_a_directory_is_followed_too(near: Path, source: Path, watched: Callable[[], str]) -> None:
    Dir.from_local_sync(source.parent)
    found = set(re.findall(r"\rStoring mine: ([\d.]+) of 20\.0 MiB", watched()))
    assert len(found) > 2


def test_an_upload_says_when_it_is_done(s3_address: str, source: Path, watched: Callable[[], str]) -> None:
    File.from_local_sync(source, f"{s3_address}/{os.urandom(4).hex()}/")
    assert "\rUploading large: 20.0 of 20.0 MiB" in watched()


def test_an_interrupt_ends_the_copy_and_leaves_nothing(
    near: Path, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("flyte_nb.io.progress.FOLLOWED_FROM_BYTES", 0)
    monkeypatch.setattr("flyte_nb.storage.local_copy.KERNEL_BYTES", 2**20)
    begun, stopped = threading.Event(), threading.Event()
    add_bytes, stop, copied = Progress.add_bytes, Progress.stop, [0]

    def add_and_wait(self: Progress, count: int) -> None:
        copied[0] += count
        begun.set()
        stopped.wait(10)
        add_bytes(self, count)

    def interrupted(self: Progress) -> None:
        if begun.is_set():
            raise KeyboardInterrupt

    def stop_and_say(self: Progress) -> None:
        stop(self)
        stopped.set()

    monkeypatch.setattr(Progress, "add_bytes", add_and_wait)
    monkeypatch.setattr(Progress, "show", interrupted)
    monkeypatch.setattr(Progress, "stop", stop_and_say)
    with pytest.raises(KeyboardInterrupt):
        File.from_local_sync(source)
    assert copied[0] < SIZE
    assert [path for path in near.rglob("*") if path.is_file()] == []
