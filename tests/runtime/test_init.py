"""`init` leaves nothing of the home before it, and says what is wrong with the new one."""

from __future__ import annotations

import asyncio
import logging
import threading
from pathlib import Path

import psutil
import pytest
from click.testing import CliRunner

import flyte_nb as flyte
from flyte_nb._cli.main import main
from flyte_nb._runtime.background_loop import BackgroundLoop

env = flyte.TaskEnvironment("homes")


@env.task
async def on_the_loop(x: int) -> int:
    return x


def open_files_and_threads() -> tuple[int, int]:
    return psutil.Process().num_fds(), threading.active_count()


def use_home(folder: Path) -> None:
    flyte.init(home=folder)
    assert flyte.run(on_the_loop, 1).outputs() == 1


def test_twenty_homes_one_after_another_leave_neither_files_nor_threads_open(tmp_path: Path) -> None:
    use_home(tmp_path / "first")
    flyte.init(home=tmp_path / "second")
    files, threads = open_files_and_threads()
    for number in range(20):
        use_home(tmp_path / f"home{number}")
    flyte.init(home=tmp_path / "last")
    files_now, threads_now = open_files_and_threads()
    assert files_now <= files
    assert threads_now <= threads  # fewer where those of tests before this one have ended meanwhile


def test_what_runs_on_a_loop_that_is_closed_is_cancelled_and_may_clean_up() -> None:
    background, cleaned = BackgroundLoop(), threading.Event()

    async def lasts() -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            cleaned.set()

    begun = threading.Event()
    loop = background.get()
    asyncio.run_coroutine_threadsafe(lasts(), loop)
    assert begun.wait(20)
    background.close()
    background.close()
    assert cleaned.is_set() and loop.is_closed()
    assert background.get() is not loop
    background.close()


def mounted(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, *lines: str) -> None:
    """Let the system's table of mounts be another one: nobody may mount a network file system for a test."""
    table = tmp_path / "mountinfo"
    root = "22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw"
    table.write_text("\n".join((root, *lines)) + "\n")
    monkeypatch.setattr("flyte_nb._journal.network._MOUNTS", table)


def at(point: Path, kind: str) -> str:
    return f"40 22 0:35 / {str(point).replace(' ', chr(92) + '040')} rw,relatime shared:9 - {kind} server:/export rw"


@pytest.mark.parametrize("kind", ["nfs4", "cifs", "fuse.sshfs"])
def test_a_home_on_a_network_file_system_is_warned_of_once_and_by_the_doctor(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, "flyte_nb")
    share = tmp_path / "a share"
    mounted(monkeypatch, tmp_path, at(share, kind))
    for _ in range(2):
        flyte.init(home=share / "home")
    [warning] = [record.getMessage() for record in caplog.records]
    assert f"{share / 'home'} is on a network file system ({kind})" in warning and "init(home=...)" in warning
    said = CliRunner().invoke(main, ["doctor"])
    assert f"warning: {warning}" in said.output and said.exit_code == 0


def test_a_disk_within_a_network_folder_and_a_folder_beside_it_are_not_warned_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, "flyte_nb")
    share = tmp_path / "share"
    mounted(monkeypatch, tmp_path, at(share, "nfs"), at(share / "disk", "ext4"))
    flyte.init(home=share / "disk" / "home")
    flyte.init(home=tmp_path / "share beside it")
    assert caplog.records == []
    assert "warning" not in CliRunner().invoke(main, ["doctor"]).output
