"""Deployed code has the packages that it was deployed for, in the versions it was deployed for."""

from __future__ import annotations

import functools
import shutil
import subprocess
import sys
import threading
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest

import flyte_nb as flyte
from flyte_nb import remote
from flyte_nb._registry.manifest import Requirements
from flyte_nb._runtime.runtime import current_runtime
from flyte_nb.backends.deployed.commands import Work
from flyte_nb.backends.deployed.environments import interpreter_for, is_satisfied_here
from flyte_nb.errors import DeploymentError

from .conftest import deploy, put

PACKAGE = "inflection"  # small, without requirements of its own, and of no use to this project
TEAM = """
import flyte_nb as flyte
env = flyte.TaskEnvironment(
    "{name}", image=flyte.Image.from_debian_base().with_pip_packages("inflection=={version}")
)

@env.task
async def installed() -> str:
    import inflection
    from importlib.metadata import version
    return version("inflection")

@env.task
async def titled(text: str) -> str:
    import inflection
    return inflection.titleize(text)
"""


@functools.cache
def why_offline() -> str:
    """Why packages cannot be had here, an empty text where they can."""
    command = [sys.executable, "-m", "pip", "index", "versions", PACKAGE]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    return "" if done.returncode == 0 else f"no package index can be reached: {done.stderr.strip()[-200:]}"


@pytest.fixture
def index() -> None:
    if why_offline():
        pytest.skip(why_offline())


def outputs(task: Any, **inputs: Any) -> Any:
    return flyte.run(task, **inputs).outputs()


@pytest.mark.usefixtures("index")
def test_two_teams_need_two_versions_of_a_package_and_a_third_that_has_none_calls_both(tmp_path: Path) -> None:
    home = tmp_path / "home"
    for name, version in (("team_a", "0.5.0"), ("team_b", "0.5.1")):
        put(tmp_path, f"{name}.py", TEAM.format(name=name, version=version))
        deploy(tmp_path / "registry", tmp_path, name)
    flyte.init(home=home, registry=tmp_path / "registry")
    env = flyte.TaskEnvironment("team_c")
    installed_a, installed_b = remote.Task.get("team_a.installed"), remote.Task.get("team_b.installed")
    titled = remote.Task.get("team_a.titled")

    @env.task
    async def main() -> list[str]:
        return [await installed_a(), await installed_b(), await titled(text="two_words")]

    with pytest.raises(metadata.PackageNotFoundError):
        metadata.version(PACKAGE)
    run = flyte.run(main)
    assert run.outputs()[0] == ["0.5.0", "0.5.1", "Two Words"]
    logs = [line for action in remote.Action.listall(run.name) for line in action.get_logs()]
    assert sum("Making the environment of task 'team_a.installed'" in line for line in logs) == 1
    assert sum("is ready" in line for line in logs) == 2
    again = flyte.run(main)
    assert again.outputs()[0] == ["0.5.0", "0.5.1", "Two Words"]
    assert not any("Making" in line for action in remote.Action.listall(again.name) for line in action.get_logs())


def test_requirements_that_cannot_be_installed_are_named_with_what_was_said(tmp_path: Path, home: Path) -> None:
    put(tmp_path, "broken.py", TEAM.format(name="broken", version="99.9"))
    deploy(tmp_path / "registry", tmp_path, "broken", "v1")
    flyte.init(home=home, registry=tmp_path / "registry")
    with pytest.raises(
        DeploymentError, match=r"(?s)task 'broken.installed' \(version 'v1'\) cannot be installed.*99\.9"
    ):
        outputs(remote.Task.get("broken.installed"))
    kept = [path for path in (home / "deployed" / "environments").iterdir() if path.is_dir()]
    assert kept == []


@pytest.mark.usefixtures("index")
def test_requirements_that_break_the_package_that_runs_tasks_are_told(tmp_path: Path) -> None:
    (tmp_path / "msgspec").mkdir()
    (tmp_path / "msgspec" / "pyproject.toml").write_text(
        '[project]\nname = "msgspec"\nversion = "0.0.1"\n[tool.setuptools]\npy-modules = ["msgspec"]\n'
    )
    (tmp_path / "msgspec" / "msgspec.py").write_text("raise ImportError('an old one')\n")
    required = Requirements(packages=(str(tmp_path / "msgspec"),))
    with pytest.raises(DeploymentError, match=r"(?s)do not go together with flyte_nb.*an old one"):
        interpreter_for(required, tmp_path / "environments", "task 'a.b'", Work(lambda line: None))


@pytest.mark.usefixtures("index")
def test_many_who_need_an_environment_at_once_make_it_once(tmp_path: Path) -> None:
    required = Requirements(packages=(f"{PACKAGE}==0.5.1",))
    told: list[str] = []
    found: list[str] = []

    def need() -> None:
        made = interpreter_for(required, tmp_path / "environments", "it", Work(told.append))
        found.append(made.executable)

    threads = [threading.Thread(target=need) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4 and len(set(found)) == 1
    assert sum(line.startswith("Making") for line in told) == 1


@pytest.mark.usefixtures("index")
def test_an_environment_that_was_left_half_made_is_made_anew(tmp_path: Path) -> None:
    required = Requirements(packages=(f"{PACKAGE}==0.5.1",))
    made = interpreter_for(required, tmp_path / "environments", "it", Work(lambda line: None))
    [marker] = (tmp_path / "environments").glob("*/flyte_nb-ready.json")
    marker.unlink()
    [module] = marker.parent.rglob("inflection.py")
    module.unlink()
    shutil.rmtree(module.with_suffix(""))
    again = interpreter_for(required, tmp_path / "environments", "it", Work(lambda line: None))
    assert again == made
    subprocess.run(again.command(f"import {PACKAGE}"), check=True)


def test_what_is_installed_here_needs_no_environment(tmp_path: Path, in_use: Path) -> None:
    version = metadata.version("click")
    assert is_satisfied_here(
        Requirements(packages=(f"click=={version}", "pydantic>=2", 'nothing; python_version < "3"'))
    )
    for other in (
        "click==0.1",
        "no-such-package-here",
        "click[extra]",
        "-r other.txt",
        "./folder",
        "click @ file:///x",
    ):
        assert not is_satisfied_here(Requirements(packages=(other,))), other
    assert outputs(remote.Task.get("tools.leaf"), number=1) == 2
    assert not (current_runtime().home.deployed_path / "environments").exists()


def test_another_python_is_refused(tmp_path: Path) -> None:
    required = Requirements(packages=(), python="2.7")
    with pytest.raises(DeploymentError, match=r"it was deployed for Python 2\.7, and this is 3\."):
        interpreter_for(required, tmp_path, "it", Work(lambda line: None))


@pytest.mark.usefixtures("index")
def test_aborting_a_run_ends_the_making_of_its_environment(tmp_path: Path, home: Path) -> None:
    (tmp_path / "slow").mkdir()
    (tmp_path / "slow" / "setup.py").write_text(
        f"import pathlib, time\npathlib.Path({str(tmp_path / 'begun')!r}).touch()\ntime.sleep(600)\n"
    )
    put(tmp_path, "waits.py", TEAM.format(name="waits", version="1").replace("inflection==1", str(tmp_path / "slow")))
    deploy(tmp_path / "registry", tmp_path, "waits", "v1")
    flyte.init(home=home, registry=tmp_path / "registry")
    run = flyte.run(remote.Task.get("waits.installed"))
    while not (tmp_path / "begun").exists():
        assert not run.done()
        threading.Event().wait(0.05)
    run.abort()
    run.wait()
    assert run.phase == flyte.ActionPhase.ABORTED
