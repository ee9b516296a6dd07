"""`flyte-nb export`: a notebook's tasks, and what they reach, as a module that runs alone."""

from __future__ import annotations

import subprocess
import sys

from tests.cli.conftest import Shell

CELLS = (
    """
    # The tools.
    import asyncio, json
    import os
    import flyte_nb as flyte
    from flyte_nb import hitl
    """,
    """
    env = flyte.TaskEnvironment("study")
    other = flyte.TaskEnvironment("unrelated")
    env.add_dependency(hitl.env)
    LIMITS = {"low": 1}
    LIMITS["high"] = 3
    expensive = os.getcwd()
    """,
    """
    # Never more than the limit.
    def clipped(x):
        return min(x, LIMITS["high"])


    class Row(dict):
        pass
    """,
    """
    @env.task
    async def part(x: int) -> "Row":
        return 0
    """,
    """
    %%time
    @env.task
    async def part(x: int) -> int:
        return clipped(x)
    """,
    """
    !echo hello
    @env.task(cache="auto")
    async def main(n: int = 4) -> int:
        return sum(await asyncio.gather(*(part(x) for x in range(n))))
    """,
    """
    run = flyte.run(main, n=6)
    await run.wait.aio()
    table = run.outputs()[0]
    %flyte_runs
    """,
    "%%bash\necho not python",
)


def test_the_module_holds_what_tasks_reach_and_runs_alone(shell: Shell) -> None:
    shell.write_notebook("study.ipynb", *CELLS)
    shell.run("export", "study.ipynb", "-o", "study.py")
    text = (shell.folder / "study.py").read_text()
    for kept in ("# Never more than the limit.\ndef clipped", 'LIMITS["high"] = 3', "env.add_dependency(hitl.env)"):
        assert kept in text
    for left in ("unrelated", "expensive", "import os", "class Row", "run = ", "table", "%", "echo", "return 0"):
        assert left not in text
    done = subprocess.run(
        [sys.executable, "study.py"], cwd=shell.folder, env=shell.env, capture_output=True, text=True, check=False
    )
    assert done.stdout.strip() == "ActionOutputs(12)", done.stderr
    assert "result = 6" in shell.run("run", "study.py", "main")[0]


def test_annotations_that_the_notebook_keeps_as_text_are_text_in_the_module(shell: Shell) -> None:
    shell.write_notebook(
        "study.ipynb",
        "from __future__ import annotations\nimport flyte_nb as flyte",
        """
        env = flyte.TaskEnvironment("study")


        class Node:
            def __init__(self, above: Node | None = None) -> None:
                self.above = above
        """,
        "@env.task\nasync def depth(n: int) -> int:\n    return n if Node().above is None else 0",
    )
    shell.run("export", "study.ipynb", "-o", "study.py")
    assert "from __future__ import annotations" in (shell.folder / "study.py").read_text()
    assert shell.run("run", "study.ipynb", "depth", "--n", "2")[0].strip().endswith("2")


def test_tags_keep_and_drop_cells(shell: Shell) -> None:
    tags = {0: ["no-export"], 2: ["export"]}
    main = "import flyte_nb as flyte\nenv = flyte.TaskEnvironment('e')\n@env.task\ndef main() -> int:\n    return 1"
    shell.write_notebook(
        "tagged.ipynb", "@env.task\ndef scratch() -> int:\n    return 2", main, "print('kept')", tags=tags
    )
    text, _ = shell.run("export", "tagged.ipynb")
    assert "print('kept')" in text
    assert "scratch" not in text


def test_the_reference_sdk_takes_the_place_of_this_one(shell: Shell) -> None:
    shell.write_notebook("study.ipynb", *CELLS)
    text, _ = shell.run("export", "study.ipynb", "--for-flyte")
    assert "import flyte as flyte" in text
    assert "flyte_nb" not in text


def test_what_a_module_cannot_do_is_said(shell: Shell) -> None:
    env = "import flyte_nb as flyte\nenv = flyte.TaskEnvironment('e')"
    task = "@env.task\ndef main() -> int:\n    return table"
    shell.write_notebook("awaits.ipynb", env, "table = await fetch()", task)
    assert "Cell 2 of awaits.ipynb makes table by awaiting" in shell.run("export", "awaits.ipynb", code=2)[1]
    shell.write_notebook("bare.ipynb", "print(1)")
    assert "defines no task" in shell.run("export", "bare.ipynb", code=2)[1]
    shell.write_notebook("wrong.ipynb", "x = = 1")
    assert "Cell 1 of wrong.ipynb cannot be read" in shell.run("export", "wrong.ipynb", code=2)[1]
    (shell.folder / "text.ipynb").write_text("no notebook")
    assert "is not a notebook" in shell.run("export", "text.ipynb", code=2)[1]
