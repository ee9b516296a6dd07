"""Every program of the user guide works here, as it is written."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest

import flyte_nb as flyte

from .cases import CHECKS, DEPLOYED, ENTRY_POINTS, EXCERPTS, PACKAGES, PENDING, PRELUDES, SLOW
from .guide import Program, programs_in

NAMED = "FLYTE_NB_USER_GUIDE"
BUNDLE = Path(os.environ.get(NAMED) or "nowhere")
MISSING = None if BUNDLE.is_file() else f"{NAMED} does not name the user guide's bundle: {os.environ.get(NAMED)!r}"
PROGRAMS = {program.name: program for program in programs_in(BUNDLE)} if MISSING is None else {}
WITHIN_S = 120

INSTALL = "import flyte_nb.compat\nflyte_nb.compat.install()\n"
EXCERPT = """
import flyte as _flyte

@_flyte.TaskEnvironment("excerpts").task
async def _excerpt() -> None:
{body}

_run = _flyte.with_runcontext(custom_context={{"base": "b", "key": "v", "timeout_seconds": "3"}}).run(_excerpt)
_run.outputs()
"""

pytestmark = pytest.mark.skipif(MISSING is not None, reason=MISSING or "")


def cases() -> list[Any]:
    marks = {name: [pytest.mark.slow] for name in SLOW}
    return [pytest.param(name, marks=marks.get(name, [])) for name in PROGRAMS] or [pytest.param("", id="no guide")]


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the tasks are deployed that the page about remote tasks takes for deployed."""
    folder = tmp_path_factory.mktemp("deployed")
    for file, content in DEPLOYED.items():
        (folder / file).write_text(PROGRAMS[content].text if content in PROGRAMS else content)
    deploy = "import flyte_nb._cli as command; command.main(prog_name='flyte-nb')"
    options = ["deploy", str(folder), "--compat", "--registry", str(folder / "registry")]
    environment = {
        **os.environ,
        "FLYTE_NB_HOME": str(folder / "home"),
        "PYTHONPATH": str(Path(flyte.__file__).parents[1]),
    }
    done = subprocess.run(
        [sys.executable, "-c", deploy, *options], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return folder / "registry"


@pytest.mark.parametrize("name", cases())
def test_a_program_of_the_guide_works_unmodified(name: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    program = PROGRAMS[name]
    program.compile()
    if name.startswith("remote-tasks/"):
        (tmp_path / "program-home").mkdir(mode=0o700)
        (tmp_path / "program-home" / "registry").symlink_to(request.getfixturevalue("registry"))
    failure = failure_of(program, tmp_path)
    if name not in PENDING:
        assert not failure, failure
        return
    reason, expected = PENDING[name]
    assert failure, f"It works now: take {name} out of PENDING."
    assert re.search(expected, failure), failure
    pytest.xfail(reason)


def test_the_tables_name_programs_that_there_are() -> None:
    for table in (CHECKS, ENTRY_POINTS, EXCERPTS, PACKAGES, PENDING, PRELUDES, SLOW):
        assert sorted(set(table) - set(PROGRAMS)) == []


def test_what_a_program_uses_and_its_page_does_not_define_is_in_a_table() -> None:
    incomplete = {name for name, program in PROGRAMS.items() if program.unknown}
    assert sorted(incomplete - set(PRELUDES) - set(EXCERPTS)) == []


def failure_of(program: Program, folder: Path) -> str:
    """What went wrong when a program was run in a process and a home of its own; an empty text if nothing."""
    name, home = program.name, folder / "program-home"
    (folder / "sitecustomize.py").write_text(INSTALL)
    (folder / "program.py").write_text(text_of(program))
    lay_beside(name, folder)
    command = [sys.executable, "program.py"]
    if name in CHECKS:
        (folder / "check.py").write_text(CHECKS[name])
        command = [sys.executable, "check.py"]
    elif "\ndef test_" in program.own or "\nasync def test_" in program.own:
        command = [sys.executable, "-m", "pytest", "-q", "-p", "pytest_asyncio.plugin", "program.py"]
    python_path = os.pathsep.join([str(folder), str(Path(flyte.__file__).parents[1])])
    environment = {**os.environ, "FLYTE_NB_HOME": str(home), "PYTHONPATH": python_path, "HOME": str(folder)}
    environment["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"  # others take seconds to be imported
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=WITHIN_S, check=False
    )
    if done.returncode:
        return f"{name} ended with {done.returncode}:\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}"
    return unsuccessful_runs(home) if program.has_guard and name not in CHECKS else ""


def text_of(program: Program) -> str:
    name = program.name
    if name not in EXCERPTS:
        return f"{PRELUDES[name]}\n{program.text}" if name in PRELUDES else program.text
    before = EXCERPTS[name] or program.text.removesuffix(program.own)
    return before + EXCERPT.format(body=textwrap.indent(program.own, "    "))


def lay_beside(name: str, folder: Path) -> None:
    for path, content in PACKAGES.get(name, {}).items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(PROGRAMS[content].text if content in PROGRAMS else content)
    if name in ENTRY_POINTS:
        package, entry_points = ENTRY_POINTS[name]
        information = folder / f"{package}-0.1.0.dist-info"
        information.mkdir()
        (information / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 0.1.0\n")
        (information / "entry_points.txt").write_text(entry_points)


def unsuccessful_runs(home: Path) -> str:
    flyte.init(home=home)
    runs = list(flyte.Run.listall())
    if not runs:
        return "Nothing was run."
    failed = [run for run in runs if run.phase != flyte.ActionPhase.SUCCEEDED]
    return "; ".join(f"{run.name} ended as {run.phase}: {run.first_failure()}" for run in failed)
