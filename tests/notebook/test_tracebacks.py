"""What a person reads when something goes wrong: their own lines, and a message."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from .conftest import Notebook

SETUP = """
import asyncio, functools, threading
import flyte_nb as flyte
env = flyte.TaskEnvironment("etl")

@env.task
async def double(days: int) -> int:
    return 2 * days

@env.task
async def fails(days: int) -> int:
    return days // 0

@env.task
async def returns_text() -> int:
    return "text"

@env.task
async def misspells() -> int:
    return await double(dayz=3)

@env.task
def misspells_sync() -> int:
    return asyncio.run(double.aio(3, 4))

class Opaque:
    def __reduce__(self):
        raise ValueError("no copies of me")

@env.task
async def takes_list(xs: list[int]) -> int:
    return sum(xs)

@env.task
async def takes_anything(value: object) -> int:
    return 1
"""

WRONG_USES = [
    ("flyte.run(double, dayz=3)", "unknown argument 'dayz' (did you mean 'days'?)"),
    ("flyte.run(double)", "'days' is missing"),
    ("flyte.run()", "run(): 'task' is missing"),
    ("flyte.run(double, days='three')", "Expected int, got str: 'three'"),
    ("flyte.run(takes_anything, Opaque())", "no copies of me"),
    ("flyte.run(len)", "Decorate it with @env.task"),
    ("flyte.run(returns_text).outputs()", "Expected int, got str: 'text'"),
    ("flyte.run(misspells).outputs()", "did you mean 'days'?"),
    ("env.task(cache='yes')", "'auto', 'override', 'disable'"),
    ("env.task(retries=-1)", "expected zero or more"),
    ("env.task(retriez=1)", "TaskEnvironment.task(): unknown argument 'retriez' (did you mean 'retries'?)"),
    ("@env.task(retries=1)\nasync def f(*days: int) -> int: ...\nflyte.run(f)", "Declare the inputs one by one"),
    ("double.override(retriez=1)", "did you mean 'retries'?"),
    ("env.clone_with('b', cach='auto')", "did you mean 'cache'?"),
    ("double(dayz=1)", "did you mean 'days'?"),
    ("await double.aio(1, 2)", "2 given by position, at most 1 expected"),
    ("list(flyte.map(double))", "got no inputs"),
    ("flyte.map(double, 3)", "iterables such as lists"),
    ("flyte.map(double, [1], [2])", "2 given by position, at most 1 expected"),
    ("flyte.group()", "group(): 'name' is missing"),
    ("with flyte.group(''): pass", "A group has a name"),
    ("flyte.init(hom='x')", "init(): unknown argument 'hom' (did you mean 'home'?)"),
    ("flyte.init(cache='yes')", "cache is one of"),
    ("flyte.with_runcontext(nam='x')", "did you mean 'name'?"),
    ("flyte.Resources(memory='lots')", "512Mi"),
    ("flyte.Resources(cpus=1)", "Resources(): unknown argument 'cpus' (did you mean 'cpu'?)"),
    ("flyte.Run.get('nobody')", "nobody"),
    ("flyte.run(double, 1).abort(reson='x')", "Run.abort(): unknown argument 'reson' (did you mean 'reason'?)"),
    ("await flyte.run.aio(double, dayz=3)", "did you mean 'days'?"),
    ("flyte.io.File.from_local_sync('/nowhere')", "Cannot read '/nowhere'"),
    ("flyte.report.log('x')", "reports belong to tasks"),
    ("flyte.Image.from_debian_base(python_version='3.12')", "a pair of numbers such as (3, 12), got str: '3.12'"),
    ("flyte.rnu(double)", "Did you mean 'run'?"),
    ("flyte.io.Fiel", "Did you mean 'File'?"),
    ("flyte.run(double(3))", "Give the task itself, and its inputs after it"),
    ("flyte.map(double(3), [1])", "Give the task itself, and its inputs after it"),
    ("flyte.run(takes_list, (x for x in range(3)))", "Make it a list: list(...)"),
    ("flyte.init(project=3)", "project: expected text, got int: 3"),
    ("flyte.init(home=3)", "home is the path of a folder; got int: 3"),
    ("flyte.init(queues=['a'])", "queues is a dict of back-ends by name"),
    ("flyte.init(log_level='LOUD')", "log_level is a number or one of"),
    ("flyte.with_runcontext(mode=3)", "mode: expected text, got int: 3"),
    ("flyte.with_runcontext(name=3)", "A run's name is at most"),
    ("flyte.with_runcontext(max_action_concurrency='3')", "max_action_concurrency is a whole number"),
    ("flyte.Run.listall(in_phase='gone')", "'gone' is no phase: expected one of 'queued'"),
    ("flyte.Run.listall(limit='3')", "limit is a whole number of runs"),
    ("flyte.Run.listall(limt=3)", "Run.listall(): unknown argument 'limt' (did you mean 'limit'?)"),
    ("await flyte.durable.sleep.aio('x')", "durable.sleep takes seconds, a number"),
    ("double.forward(dayz=1)", "did you mean 'days'?"),
    ("list(flyte.jsonl.JsonlFile(path='/nowhere').iter_records_sync())", "Cannot open '/nowhere'"),
    ("[x async for x in flyte.jsonl.JsonlFile(path='/nowhere').iter_records()]", "Cannot open '/nowhere'"),
    ("with flyte.jsonl.JsonlFile.new_remote().writer_sync() as out: out.write({1})", "cannot be written as JSON"),
    (
        "async with flyte.jsonl.JsonlFile.new_remote().writer() as out: await out.write({1})",
        "cannot be written as JSON",
    ),
    ("with flyte.jsonl.JsonlFile.new_remote().writer_sync() as out: out.write_many(3)", "an iterable of records"),
    ("async with flyte.io.File.new_remote().open('zz') as out: pass", "cannot be opened in mode 'zz'"),
    ("with flyte.io.File.new_remote().open_sync('zz') as out: pass", "cannot be opened in mode 'zz'"),
    ("with flyte.io.File(path='/nowhere').open_sync() as out: pass", "Cannot open '/nowhere'"),
    ("async with flyte.io.File.new_remote().open_sync() as out: pass", "with file.open_sync(...)"),
]


@pytest.mark.parametrize(("cell", "message"), WRONG_USES, ids=[cell for cell, _ in WRONG_USES])
def test_a_wrong_use_shows_the_users_line_and_a_message_and_nothing_of_ours(
    module_notebook: Notebook, cell: str, message: str
) -> None:
    module_notebook.run(SETUP)
    shown = plain(module_notebook.run(cell, ok=False).error)
    assert message in shown.rpartition("\n\n")[2]
    assert "flyte_nb/" not in shown
    assert "contextlib" not in shown
    assert f"{cell.splitlines()[-1]}\n" in shown


def test_a_failing_task_shows_all_lines_of_the_user_and_the_line_that_asked_for_the_result(
    module_notebook: Notebook,
) -> None:
    module_notebook.run(SETUP)
    module_notebook.run(
        """
