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
