"""What a notebook does, as a script: classes of the top level, a cell that is run again, tasks in worker processes."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from enum import Enum  # noqa: F401, a cell uses it
from typing import Any, Optional

import pandas as pd
import polars as pl
from pydantic import BaseModel

import flyte_nb as flyte


@dataclass
class Leaf:
    weight: float


@dataclass
class Branch:
    leaves: list[Leaf]
    other: Optional[Branch] = None  # noqa: UP045


class Tree(BaseModel):
    trunk: Branch
    tags: dict[str, Leaf] = {}


CELL = """
class Shade(Enum):
    LIGHT = "light"
    DARK = "dark"

@dataclass
class Paint:
    shade: "Shade"
    litres: float = {litres}

class Order(BaseModel):
    paint: Paint
"""

env = flyte.TaskEnvironment("notebook")


def run_cell(litres: float) -> None:
    exec(CELL.format(litres=litres), globals())


run_cell(1.0)


@env.task
def grown(tree: Tree, branch: Branch) -> Tree:
    assert isinstance(tree, Tree) and isinstance(tree.trunk.leaves[0], Leaf) and isinstance(branch.other, Branch)
    return Tree(trunk=Branch([Leaf(leaf.weight * 2) for leaf in tree.trunk.leaves], branch), tags=tree.tags)


@env.task
def mixed(order: Order, shade: Shade) -> Order:  # type: ignore[name-defined] # noqa: F821
    assert isinstance(order, Order) and isinstance(order.paint, Paint)  # type: ignore[name-defined] # noqa: F821
    assert shade is Shade.DARK and order.paint.shade is Shade.DARK  # type: ignore[name-defined] # noqa: F821
    return Order(paint=Paint(shade))  # type: ignore[name-defined] # noqa: F821


TASK = """
@env.task
def plain(order: Order, shade: Shade = Shade.DARK) -> Order:
    assert isinstance(order, Order) and isinstance(order.paint, Paint)
    assert shade is Shade.DARK and order.paint.shade is Shade.DARK
    return Order(paint=Paint(shade))
"""
exec(compile(TASK, "<cell>", "exec", dont_inherit=True), globals())  # whose annotations are classes and no text


@env.task
def doubled(frame: pd.DataFrame) -> pl.DataFrame:
    frame["a"] *= 2
    return pl.DataFrame({"a": frame["a"].to_list(), "by": sorted(frame.columns)[:1] * len(frame)})


def texts() -> Any:
    tree = Tree(trunk=Branch([Leaf(1.0)]), tags={"x": Leaf(3.0)})
    return in_worker(grown, tree, Branch([], Branch([]))).model_dump()


def redefined(task: Any) -> Any:
    run_cell(1.0)
    found = [in_worker(task, order(), Shade.DARK).paint.litres]  # type: ignore[name-defined] # noqa: F821
    for litres in (2.0, 3.0):
        old = order()
        run_cell(litres)
        found.append(in_worker(task, old, Shade.DARK).paint.litres)  # type: ignore[name-defined] # noqa: F821
    return found


def frames() -> Any:
    frame = pd.DataFrame({"a": [1, 2]})
    first, second = in_worker(doubled, frame), in_worker(doubled, frame)
    return [first["a"].to_list(), second["a"].to_list(), frame["a"].to_list()]


def order() -> Any:
    return Order(paint=Paint(Shade.DARK, 9.0))  # type: ignore[name-defined] # noqa: F821


def in_worker(task: Any, *inputs: Any) -> Any:
    return flyte.with_runcontext(mode="process").run(task, *inputs).outputs()[0]


if __name__ == "__main__":
    flyte.init(home=sys.argv[1])
    print([texts(), redefined(mixed), redefined(plain), frames()])  # type: ignore[name-defined] # noqa: F821