def divided(days):
    return days // 0

@env.task
async def deep(days: int) -> int:
    return divided(days)

@env.task
async def top(days: int) -> int:
    return await deep(days)
"""
    )
    shown = plain(module_notebook.run("flyte.run(top, 1).outputs()", ok=False).error)
    assert "flyte_nb/" not in shown
    assert "return divided(days)" in shown
    assert "return days // 0" in shown
    assert "flyte.run(top, 1).outputs()" in shown


def test_a_task_that_fails_in_a_worker_process_shows_its_lines_too(module_notebook: Notebook) -> None:
    module_notebook.run(SETUP)
    shown = plain(module_notebook.run("flyte.with_runcontext(mode='process').run(fails, 1).outputs()", ok=False).error)
    assert "flyte_nb/" not in shown
    assert ", in fails\n    return days // 0\n           ~~~~~^^~~\nZeroDivisionError: " in shown


def test_a_sync_task_that_fails_on_a_thread_outside_a_run_shows_the_users_lines(module_notebook: Notebook) -> None:
    module_notebook.run(SETUP)
    module_notebook.run("@env.task\ndef fails_on_a_thread(days: int) -> int:\n    return days // 0")
    shown = plain(module_notebook.run("await fails_on_a_thread.aio(3)", ok=False).error)
    assert "flyte_nb/" not in shown and "asyncio/" not in shown
    assert "return days // 0" in shown


def test_a_fault_of_ours_shows_our_lines(module_notebook: Notebook) -> None:
    module_notebook.run(SETUP)
    module_notebook.run(
        "from flyte_nb._runtime import launch; whole = launch._check_is_task; del launch._check_is_task"
    )
    shown = plain(module_notebook.run("flyte.run(double, 3)", ok=False).error)
    module_notebook.run("launch._check_is_task = whole")
    assert "flyte_nb/_runtime/launch.py" in shown
    assert "name '_check_is_task' is not defined" in shown


@pytest.mark.parametrize("mode", ["", "process"])
def test_the_recorded_traceback_of_a_task_names_its_cell(module_notebook: Notebook, mode: str) -> None:
    module_notebook.run(SETUP)
    asked = f"run = flyte.with_runcontext(mode={mode or None!r}).run(fails, 1); run.wait()"
    found = module_notebook.run(f"{asked}\nprint(run.first_failure().error_info.traceback)").text
    assert re.search(r"^  Cell In\[\d+\], line 11, in fails\n    return days // 0$", found, re.MULTILINE), found


def test_debug_logging_shows_our_lines_too(module_notebook: Notebook) -> None:
    module_notebook.run(SETUP)
    module_notebook.run("flyte.logger.setLevel('DEBUG')")
    shown = plain(module_notebook.run("flyte.run(double, dayz=3)", ok=False).error)
    module_notebook.run("flyte.logger.setLevel('NOTSET')")
    assert "flyte_nb/types/interface.py" in shown


def test_a_script_shows_the_users_line_and_a_message_and_nothing_of_ours(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(SETUP + "\nflyte.run(double, dayz=3)\n")
    assert errors_of(script) == [
        "Traceback (most recent call last):",
        f'  File "{script}", line {line_of(script, "flyte.run(double")}, in <module>',
        "    flyte.run(double, dayz=3)",
        "TypeError: etl.double(): unknown argument 'dayz' (did you mean 'days'?). It takes (days: int).",
    ]


def test_a_script_shows_the_task_that_failed_and_who_asked_for_its_result(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(SETUP + "\nflyte.run(fails, 3).outputs()\n")
    *shown, note = errors_of(script)
    assert shown == [
        "Traceback (most recent call last):",
        f'  File "{script}", line {line_of(script, "return days // 0")}, in fails',
        "    return days // 0",
        "ZeroDivisionError: integer division or modulo by zero",
        "The above exception was the direct cause of the following exception:",
        "Traceback (most recent call last):",
        f'  File "{script}", line {line_of(script, "flyte.run(fails")}, in <module>',
        "    flyte.run(fails, 3).outputs()",
        "flyte_nb.errors.RuntimeUserError: integer division or modulo by zero",
    ]
    assert note.startswith("Raised as ZeroDivisionError by task 'etl.fails', action 'a0' of run '")


def line_of(script: Path, text: str) -> int:
    """The number of the line that holds `text`."""
    return next(number for number, line in enumerate(script.read_text().splitlines(), 1) if text in line)


def plain(text: str) -> str:
    """`text` without colours."""
    return re.sub(r"\x1b\[[0-9;]*m", "", text)


def errors_of(script: Path) -> list[str]:
    """What a script that fails prints as its error, without marks under the lines."""
    environment = {**os.environ, "FLYTE_NB_HOME": str(script.parent / "home")}
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, env=environment, timeout=60)
    assert done.returncode == 1
    return [line for line in done.stderr.splitlines() if not set(line) <= set(" ^~")]
