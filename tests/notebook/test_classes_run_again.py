"""A cell of a class is run again, and the cells of what uses it are not: values still fit, wherever a task runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from .conftest import Notebook

INNER = """
import enum
from dataclasses import dataclass
from pydantic import BaseModel
import flyte_nb as flyte

class Shade(enum.Enum):
    LIGHT = "light"
    DARK = "dark"{more}

@dataclass
class Tin:
    litres: int
"""

OUTER = """
@dataclass
class Paint:
    shade: {quote}Shade{quote}
    tins: {quote}list[Tin]{quote}
    by_name: {quote}dict[str, Shade] | None{quote} = None

class Order(BaseModel):
    paint: Paint

env = flyte.TaskEnvironment("again")

@env.task
async def bought(paint: Paint, order: Order, shade: Shade) -> list[Paint]:
    for one in (paint, order.paint):
        assert isinstance(one, Paint) and all(isinstance(tin, Tin) for tin in one.tins), one
        assert one.shade is shade and isinstance(one.shade, Shade), one
    return [paint, order.paint]
"""

CALL = """
paint = Paint({shade}, [Tin(1)], {{"a": {shade}}})
given = flyte.with_runcontext(mode={mode!r}).run(bought, paint, Order(paint=paint), {shade}).outputs()[0]
assert [one.shade for one in given] == [{shade}] * 2 and given[0].by_name == {{"a": {shade}}}, given
assert given == [paint, paint], given
"""


@pytest.mark.parametrize("quote", ["", '"'], ids=["classes", "texts"])
@pytest.mark.parametrize("mode", [None, "process"])
def test_values_of_a_class_whose_cell_alone_was_run_again_still_fit(
    module_notebook: Notebook, mode: str | None, quote: str
) -> None:
    module_notebook.run(INNER.format(more=""))
    module_notebook.run(OUTER.format(quote=quote))
    module_notebook.run(CALL.format(shade="Shade.DARK", mode=mode))
    module_notebook.run("old = paint")
    module_notebook.run(INNER.format(more='\n    RED = "red"'))
    module_notebook.run(CALL.format(shade="Shade.DARK", mode=mode))
    module_notebook.run(CALL.format(shade="Shade.RED", mode=mode))
    module_notebook.run(
        f"flyte.with_runcontext(mode={mode!r}).run(bought, old, Order(paint=old), Shade.DARK).outputs()"
    )
