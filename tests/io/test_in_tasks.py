"""Files and directories as inputs and outputs of tasks, alone and inside other values."""

from __future__ import annotations

import asyncio
import dataclasses
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from pydantic import BaseModel, TypeAdapter, ValidationError

import flyte_nb as flyte
from flyte_nb._runtime.runtime import current_runtime
from flyte_nb.errors import RuntimeDataValidationError
from flyte_nb.io import Dir, File
from flyte_nb.models.events import ProgressTold
from flyte_nb.types import TypeEngine
from flyte_nb.types.references import references_of
from flyte_nb.types.variables import Variables

env = flyte.TaskEnvironment("files")


@dataclasses.dataclass
class Pair:
    left: File
    right: File["csv"] | None = None  # noqa: F821, UP037


class Bundle(BaseModel):
    label: str
    files: list[File]
    folders: dict[str, Dir] = {}


@env.task
async def write(name: str) -> File:
    file = File.new_remote(f"{name}.txt")
    async with file.open("w") as stream:
        await stream.write(f"hello {name}")
    return file


@env.task
def length(file: File) -> int:
    with file.open_sync("r") as stream:
        return len(stream.read())


@env.task
async def gathered(folder: str, names: list[str]) -> Dir:
    written = await asyncio.gather(*(write(name) for name in names))
    for file in written:
        await file.download(f"{folder}/")
    return await Dir.from_local(folder)


@env.task
async def swapped(pair: Pair) -> Pair:
    assert pair.right is not None
    return Pair(pair.right, None)


@env.task
async def bundled(files: dict[str, File]) -> Bundle:
    return Bundle(label="b", files=list(files.values()))


@env.task
async def main(folder: str) -> tuple[Dir, int, Pair, Bundle]:
    directory = await gathered(folder, ["Alice", "Bob"])
    alice = await directory.get_file("Alice.txt")
    assert alice is not None
    pair = await swapped(Pair(alice, File(path=alice.path, format="csv")))
    bundle = await bundled({"alice": alice})
    bundle.folders["all"] = directory
    return directory, length(alice), pair, bundle


