"""What the repository promises to services that build it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.name)
def test_every_action_of_a_workflow_is_pinned_to_a_commit(workflow: Path) -> None:
    jobs = yaml.safe_load(workflow.read_text())["jobs"].values()
    used = [step["uses"] for job in jobs for step in job["steps"] if "uses" in step]
    assert used and all(re.fullmatch(r"[\w/-]+@[0-9a-f]{40}", action) for action in used), used


def test_every_change_is_audited_and_what_is_installed_is_listed_and_kept() -> None:
    steps = yaml.safe_load((ROOT / ".github" / "workflows" / "test.yml").read_text())["jobs"]["audit"]["steps"]
    commands = "\n".join(step.get("run", "") for step in steps)
    for program in ("pip-audit", "npm audit", "cyclonedx-py"):
        assert re.search(rf"^\s*(cd \S+ && )?{program}\b", commands, re.MULTILINE), program
    [kept] = [step["with"] for step in steps if "upload-artifact" in step.get("uses", "")]
    assert kept["path"] in commands, "what is uploaded is what was made"


def promised_versions() -> list[str]:
    classifiers = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["classifiers"]
    return [text.rpartition(" ")[2] for text in classifiers if re.search(r":: 3\.\d+$", text)]


def jobs_of(workflow: str) -> dict[str, Any]:
    jobs: dict[str, Any] = yaml.safe_load((ROOT / ".github" / "workflows" / workflow).read_text())["jobs"]
    return jobs


def python_of(job: dict[str, Any]) -> str:
    """What its steps run on, in the workflow's words."""
    [setup] = [step["with"] for step in job["steps"] if "actions/setup-python" in step.get("uses", "")]
    return str(setup["python-version"])


@pytest.mark.parametrize(("workflow", "job"), [("test.yml", "everything"), ("nightly.yml", "slow")])
def test_continuous_integration_runs_every_version_of_python_that_is_promised(workflow: str, job: str) -> None:
    runs = jobs_of(workflow)[job]
    assert runs["strategy"]["matrix"]["python"] == promised_versions()
    assert python_of(runs) == "${{ matrix.python }}"


def test_types_are_checked_for_the_oldest_and_the_newest_python_that_are_promised() -> None:
    recipe = (ROOT / "Makefile").read_text().partition("\ncheck:")[2].partition("\n\n")[0]
    oldest, *_, newest = promised_versions()
    assert re.findall(r"/mypy --python-version (\S+)", recipe) == [oldest, newest]


def test_the_core_alone_is_tested_at_its_lowest_versions_and_at_its_highest_on_the_newest_python() -> None:
    job = jobs_of("test.yml")["installed"]
    oldest, *_, newest = promised_versions()
    assert job["strategy"]["matrix"]["include"] == [
        {"resolution": "lowest-direct", "python": oldest},
        {"resolution": "highest", "python": newest},
    ]
    assert python_of(job) == "${{ matrix.python }}"
    commands = "\n".join(step.get("run", "") for step in job["steps"])
    assert "uv venv --python ${{ matrix.python }} " in commands, "uv may know other versions"
    [tested] = re.findall(r"pytest -q (tests/.+)", commands)
    assert all((ROOT / folder).is_dir() for folder in tested.split()), tested
    assert "--no-deps dist/*.whl" in commands and "flyte-nb[" not in commands, "no extras"


def test_binder_installs_extras_that_exist_and_opens_a_notebook_that_exists() -> None:
    binder = ROOT / "binder"
    extras = re.search(r"\.\[([\w,]+)\]", (binder / "postBuild").read_text())
    known = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    assert extras is not None and set(extras[1].split(",")) <= known.keys()
    workspace = json.loads((binder / "workspace.json").read_text())["data"]
    [notebook] = [value["data"]["path"] for key, value in workspace.items() if key.startswith("notebook:")]
    assert (ROOT / notebook).is_file()
    assert all(os.access(binder / script, os.X_OK) for script in ("postBuild", "start"))


def test_the_extra_for_everything_names_every_extra_for_users() -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    [everything] = extras["all"]
    named = set(everything.removeprefix("flyte-nb[").removesuffix("]").split(","))
    aliases = {"all", "docker", "lab", "test", "dev"}
    assert named == extras.keys() - aliases


def test_what_make_installs_says_how_far_it_is_and_an_error_is_pips_own(tmp_path: Path) -> None:
    (tmp_path / "pip").mkdir()
    (tmp_path / "pip/__init__.py").write_text("")
    (tmp_path / "pip/__main__.py").write_text(
        "import sys\nprint('Collecting a')\nprint('Collecting b')\nprint('Installing collected packages: a, b, found')"
        "\nsys.exit('ERROR: no room' if 'c' in sys.argv else None)\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    done, failed = (
        subprocess.run(
            [sys.executable, ROOT / ".ci/install.py", what],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        for what in ("a", "c")
    )
    assert done.returncode == 0 and not done.stderr
    assert done.stdout.startswith("  3 packages being unpacked, ")
    assert failed.returncode != 0
    assert "Collecting a" in failed.stderr and "ERROR: no room" in failed.stderr
