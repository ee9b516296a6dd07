"""Inputs that are data kept elsewhere, may be missing, or have names that options cannot have as they are."""

from __future__ import annotations

import pytest

from tests.cli.conftest import Shell

PROGRAM = """
import enum
import pandas as pd
import flyte_nb as flyte
from flyte_nb.io import Dir, File

env = flyte.TaskEnvironment("given")

class Color(enum.Enum):
    RED = 1
    BLUE = 2

def size(table):
    return None if table is None else len(table)

@env.task
async def kept(
    data: File | None = None, where: File | Dir | None = None, table: pd.DataFrame | None = None,
    files: list[File] = [], tables: dict[str, pd.DataFrame] = {},
) -> str:
    named = {name: size(one) for name, one in tables.items()}
    return repr((type(data).__name__, type(where).__name__, size(table), len(files), named))

@env.task
async def plain(
    n: int | None = 3, sure: bool | None = True, text: str | None = None,
    color: Color = Color.RED, colors: list[Color] = [],
) -> str:
    return repr((n, sure, text, color.name, [one.name for one in colors]))

@env.task
async def switched(dry_run: bool = False, cache: bool = True, no_cache: bool = False, _x: int = 1) -> str:
    return repr((dry_run, cache, no_cache, _x))
"""


@pytest.fixture
def shell(shell: Shell) -> Shell:
    shell.write("given.py", PROGRAM)
    shell.write("table.csv", "a\n1\n2\n")
    shell.write("folder/table.csv", "a\n")
    return shell


@pytest.mark.parametrize(
    ("command", "result"),
    [
        ("kept --data table.csv --table table.csv", ("File", "NoneType", 2, 0, {})),
        ("kept --where folder", ("NoneType", "Dir", None, 0, {})),
        ("kept --where table.csv --data none --table none", ("NoneType", "File", None, 0, {})),
        (
            'kept --files ["table.csv","folder/table.csv"] --tables {"one":"table.csv"}',
            ("NoneType", "NoneType", None, 2, {"one": 2}),
        ),
        ("plain --n none --sure none --text none", (None, None, "none", "RED", [])),
        ('plain --n 4 --sure no --color BLUE --colors ["RED",2]', (4, False, None, "BLUE", ["RED", "BLUE"])),
        ("switched --dry_run --no-cache", (True, True, True, 1)),
        ("switched --no_dry_run --cache no --_x 2", (False, False, False, 2)),
    ],
)
def test_a_value_is_typed_as_its_type_says(shell: Shell, command: str, result: object) -> None:
    assert f"result = {repr(result)!r}\n" in shell.run("run", "given.py", *command.split())[0]


@pytest.mark.parametrize(
    ("command", "problem"),
    [
        ("kept --data nowhere", "--data': there is no file or folder 'nowhere', got 'nowhere'"),
        ("kept --where nowhere", "--where': there is no file or folder 'nowhere', got 'nowhere'"),
        ('kept --files ["nowhere"]', "at 0: there is no file or folder 'nowhere'"),
        ('kept --tables {"one":5}', "at one: a pandas.DataFrame is given by its path or its address, got 5"),
        ("plain --n many", "--n': expected int, got 'many'"),
        ("plain --sure perhaps", "--sure': expected bool: yes or no, got 'perhaps'"),
        ("plain --color PINK", "--color': expected 1 or 2, got 'PINK'"),
        ("plain --colors RED", "--colors': expected a list as JSON, such as [1, 2], got 'RED'"),
    ],
)
def test_what_cannot_be_given_is_said_without_what_reads_it(shell: Shell, command: str, problem: str) -> None:
    told = shell.run("run", "given.py", *command.split(), code=2)[1]
    assert problem in told and "function" not in told
