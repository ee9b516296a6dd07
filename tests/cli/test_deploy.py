"""`flyte-nb deploy`: a file, a folder, a notebook; what is shipped, and what is refused."""

from __future__ import annotations

import json

import pytest

from tests.cli.conftest import Shell

FILE = """
    import flyte_nb as flyte
    from beside import LIMIT

    env = flyte.TaskEnvironment("etl")

    @env.task
    async def main(days: int = LIMIT) -> int:
        return days
"""


@pytest.fixture
def files(shell: Shell) -> Shell:
    shell.write("etl.py", FILE)
    shell.write("beside.py", "LIMIT = 7\n")
    shell.write("unrelated.py", "raise SystemExit('it was imported')\n")
    return shell


def test_a_file_goes_with_the_modules_that_it_imports(files: Shell) -> None:
    told, _ = files.run("deploy", "etl.py", "--version", "v1")
    assert told.startswith("Deployed version v1 to ")
    assert told.splitlines()[1:] == ["  etl.main", "with beside.py, etl.py"]
    files.write("call.py", CALL)
    assert json.loads(files.run("run", "-o", "json", "call.py", "calls")[0])["outputs"] == {"o0": 7}


CALL = """
    import flyte_nb as flyte
    import flyte_nb.remote
    env = flyte.TaskEnvironment("callers")

    @env.task
    async def calls() -> int:
        return await flyte_nb.remote.Task.get("etl.main")()
"""


def test_of_a_folder_the_files_that_declare_environments_are_taken(files: Shell) -> None:
    files.write("other.py", FILE.replace('"etl"', '"other"'))
    found = files.json("deploy", ".")
    assert found["tasks"] == ["etl.main", "other.main"]
    assert found["files"] == ["beside.py", "etl.py", "other.py"]


def test_of_a_notebook_the_tasks_and_what_they_reach_are_taken(shell: Shell) -> None:
    path = shell.write_notebook(
        "study.ipynb",
        "import flyte_nb as flyte\nenv = flyte.TaskEnvironment('study')\nRATE = 2",
        "@env.task\nasync def doubled(number: int) -> int:\n    return RATE * number",
        "raise SystemExit('this cell was run')",
    )
    found = shell.json("deploy", str(path), "--registry", str(shell.folder / "team"))
    assert (found["tasks"], found["files"]) == (["study.doubled"], ["study.py"])
    assert list((shell.folder / "team" / "environments").iterdir())


def test_the_same_content_is_the_same_version_and_a_version_never_changes(files: Shell) -> None:
    first = files.json("deploy", "etl.py")
    assert files.json("deploy", "etl.py")["version"] == first["version"]
    files.run("deploy", "etl.py", "--version", "v1")
    files.write("beside.py", "LIMIT = 8\n")
    assert files.json("deploy", "etl.py")["version"] != first["version"]
    _, problem = files.run("deploy", "etl.py", "--version", "v1", code=2)
    assert "Version 'v1' of environment 'etl' exists" in problem


def test_a_dry_run_publishes_nothing(files: Shell) -> None:
    assert files.run("deploy", "etl.py", "--dry-run")[0].startswith("Would deploy version ")
    assert not (files.folder / "home" / "registry").exists()


def test_files_that_are_read_are_named_and_only_those_below_the_folder_go(shell: Shell) -> None:
    text = (
        FILE.replace('("etl")', '("etl", include=["rates/*.csv"])')
        .replace("LIMIT", "1")
        .replace("from beside import 1", "")
    )
    shell.write("etl.py", text)
    shell.write("rates/eu.csv", "1\n")
    assert shell.json("deploy", "etl.py")["files"] == ["etl.py", "rates/eu.csv"]
    shell.write("etl.py", text.replace("rates/*.csv", "/etc/hostname"))
    assert "is outside" in shell.run("deploy", "etl.py", code=2)[1]
    shell.write("etl.py", text.replace("rates/*.csv", "nothing.csv"))
    assert "include names 'nothing.csv'; there is none" in shell.run("deploy", "etl.py", code=2)[1]


def test_of_a_package_all_modules_go(shell: Shell) -> None:
    shell.write("team/__init__.py", "")
    shell.write("team/tasks.py", FILE.replace("from beside", "from team.limits"))
    shell.write("team/limits.py", "LIMIT = 1\n")
    shell.write("team/plugins/found_by_name.py", "")
    found = shell.json("deploy", "team/tasks.py")["files"]
    assert found == ["team/__init__.py", "team/limits.py", "team/plugins/found_by_name.py", "team/tasks.py"]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("x = 1\n", "declares no environment with a task"),
        ("import flyte_nb\nenv = flyte_nb.TaskEnvironment('a')\n", "declares no environment with a task"),
        ("import nothing_of_the_kind\n", "cannot be loaded"),
        (FILE.replace("from beside", "import importlib\n    importlib.import_module('hid' + 'den')\n    from beside"),
         "imports 'hidden', which is not there"),
        (INSIDE := """
    import flyte_nb as flyte
    env = flyte.TaskEnvironment("etl")
    def make():
        @env.task
        async def main() -> int:
            return 1
    make()
""", "is defined inside a function"),
    ],
)  # fmt: skip
def test_what_others_could_not_use_is_refused_with_what_to_do(shell: Shell, text: str, problem: str) -> None:
    shell.write("hidden.py", "")
    shell.write("beside.py", "LIMIT = 1\n")
    shell.write("etl.py", text)
    _, told = shell.run("deploy", "etl.py", code=2)
    assert problem in told
    assert not (shell.folder / "home" / "registry").exists()


def test_a_configuration_file_says_where_the_registry_is(files: Shell) -> None:
    files.write(".flyte/config.yaml", "task: {project: p}\nregistry: shared\nadmin: {endpoint: 'dns:///cluster'}\n")
    _, noted = files.program("deploy", "etl.py")
    assert "names the cluster dns:///cluster, which is not contacted" in noted
    assert (files.folder / "shared" / "environments" / "etl").is_dir()


def test_a_version_is_removed_from_the_registry_that_is_named(files: Shell) -> None:
    for version in ("v1", "v2"):
        files.run("deploy", "etl.py", "--version", version, "--registry", "team")
    told, _ = files.run("undeploy", "etl", "v2", "--registry", "team")
    assert told == "Removed version 'v2' of 'etl', and 0 objects that nothing else has.\n"
    assert "there is 'v1'" in files.run("undeploy", "etl", "v2", "--registry", "team", code=2)[1]
    assert "there is none" in files.run("undeploy", "etl", "v1", code=2)[1]


def test_a_file_in_a_folder_of_its_own_name_keeps_its_name(shell: Shell) -> None:
    shell.write("etl/etl.py", FILE.replace("LIMIT", "1").replace("from beside import 1", ""))
    assert shell.program("deploy", "etl")[0].splitlines()[1:] == ["  etl.main", "with etl.py"]
