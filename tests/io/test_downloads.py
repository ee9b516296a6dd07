"""Copies that nobody named a place for are gone with the process that made them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = """
import os, sys
import flyte_nb as flyte
from flyte_nb.io import Dir, File

env = flyte.TaskEnvironment("downloading")

@env.task
def downloads(file: File, folder: Dir) -> list[str]:
    paths = [file.download_sync(), folder.download_sync(), file.download_sync()]
    assert open(paths[0]).read() == "content"
    return paths

def made() -> tuple[File, Dir]:
    os.makedirs(sys.argv[1] + "/given", exist_ok=True)
    with open(sys.argv[1] + "/given/a.txt", "w") as file:
        file.write("content")
    return File.from_local_sync(sys.argv[1] + "/given/a.txt"), Dir.from_local_sync(sys.argv[1] + "/given")

if __name__ == "__main__":
    flyte.init(home=sys.argv[1] + "/home")
    if sys.argv[2] == "worker":
        paths = flyte.with_runcontext(mode="process").run(downloads, *made()).outputs()[0]
    else:
        paths = downloads(*made())
    assert len(set(paths)) == 3 and all(map(os.path.exists, paths))
    if sys.argv[2] == "fork" and os.fork() == 0:
        sys.exit()
    if sys.argv[2] == "fork":
        os.wait()
        assert all(map(os.path.exists, paths)), "a fork has removed what is not its own"
    if sys.argv[2] == "killed":
        os.kill(os.getpid(), 9)
"""


def left_after(tmp_path: Path, what: str) -> list[str]:
    """What a process leaves in the folder for temporary files."""
    temporary = tmp_path / "temporary"
    temporary.mkdir(exist_ok=True)
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    done = subprocess.run(
        [sys.executable, str(program), str(tmp_path), what],
        env={**os.environ, "TMPDIR": str(temporary)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == (-9 if what == "killed" else 0), done.stderr
    return [path.name for path in temporary.glob("flyte_nb-*")]


@pytest.mark.parametrize("what", ["alone", "worker", "fork"])
def test_a_process_that_ends_leaves_no_copies(tmp_path: Path, what: str) -> None:
    assert left_after(tmp_path, what) == []


def test_what_a_killed_process_left_is_removed_by_the_next_one_that_downloads(tmp_path: Path) -> None:
    assert left_after(tmp_path, "killed") != []

    assert left_after(tmp_path, "alone") == []


def test_a_process_that_lives_keeps_its_copies_while_others_come_and_go(tmp_path: Path) -> None:
    from flyte_nb.io.downloads import new_download_folder

    folder = Path(new_download_folder())
    (folder / "kept").touch()
    program = "from flyte_nb.io.downloads import *; new_download_folder()"
    subprocess.run([sys.executable, "-c", program], check=True)

    assert (folder / "kept").exists()
