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


def test_a_run_resumes_in_the_folder_of_the_modules_it_imports(shell: Shell) -> None:
    shell.write("beside.py", "def double(x):\n    return 2 * x\n")
    shell.write("program.py", PROGRAM)
    subprocess.run([sys.executable, "program.py"], cwd=shell.folder, env=shell.env, check=True)
    shell.write("mended", "")
    resume = [COMMAND[0], "-P", *COMMAND[1:], "resume", "stumbled"]
    done = subprocess.run(resume, cwd=shell.folder, env=shell.env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "42" in done.stdout
