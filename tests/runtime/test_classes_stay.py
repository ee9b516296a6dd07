"""Objects of a notebook's classes travel as pickles; the classes themselves stay what the notebook made of them."""

from __future__ import annotations

import gc
import weakref
from typing import Any

import pytest

import flyte_nb as flyte
from flyte_nb._code.pickling import pickled, unpickled, unpickled_code

CELL = """
import abc, enum
from dataclasses import dataclass

env = flyte.TaskEnvironment("classes")
RATE = 1
subclasses = []

class Base:
    def __init_subclass__(cls): subclasses.append(cls)

class Model(Base):
    def __init__(self, x): self.x = x
    def predict(self): return self.x * RATE
    @classmethod
    def make(cls): return cls(RATE)
    @property
    def rate(self): return RATE

class Shape(abc.ABC):
    @abc.abstractmethod
    def area(self): ...

class Square(Shape):
    def area(self): return RATE

@dataclass
class Row:
    x: object
    def rated(self): return RATE

class Shade(enum.Enum):
    DARK = 1
    def rated(self): return RATE

class Odd(Exception):
    def __str__(self): return f"rate {RATE}"

@env.task
async def given(value): return None

@env.task
async def gives(kind):
    return {"model": Model(2), "shape": Square(), "row": Row(Model(1)), "shade": [Shade.DARK]}[kind]

@env.task
async def fails(): raise Odd

@env.task
async def catches():
    try:
        await fails()
    except flyte.errors.RuntimeUserError as error:
        return str(error.__cause__)
"""
CLASSES = ("Base", "Model", "Shape", "Square", "Row", "Shade", "Odd")


def notebook() -> dict[str, Any]:
    space: dict[str, Any] = {"flyte": flyte, "__name__": "__main__"}
    exec(compile(CELL, "<cell>", "exec"), space)
    return space


def attributes(space: dict[str, Any]) -> dict[tuple[str, str], int]:
    """Every attribute of every class, by identity; what Python itself notes when it copies an object is none."""
    found = [(name, key, value) for name in CLASSES for key, value in vars(space[name]).items()]
    return {(name, key): id(value) for name, key, value in found if key != "__slotnames__"}


@pytest.mark.parametrize("mode", [None, "process"])
def test_no_attribute_of_a_class_is_replaced_when_its_objects_go_into_tasks_come_out_of_them_or_are_raised(
    mode: str | None,
) -> None:
    space = notebook()
    before, subclasses = attributes(space), list(space["subclasses"])
    start = flyte.with_runcontext(mode=mode)
    values = [space["Model"](2), space["Square"](), space["Row"](space["Model"](1)), [space["Shade"].DARK]]
    for value in values:
        start.run(space["given"], value).outputs()
    for kind in ("model", "shape", "row", "shade"):
        start.run(space["gives"], kind).outputs()
    assert start.run(space["catches"]).outputs()[0] == "rate 1"
    assert attributes(space) == before
    assert space["subclasses"] == subclasses


def test_an_edit_of_a_global_means_the_same_to_methods_before_and_after_a_run() -> None:
    space = notebook()
    result = flyte.run(space["gives"], "model").outputs()[0]
    space["RATE"] = 5
    assert (result.predict(), space["Model"](2).predict(), space["Model"].make().x) == (10, 10, 5)


def test_what_is_set_on_a_class_between_two_runs_arrives_in_a_worker_that_knew_it() -> None:
    space = notebook()
    cell = """
@env.task
async def predicted(model): return model.predict()
"""
    exec(compile(cell, "<cell>", "exec"), space)
    process = flyte.with_runcontext(mode="process")
    assert process.run(space["predicted"], space["Model"](2)).outputs()[0] == 2
    space["Model"].predict = lambda self: "another"
    assert process.run(space["predicted"], space["Model"](2)).outputs()[0] == "another"


def test_code_that_a_process_goes_on_with_is_not_changed_by_the_values_it_reads_later() -> None:
    class there:
        def __init__(self, x: int) -> None:
            self.x = x

        def predict(self) -> int:
            return self.x

    code, value = pickled(there), pickled(there(2))
    gone = weakref.ref(there)
    del there
    gc.collect()
    assert gone() is None
    model = unpickled_code(code)
    before = dict(vars(model))
    assert type(unpickled(value)) is model
    assert dict(vars(model)) == before
