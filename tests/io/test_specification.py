"""The program of the page *Files and directories*, as a user would write it."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path

import pytest

import flyte_nb as flyte
from flyte_nb.io import Dir, File

env = flyte.TaskEnvironment(name="files-and-folders")


@env.task
async def write_file(name: str) -> File:
    with open("test.txt", "w") as out:  # everybody writes the same file, and stores it before the next one does
        out.write(f"hello world {name}")
    return await File.from_local("test.txt")


@env.task
async def write_and_check_files() -> Dir:
    files = await asyncio.gather(*(write_file(name=name) for name in ["Alice", "Bob", "Eve"]))
    folder = tempfile.mkdtemp()
    for number, file in enumerate(files):
        async with file.open("rb") as stream:
            contents = await stream.read()
        print(f"File {file.path} contents: {contents.decode()}")
        assert file.name == "test.txt"
        (Path(folder) / f"{number}-{file.name}").write_bytes(contents)
    return await Dir.from_local(folder)


@env.task
async def check_dir(my_dir: Dir) -> None:
    print(f"Dir {my_dir.path} contents:")
    async for file in my_dir.walk():
        async with file.open("rb") as stream:
            print(f"{file.name}: {(await stream.read()).decode()}")


@env.task
async def create_and_check_dir() -> None:
    await check_dir(my_dir=await write_and_check_files())


def test_the_program_of_the_page_runs_as_it_stands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    run = flyte.run(create_and_check_dir)
    run.wait()
    run.raise_for_status()
    [check] = [action for action in flyte.remote.Action.listall(run.name) if action.task_name.endswith(".check_dir")]
    lines = [line for line in check.get_logs() if line.startswith(("0-", "1-", "2-"))]
    assert lines == [f"{number}-test.txt: hello world {name}" for number, name in enumerate(["Alice", "Bob", "Eve"])]
