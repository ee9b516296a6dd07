"""`flyte-nb run` of a notebook with a cell that fails, and of a file that does."""

from __future__ import annotations

import pytest

from tests.cli.conftest import Shell

BEGIN = "import flyte_nb as flyte\nenv = flyte.TaskEnvironment('study')"
FINE = "@env.task\nasync def fine(x: int = 2) -> int:\n    return 3 * x"
BROKEN = "# A wrong declaration.\n@env.task(retries=-1)\nasync def broken() -> int:\n    return 1"
NEEDS_IT = "@env.task\nasync def needs_it() -> int:\n    return await broken()"
FAILING = "def load(name):\n    raise KeyError(name)\n\nTABLE = load('prices')"
READS = "@env.task\nasync def reads() -> int:\n    return rows()"
ROWS = "def rows():\n    return len(TABLE)"


def without_marks(problem: str) -> str:
    """A traceback without the lines that mark a part of the line above, which versions of Python do each their way."""
    return "".join(line for line in problem.splitlines(keepends=True) if line.strip(" ~^\n"))


@pytest.fixture
def study(shell: Shell) -> Shell:
    shell.write_notebook("study.ipynb", BEGIN, BROKEN, NEEDS_IT, FAILING, READS, ROWS, "x = = 1\ndef cut(): ...", FINE)
    return shell


def test_the_tasks_of_the_other_cells_run_and_the_broken_ones_are_warned_of(study: Shell) -> None:
    told, warned = study.run("run", "study.ipynb", "fine")
    assert "= 6" in told
    assert (
        "Warning: Cell 2 of study.ipynb failed: ValueError: retries: expected zero or more, got -1. Tasks that need it"
        " cannot be run: broken, needs_it.\n"
        "Warning: Cell 4 of study.ipynb failed: KeyError: 'prices'. Tasks that need it cannot be run: reads.\n"
        "Warning: Cell 7 of study.ipynb cannot be read: invalid syntax (line 1).\n"
    ) in warned


@pytest.mark.parametrize("task", ["broken", "study.broken", "needs_it"])
def test_asking_for_a_task_that_needs_a_broken_cell_gives_its_error_alone_with_the_lines_of_the_cell(
    study: Shell, task: str
) -> None:
    told, problem = study.run("run", "study.ipynb", task, code=2)
    assert not told
    assert without_marks(problem).splitlines() == [
        f"Error: {task!r} cannot be run. Cell 2 of study.ipynb failed: ValueError: retries: expected zero or more,"
        " got -1.",
        "Traceback (most recent call last):",
        '  File "Cell 2 of study.ipynb", line 2, in <module>',
        "    @env.task(retries=-1)",
        "ValueError: retries: expected zero or more, got -1.",
    ]


def test_a_task_that_reaches_a_constant_that_could_not_be_made_gives_the_error_of_that_cell(study: Shell) -> None:
    _, problem = study.run("run", "study.ipynb", "reads", code=2)
    assert "File \"Cell 4 of study.ipynb\", line 4, in <module>\n    TABLE = load('prices')" in problem
    assert 'File "Cell 4 of study.ipynb", line 2, in load\n' in problem
    assert problem.endswith("KeyError: 'prices'\n")


def test_a_name_of_a_cell_that_cannot_be_read_gives_its_error(study: Shell) -> None:
    _, problem = study.run("run", "study.ipynb", "cut", code=2)
    assert problem == "Error: 'cut' cannot be run. Cell 7 of study.ipynb cannot be read: invalid syntax (line 1).\n"


def test_a_constant_that_is_awaited_keeps_only_its_tasks_from_being_run(shell: Shell) -> None:
    uses = "@env.task\nasync def uses() -> int:\n    return table"
    shell.write_notebook("awaits.ipynb", BEGIN, "table = await fetch()", uses, FINE)
    told, warned = shell.run("run", "awaits.ipynb", "fine")
    assert "= 6" in told and "Cell 2 of awaits.ipynb makes table by awaiting" in warned
    assert "makes table by awaiting" in shell.run("run", "awaits.ipynb", "uses", code=2)[1]


def test_a_cell_that_mends_an_earlier_one_counts(shell: Shell) -> None:
    shell.write_notebook("mended.ipynb", BEGIN, FAILING, "TABLE = [1, 2]", READS, ROWS)
    told, warned = shell.run("run", "mended.ipynb", "reads")
    assert "= 2" in told and "Cell 2 of mended.ipynb failed" in warned


def test_the_list_of_tasks_has_those_that_run_and_the_warnings(study: Shell) -> None:
    listed, warned = study.run("run", "study.ipynb", "--help")
    assert "fine" in listed and "needs_it" not in listed
    assert warned.count("Warning: Cell") == 3


def test_what_takes_all_tasks_of_a_notebook_refuses_it_with_the_error(study: Shell) -> None:
    for command in ("deploy", "export"):
        told, problem = study.run(command, "study.ipynb", code=2)
        assert not told and problem.startswith("Error: Cell ")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (
            "number = 1 / 0",
            '  File "{folder}/flow.py", line 2, in <module>\n    number = 1 / 0\nZeroDivisionError: division by zero\n',
        ),
        (
            "import beside",
            '  File "{folder}/flow.py", line 2, in <module>\n    import beside\n'
            '  File "{folder}/beside.py", line 1, in <module>\n    {{}}["none"]\n'
            "KeyError: 'none'\n",
        ),
        (
            "env = flyte.TaskEnvironment(3)",
            '  File "{folder}/flow.py", line 2, in <module>\n    env = flyte.TaskEnvironment(3)\nTypeError: TaskEnv',
        ),
        ("x = = 1", '  File "{folder}/flow.py", line 2\n    x = = 1\nSyntaxError: invalid syntax\n'),
    ],
)
def test_of_a_file_that_fails_nothing_can_be_run_and_the_users_lines_alone_are_shown(
    shell: Shell, text: str, shown: str
) -> None:
    shell.write("beside.py", '{}["none"]\n')
    shell.write("flow.py", f"import flyte_nb as flyte\n{text}\n")
    _, problem = shell.run("run", "flow.py", "main", code=2)
    assert "flow.py cannot be loaded:\n" in problem
    assert shown.format(folder=shell.folder) in without_marks(problem)
    assert "flyte_nb/" not in problem and "importlib" not in problem and "<string>" not in problem


@pytest.mark.parametrize("mode", ["local", "process"])
def test_the_traceback_of_a_task_names_the_cell_the_line_in_it_and_shows_that(shell: Shell, mode: str) -> None:
    helper = "# What it is worth.\n%matplotlib inline\nx = 3; print(x)\n\ndef worth(sample):\n    return 1 / sample"
    task = "@env.task\nasync def main(\n    sample: int = 0,\n) -> float:\n    note = 'begun'\n    return worth(sample)"
    shell.write_notebook("study.ipynb", BEGIN, "print('not kept')", helper, "flyte.run(main)", task)
    _, problem = shell.run("run", "--mode", mode, "study.ipynb", "main", code=1)
    shown = [line.strip() for line in without_marks(problem).splitlines()]
    begin = shown.index("Traceback (most recent call last):")
    assert shown[begin : begin + 6] == [
        "Traceback (most recent call last):",
        'File "Cell 5 of study.ipynb", line 6, in main',
        "return worth(sample)",
        'File "Cell 3 of study.ipynb", line 6, in worth',
        "return 1 / sample",
        "ZeroDivisionError: division by zero",
    ]
