"""A result is found again whichever way the same notebook is run."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Shell

MODULES = {
    "roots.py": "import math\n\ndef root_of(n):\n    return math.sqrt(n)\n",
    "package/__init__.py": "RATE = 2\n",
    "package/part.py": "from . import RATE\n\ndef thing(n):\n    return n * RATE\n",
    "beside.py": """
import numpy as np

RATE = 2
STEPS = np.arange(3)


def times(n):
    return n * RATE + len(STEPS)
""",
}

IMPORTS = """
    import abc
    import dataclasses
    import enum
    import functools
    import logging
    import os
    import re
    from typing import Annotated, Generic, NamedTuple, TypedDict, TypeVar

    import numpy as np
    import pandas as pd
    import polars as pl
    import pyarrow as pa
    import pydantic

    import beside
    import package.part
    from beside import times
    from roots import *

    import flyte_nb as flyte
"""

DEFINITIONS = '''
    env = flyte.TaskEnvironment("shop")
    RATE = 1.5
    FRAME = pd.DataFrame({"a": ["u", "v"], "x": np.arange(2)})
    MATCH = re.compile("a+")
    HERE = f"log of {__name__}"
    log = logging.getLogger(__name__)
    Item = TypeVar("Item")


    class Shade(enum.Enum):
        DARK = 1


    @dataclasses.dataclass
    class Order:
        net: float
        shade: Shade = Shade.DARK


    class Model(pydantic.BaseModel):
        weight: float = 2.0
        shade: Shade = Shade.DARK


    @dataclasses.dataclass
    class Node:
        n: int
        below: "Node | None" = None


    class Tree(pydantic.BaseModel):
        root: "Node"
        order: "Order | None" = None


    class Point(NamedTuple):
        x: int


    class Row(TypedDict):
        x: int


    class Scale:
        def __init__(self, weight: float) -> None:
            self.weight = weight

        def use(self, order: Order) -> float:
            return order.net * self.weight * RATE


    class Shape(abc.ABC):
        @abc.abstractmethod
        def area(self) -> int: ...


    class Square(Shape):
        def area(self) -> int:
            return 4


    class Box(Generic[Item]):
        def __init__(self, item: Item) -> None:
            self.item = item


    scale = Scale(2.0)
    DEFAULTS = {"order": Order(1.0), "model": Model(), "scale": scale, "point": Point(1), "shade": Shade.DARK}


    def total(order: Order) -> float:
        """A helper that reaches others."""
        return scale.use(order) + len(FRAME)


    @functools.lru_cache
    def remembered(n: int) -> int:
        return n + 1


    def twice(function):
        @functools.wraps(function)
        def called(*args):
            return function(*args) * 2

        return called


    @twice
    def doubled(n: int) -> int:
        return n


    @flyte.trace
    async def traced(n: int) -> int:
        return n


    @env.task
    async def other(n: int) -> int:
        return n
'''

TASKS = {
    "polars": ("(n: int) -> pl.DataFrame", "return pl.DataFrame({'n': [n]})"),
    "lazy": ("(n: int) -> pl.LazyFrame", "return pl.LazyFrame({'n': [n]}).select(pl.col('n') + 1)"),
    "pandas": ("(n: int) -> pd.DataFrame", "return pd.DataFrame({'n': [n]})"),
    "arrow": ("(n: int) -> pa.Table", "return pa.table({'n': [n]})"),
    "numpy": ("(n: int) -> np.ndarray", "return np.arange(n)"),
    "annotated": ("(n: int) -> Annotated[pd.DataFrame, 'csv']", "return pd.DataFrame({'n': [n]})"),
    "flyte_frame": ("(n: int) -> flyte.io.DataFrame", "return flyte.io.DataFrame.from_df(pd.DataFrame({'n': [n]}))"),
    "dataclass": ("(n: int) -> Order", "return Order(float(n))"),
    "pydantic": ("(n: int) -> Model", "return Model(weight=n)"),
    "enum": ("(n: int) -> Shade", "return Shade.DARK"),
    "named_tuple": ("(n: int) -> int", "return Point(n).x"),
    "typed_dict": ("(n: int) -> int", "return Row(x=n)['x']"),
    "plain_class": ("(n: int) -> Scale", "return Scale(n)"),
    "abstract_class": ("(n: int) -> int", "return Square().area()"),
    "generic_class": ("(n: int) -> int", "return Box[int](n).item"),
    "either": ("(n: int) -> Order | Model | None", "return Order(float(n))"),
    "several": ("(n: int) -> tuple[list[Order], dict[str, Shade]]", "return [Order(1.0)], {'a': Shade.DARK}"),
    "class_with_text": ("(n: int) -> Node", "return Node(n, Node(1))"),
    "model_with_text": ("(n: int) -> Tree", "return Tree(root=Node(n))"),
    "class_with_text_input": ("(node: 'Node' = Node(1)) -> int", "return node.n"),
    "text_annotation": ("(n: int) -> 'dict[str, Order]'", "return {'a': Order(float(n))}"),
    "helper": ("(n: int) -> float", "return total(Order(n))"),
    "constant": ("(n: int) -> int", "return len(FRAME) + len(MATCH.pattern) + len(DEFAULTS)"),
    "name_of_the_module": ("(n: int) -> int", "log.info(HERE); return n"),
    "remembering": ("(n: int) -> int", "return remembered(n)"),
    "decorated": ("(n: int) -> int", "return doubled(n)"),
    "module_beside": ("(n: int) -> int", "return beside.times(n)"),
    "function_beside": ("(n: int) -> int", "return times(n)"),
    "all_of_a_module": ("(n: int) -> float", "return root_of(n)"),
    "package_beside": ("(n: int) -> int", "return package.part.thing(n)"),
    "imported_in_body": ("(n: int) -> int", "import beside as there; return there.times(n)"),
    "library_in_body": ("(n: int) -> int", "import polars as frames; return frames.DataFrame({'n': [n]}).height"),
    "trace": ("(n: int) -> int", "return await traced(n)"),
    "task": ("(n: int) -> int", "return await other(n)"),
    "display": ("(n: int) -> int", "display(n) if n < 0 else None; return n"),
    "file_of_builtins": ("(n: int) -> int", "return len(open('beside.py').read())"),
    "dataclass_input": ("(order: Order = Order(1.0)) -> float", "return order.net"),
    "pydantic_input": ("(model: Model = Model()) -> float", "return model.weight"),
    "enum_input": ("(shade: Shade = Shade.DARK) -> str", "return shade.name"),
    "plain_input": ("(scale: Scale = scale) -> float", "return scale.weight"),
    "frame_input": ("(frame: pd.DataFrame = FRAME) -> int", "return len(frame)"),
    "either_input": ("(thing: Order | Model | None = Model()) -> int", "return 1"),
    "untyped_input": ("(things=DEFAULTS) -> int", "return len(things)"),
}

ALL = f"""
    @env.task
    async def everything(n: int) -> int:
        calls = {{{", ".join(f"{name!r}: {name}_" for name in TASKS)}}}
        for call in calls.values():
            await (call(n) if "n" in call.interface.inputs else call())
        if not os.path.exists("mended"):
            raise ValueError("not yet")
        return len(calls)