def test_files_travel_through_tasks(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    directory, count, pair, bundle = flyte.run(main, folder=str(tmp_path / "mine")).outputs()
    assert [file.name for file in directory.list_files_sync()] == ["Alice.txt", "Bob.txt"]
    assert count == len("hello Alice")
    assert (type(pair.left), pair.left.format) == (File, "csv")
    assert bundle.folders["all"] == directory
    assert bundle.files[0].name == "Alice.txt"


def test_a_file_made_in_a_cell_is_an_input(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("content")
    assert flyte.run(length, File.from_local_sync(tmp_path / "a.txt")).outputs() == 7


@pytest.mark.parametrize("wrong", ["a.txt", Path("a.txt"), b"a.txt"])
def test_a_path_is_refused_with_what_to_do(wrong: Any) -> None:
    with pytest.raises(RuntimeDataValidationError, match=r"File\.from_local\(path\).*from_existing_remote"):
        flyte.run(length, wrong).outputs()
    for kind in (Pair, Bundle):
        with pytest.raises(ValidationError, match=r"File\.from_local\(path\)"):
            TypeAdapter(kind).validate_python({"left": wrong, "label": "x", "files": [wrong]})
    with pytest.raises(ValidationError, match=r"Dir\.from_local\(path\)"):
        Bundle(label="x", files=[], folders={"a": wrong})


def test_a_directory_is_no_file_and_none_is_neither() -> None:
    with pytest.raises(RuntimeDataValidationError, match="get_file"):
        flyte.run(length, Dir(path="/x")).outputs()
    with pytest.raises(RuntimeDataValidationError, match="NoneType"):
        flyte.run(length, None).outputs()


def round_trip(value: Any, python_type: Any) -> Any:
    async def there_and_back() -> Any:
        return await TypeEngine.to_python_value(await TypeEngine.to_literal(value, python_type), python_type)

    return asyncio.run(there_and_back())


def test_everything_that_is_known_survives() -> None:
    file = File(path="s3://bucket/ü a.csv", name="other", format="csv", hash="key")
    for python_type in (File, File["csv"], File[pd.DataFrame], File | None, File["csv"] | None):
        assert round_trip(file, python_type) == file
    assert round_trip([file], list[File]) == [file]
    assert round_trip({"a": file}, dict[str, File["csv"]]) == {"a": file}  # noqa: F821
    directory = Dir(path="/a/b/", format="parquet")
    assert directory.name == "b"
    assert round_trip(directory, Dir) == round_trip(directory, Dir["parquet"]) == directory
    assert round_trip(directory, File | Dir) == directory
    assert type(round_trip(directory, File | Dir)) is Dir
    assert pickle.loads(pickle.dumps(file)) == file
    assert File.model_validate_json(file.model_dump_json()) == file
    assert File.model_validate(file.model_dump()) == file


def test_a_format_is_part_of_the_type() -> None:
    assert round_trip(File(path="/a"), File["csv"]).format == "csv"
    assert File["csv"](path="/a").format == "csv"
    with pytest.raises(TypeError, match=r"File\[Literal\['csv'\]\]|csv"):
        round_trip(File(path="/a", format="json"), File["csv"])
    with pytest.raises(ValidationError, match="format 'csv'"):
        TypeAdapter(File["csv"]).validate_python(File(path="/a", format="json"))
    assert TypeAdapter(File["csv"]).validate_python({"path": "/a"}).format == "csv"
    assert TypeEngine.to_literal_type(File["csv"]).blob.format == "csv"
    with pytest.raises(TypeError, match="one parameter"):
        File["csv", "json"]
    with pytest.raises(TypeError, match=r"File takes a format, such as File\['csv'\], or a type; got 3\."):
        File[3]  # type: ignore[valid-type]


def test_a_subclass_comes_back_as_one() -> None:
    class Special(File):
        """A file that can do more."""

    assert type(round_trip(Special(path="/a"), Special)) is Special
    assert type(round_trip(File(path="/a"), Special)) is Special
    assert type(round_trip(Special(path="/a"), File)) is File
    assert type(TypeAdapter(Special).validate_python(File(path="/a"))) is Special
    assert type(round_trip(Special["csv"](path="/a"), Special["csv"])) is Special


def test_content_stands_for_a_file_in_keys(near: Path) -> None:
    def written(content: str) -> File:
        file = File.new_remote("a.txt")
        with file.open_sync("w") as stream:
            stream.write(content)
        return file

    for python_type, made in [
        (File, lambda file: file),
        (list[File], lambda file: [file]),
        (Pair, Pair),
        (list[Pair], lambda file: [Pair(file)]),
        (Bundle, lambda file: Bundle(label="x", files=[file])),
    ]:
        variables = Variables({"x": python_type}, "t")
        one, two, three = (made(written(content)) for content in ("same", "same", "other"))
        prepared = [variables.prepare({"x": value}) for value in (one, two, three)]
        assert prepared[0][1] == prepared[1][1] != prepared[2][1]
        assert len(references_of(prepared[0][0])) == 1
        assert variables.read(prepared[0][0]) == {"x": one}


def test_an_address_stands_for_a_file_nobody_has_read() -> None:
    variables = Variables({"x": Pair}, "t")
    keys = {variables.prepare({"x": Pair(File.from_existing_remote(path))})[1] for path in ("/a", "/b", "/a")}
    assert len(keys) == 2


def test_a_key_of_ones_own_stands_for_a_file() -> None:
    variables = Variables({"x": File}, "t")
    keys = {variables.prepare({"x": File.from_existing_remote(path, "v1")})[1] for path in ("/a", "/b")}
    assert len(keys) == 1


def test_what_a_task_gets_is_its_own() -> None:
    file = File(path="/a")
    variables = Variables({"x": File}, "t")
    assert variables.prepare({"x": file})[2]["x"] is not file


@env.task
async def named() -> tuple[str, str, str]:
    return File.named_remote("a").path, File.named_remote("a").path, await other_named()


@env.task
async def other_named() -> str:
    return File.named_remote("a").path


def test_a_named_file_belongs_to_its_action() -> None:
    run = flyte.run(named)
    first, second, other = run.outputs()
    assert first == second != other
    assert run.name in first


CELL = """
import dataclasses, pydantic
import flyte_nb as flyte
from flyte_nb.io import Dir, File

class Special(File):
    \"\"\"One of ours.\"\"\"

@dataclasses.dataclass
class Batch:
    one: File
    special: Special

class Model(pydantic.BaseModel):
    batches: list[Batch]
"""


def test_classes_of_a_cell_that_is_run_again_still_convert() -> None:
    first: dict[str, Any] = {"__name__": "__main__"}
    second: dict[str, Any] = {"__name__": "__main__"}
    for cell in (first, second):
        exec(compile(CELL, "cell", "exec", dont_inherit=True), cell)
    batch = first["Batch"](File(path="/a"), first["Special"](path="/b"))
    model = first["Model"](batches=[batch])
    assert type(round_trip(first["Special"](path="/a"), second["Special"])) is second["Special"]
    again = round_trip(batch, second["Batch"])
    assert type(again) is second["Batch"]
    assert type(again.special) is second["Special"]
    assert [again.one.path, again.special.path] == ["/a", "/b"]
    assert round_trip(model, second["Model"]).batches[0].special.path == "/b"


failing = {"now": True}


@env.task
async def summarised(file: File, pair: Pair) -> str:
    if failing["now"]:
        raise ValueError("not yet")
    async with file.open("r") as stream, pair.left.open("r") as left:
        return await stream.read() + await left.read()


@env.task
async def interrupted() -> str:
    file = await write("Ann")
    return await summarised(file, Pair(await write("Ben")))


def test_after_a_resume_a_file_is_still_found() -> None:
    failing["now"] = True
    run = flyte.run(interrupted)
    run.wait()
    assert run.phase == "failed"
    failing["now"] = False
    assert run.resume().outputs() == "hello Annhello Ben"
    names = [action.task_name for action in flyte.remote.Action.listall(run.name)]
    assert names.count("files.write") == 2


@env.task
async def many(folder: str) -> Dir:
    with pytest.MonkeyPatch.context() as patched:
        for name in ("FIRST_AFTER_S", "LINE_EVERY_S"):
            patched.setattr(f"flyte_nb.io.progress.{name}", 0.0)
        return await Dir.from_local(folder)


@pytest.mark.parametrize("task", [many, many.override(resources=flyte.Resources(memory="500Mi"))])
def test_a_directory_that_takes_long_is_followed_in_the_row_and_in_the_log_of_its_action(
    tmp_path: Path, task: Any
) -> None:
    (tmp_path / "pictures").mkdir()
    for number in range(3):
        (tmp_path / "pictures" / str(number)).write_bytes(bytes(2**20))
    run = flyte.run(task, str(tmp_path / "pictures"))
    run.wait()
    assert "Storing pictures: 3 of 3 files, 3.0 of 3.0 MiB" in "".join(run.get_logs())
    runtime = current_runtime()
    runtime.writer.flush()
    told = [event.text for _, event in runtime.reader.events(run.name) if isinstance(event, ProgressTold)]
    assert told[-2:] == ["Storing pictures: 100 %", ""]


@env.task
def holds_secrets(file: File) -> File:
    with file.open_sync("r") as stream:
        text = stream.read()
    print("read", text)
    made = File.new_remote("made")
    with made.open_sync("w") as stream:
        stream.write(text)
    return made


def test_credentials_are_neither_in_the_journal_nor_in_a_log(
    s3_address: str, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    import s3fs

    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAVERYSECRET")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hunter2hunter2")
    s3fs.S3FileSystem.clear_instance_cache()
    (tmp_path / "a").write_text("content")
    caplog.set_level("DEBUG", "flyte_nb")
    flyte.init(home=tmp_path / "there", storage=s3_address)
    run = flyte.run(holds_secrets, File.from_local_sync(tmp_path / "a"))
    assert run.outputs()[0].path.startswith(f"{s3_address}/runs/{run.name}/")
    with pytest.raises(flyte.errors.RuntimeUserError):
        flyte.run(holds_secrets, File.from_existing_remote("s3://no-such-bucket/a")).outputs()
    flyte.init(home=tmp_path / "elsewhere")
    stored = b"".join(path.read_bytes() for path in (tmp_path / "there").rglob("*") if path.is_file())
    assert run.name.encode() in stored
    for secret in ("AKIAVERYSECRET", "hunter2hunter2"):
        assert secret.encode() not in stored
        assert secret not in caplog.text


def test_importing_the_package_imports_nothing_heavy() -> None:
    code = (
        "import sys, flyte_nb, flyte_nb.io; flyte_nb.io.__all__;"
        "print([m for m in ('fsspec', 'pydantic', 'flyteidl2') if m in sys.modules]);"
        "from flyte_nb.io import File; print('fsspec' in sys.modules)"
    )
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert printed.splitlines() == ["[]", "False"]
