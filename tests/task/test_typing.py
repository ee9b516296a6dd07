"""What a type checker knows of a task."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

api = pytest.importorskip("mypy.api")

DECLARATIONS = """
from typing import assert_type
from flyte_nb._task.environment import TaskEnvironment

env = TaskEnvironment("typed")

@env.task
def plain(x: int) -> str:
    return str(x)

@env.task(retries=3)
async def later(x: int) -> str:
    return str(x)

async def use() -> None:
    assert_type(plain(1), str)
    assert_type(await plain.aio(1), str)
    assert_type(await later(1), str)
    assert_type(await later.aio(x=1), str)
    assert_type(await later.override(retries=2)(1), str)
    assert_type(plain.forward(1), str)
"""


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What mypy found out about the package."""
    return tmp_path_factory.mktemp("mypy")


@pytest.fixture
def check(known: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> object:
    root = Path(sys.modules["flyte_nb"].__file__ or "").parents[1]
    monkeypatch.setenv("MYPYPATH", str(root))

    def run(source: str) -> str:
        path = tmp_path / "declared.py"
        path.write_text(source)
        out, _, _ = api.run(["--strict", "--follow-imports=silent", f"--cache-dir={known}", str(path)])
        return str(out)

    return run


def test_calls_keep_the_parameters_and_the_result_of_the_function(check: object) -> None:
    assert "Success" in check(DECLARATIONS)  # type: ignore[operator]


def test_a_wrong_argument_is_found(check: object) -> None:
    found = check(DECLARATIONS + '\nplain("one")\nplain.override(retry=1)\nenv.task(retry=1)\n')  # type: ignore[operator]
    assert found.count("error:") >= 3