"""


def written(name: str, signature: str, body: str) -> str:
    """The cell of a task that is kept."""
    lines = body.replace("; ", "\n    ")
    return f'@env.task(cache="auto")\nasync def {name}_{signature}:\n    {lines}\n'


def execute(shell: Shell, notebook: str) -> None:
    """Run a notebook in a kernel, as continuous integration does."""
    command = [
        sys.executable,
        "-m",
        "nbconvert",
        "--to",
        "notebook",
        "--execute",
        "--output",
        f"done_{notebook}",
        notebook,
    ]
    subprocess.run(command, cwd=shell.folder, env=shell.env, check=True, capture_output=True, timeout=120)


class Told:
    """What is told of each task: the cache's word once a kernel had run them all, and why it ran again on a resume."""

    def __init__(self, folder: Path) -> None:
        shell = Shell(folder)
        for name, text in MODULES.items():
            shell.write(name, text)
        tasks = [written(name, *task) for name, task in TASKS.items()]
        start = f"run = flyte.run(everything, 3)\nassert run.outputs() == {len(TASKS)}"
        shell.write_notebook("shop.ipynb", IMPORTS, DEFINITIONS, *tasks, textwrap.dedent(ALL), start)
        mended = shell.write("mended", "")
        execute(shell, "shop.ipynb")
        mended.unlink()
        shell.program("run", "--name", "again", "shop.ipynb", "everything", "--n", "3", code=1)
        self.caches = {name: one["cache"] for name, one in self._actions(shell).items() if one["cache"]}
        mended.touch()
        shell.program("resume", "again")
        self.reruns = {name: one["rerun_reason"] for name, one in self._actions(shell).items()}

    def _actions(self, shell: Shell) -> dict[str, Any]:
        listed = shell.json("get", "action", "again")
        return {one["task"].removeprefix("shop.").removesuffix("_"): one for one in listed}


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Told:
    """Of one notebook with all the tasks."""
    return Told(tmp_path_factory.mktemp("shop"))


@pytest.mark.parametrize("names", TASKS)
def test_a_task_has_one_cache_key_in_a_kernel_and_from_the_command_line(names: str, told: Told) -> None:
    assert told.caches[names]["status"] == "hit", told.caches[names]


@pytest.mark.parametrize("names", TASKS)
def test_a_task_that_had_succeeded_is_not_run_again_by_a_resume_in_another_process(names: str, told: Told) -> None:
    assert told.reruns[names] == ""
