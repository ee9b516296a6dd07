"""`flyte-nb resume`, as its own program starts: without the current folder on the path."""

from __future__ import annotations

import subprocess
import sys

from tests.cli.conftest import COMMAND, Shell

PROGRAM = """
import os
import flyte_nb as flyte
from beside import double

env = flyte.TaskEnvironment("resumed")


@env.task
async def fails_once(x: int) -> int:
    if not os.path.exists("mended"):
        raise ValueError("not yet")
    return double(x)


if __name__ == "__main__":
    flyte.with_runcontext(name="stumbled").run(fails_once, 21).wait()
"""


MAPPED = """
import beside
import flyte_nb as flyte

env = flyte.TaskEnvironment("mapped")


@env.task
def item(x: int) -> int:
    print("item", x, flush=True)
    return beside.double(x)


@env.task
def main() -> list[int]:
    return [item(x) for x in range(3)]


if __name__ == "__main__":
    flyte.with_runcontext(name="stumbled").run(main).wait()
"""


def test_results_of_a_task_that_reaches_a_mended_module_are_kept_if_one_says_so(shell: Shell) -> None:
    shell.write("beside.py", "def double(x):\n    return 2 * x if x < 2 else 1 / 0\n")
    shell.write("mapped.py", MAPPED)
    subprocess.run([sys.executable, "mapped.py"], cwd=shell.folder, env=shell.env, check=True)
    shell.write("beside.py", "def double(x):\n    return 2 * x\n")

    _, refused = shell.program("resume", "--keep", "mapped.itme", "stumbled", code=2)
    assert "keep: run 'stumbled' called no task 'mapped.itme' (did you mean 'mapped.item'?)" in refused
    told, _ = shell.program("resume", "--keep", "item", "stumbled")
    assert "result = [0, 2, 4]" in told
    ran = [line[-6:] for line in shell.run("logs", "stumbled")[0].splitlines()]
    assert ran == ["item 0", "item 1", "item 2", "item 2"]
    assert "kept, whatever its code is now: mapped.item" in shell.run("get", "run", "stumbled")[0]


def test_a_run_resumes_in_the_folder_of_the_modules_it_imports(shell: Shell) -> None:
    shell.write("beside.py", "def double(x):\n    return 2 * x\n")
    shell.write("program.py", PROGRAM)
    subprocess.run([sys.executable, "program.py"], cwd=shell.folder, env=shell.env, check=True)
    shell.write("mended", "")
    resume = [COMMAND[0], "-P", *COMMAND[1:], "resume", "stumbled"]
    done = subprocess.run(resume, cwd=shell.folder, env=shell.env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "42" in done.stdout


STUDY = (
    "import flyte_nb as flyte\nenv = flyte.TaskEnvironment('study')",
    "@env.task\nasync def first(x: int) -> int:\n    print('first')\n    return x + 1",
    "@env.task\nasync def second(x: int) -> float:\n    print('second')\n    return 1 / x",
    "@env.task\nasync def main(x: int = 1) -> float:\n    return await second(await first(x) - 2)",
)


def test_a_run_goes_on_with_the_code_of_a_notebook_that_was_mended(shell: Shell) -> None:
    shell.write_notebook("study.ipynb", *STUDY)
    _, told = shell.program("run", "--name", "a", "study.ipynb", "main", code=1)
    assert "with `--file FILE` it takes the code that is there now" in told
    shell.write_notebook("study.ipynb", *STUDY[:2], STUDY[2].replace("1 / x", "1 / (x + 4)"), STUDY[3])

    _, told = shell.program("resume", "a", code=1)
    assert 'File "Cell 3 of study.ipynb", line 4, in second\n    return 1 / x\n' in told
    told, _ = shell.program("resume", "--file", "study.ipynb", "a")
    assert "result = 0.25" in told
    assert [line.rpartition(" ")[2] for line in shell.run("logs", "a")[0].splitlines()] == ["first", *["second"] * 3]


def test_a_file_without_the_task_of_the_run_is_refused(shell: Shell) -> None:
    shell.write_notebook("study.ipynb", *STUDY)
    shell.program("run", "--name", "a", "study.ipynb", "main", code=1)
    shell.write_notebook("other.ipynb", *(cell.replace("main", "mian") for cell in STUDY))
    _, told = shell.program("resume", "--file", "other.ipynb", "a", code=2)
    assert "other.ipynb has no task 'study.main' (did you mean 'study.mian'?), which run 'a' is of" in told


def test_a_run_that_is_resumed_elsewhere_finds_the_modules_beside_its_script(shell: Shell) -> None:
    shell.write("script.py", PROGRAM)
    shell.write("beside.py", "def double(x):\n    return 2 * x\n")
    subprocess.run([sys.executable, "script.py"], cwd=shell.folder, env=shell.env, check=True)
    elsewhere = shell.write("elsewhere/mended", "").parent
    for command in ("resume", "rerun"):
        whole = [*COMMAND, command, "stumbled"]
        done = subprocess.run(whole, cwd=elsewhere, env=shell.env, capture_output=True, text=True, check=False)
        assert "result = 42" in done.stdout, done.stderr
