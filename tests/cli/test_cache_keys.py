"""A result is found again whichever way the same notebook is run."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

from tests.cli.conftest import Shell

CELLS = (
    """
    import dataclasses
    import enum
    import numpy as np
    import pandas as pd
    import flyte_nb as flyte

    env = flyte.TaskEnvironment("shop")
    RATE = 1.5
    TABLE = pd.DataFrame({"a": ["u", "v"], "x": np.arange(2)})

    class Shade(enum.Enum):
        DARK = 1

    @dataclasses.dataclass
    class Order:
        net: float
        shade: Shade = Shade.DARK

    class Model:
        def __init__(self, weight: float) -> None:
            self.weight = weight

        def use(self, order: Order) -> float:
            return order.net * self.weight * RATE

    model = Model(2.0)

    def total(order: Order) -> float:
        return model.use(order) + len(TABLE)
    """,
    """
    @env.task(cache="auto")
    async def price(net: float, tags: list[str] | None = None) -> float:
        return total(Order(net))
    """,
    "run = flyte.run(price, 10.0)\nrun.outputs()",
)


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


def test_a_task_has_one_cache_key_in_a_kernel_and_from_the_command_line(shell: Shell) -> None:
    shell.write_notebook("shop.ipynb", *CELLS)
    execute(shell, "shop.ipynb")
    shell.run("run", "shop.ipynb", "price", "--net", "10.0")

    runs: list[Any] = shell.json("get", "run")
    caches = [shell.json("get", "action", run["name"], "a0")["cache"] for run in runs]
    assert [cache["status"] for cache in caches] == ["hit", "miss"]
