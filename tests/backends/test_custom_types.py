"""Transformers that a notebook registers are known in its worker processes."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest

import flyte_nb as flyte
from flyte_nb import errors
from flyte_nb.types import TypeEngine, TypeTransformer, registered
from flyte_nb.types.messages import Literal, LiteralType, SimpleType

env = flyte.TaskEnvironment("custom")


@pytest.fixture(autouse=True)
def unregistered() -> Iterator[None]:
    before = dict(registered._transformers)
    yield
    registered._transformers.clear()
    registered._transformers.update(before)
    registered.note_registration()


class Celsius:
    def __init__(self, degrees: float) -> None:
        self.degrees = degrees


class CelsiusTransformer(TypeTransformer[Celsius]):
    def __init__(self, **more: Any) -> None:
        super().__init__("Celsius", Celsius)
        self.__dict__.update(more)

    def get_literal_type(self, t: type[Celsius]) -> LiteralType:
        return LiteralType(simple=SimpleType.FLOAT)

    async def to_literal(self, python_val: Celsius, python_type: type[Celsius], expected: LiteralType) -> Literal:
        literal = Literal()
        literal.scalar.primitive.float_value = python_val.degrees
        return literal

    async def to_python_value(self, lv: Literal, expected_python_type: type[Celsius]) -> Celsius:
        return Celsius(lv.scalar.primitive.float_value)


@env.task
def warmer(temperature: Celsius) -> Celsius:
    return Celsius(temperature.degrees + 1)


def test_a_registered_type_goes_to_a_worker_and_comes_back() -> None:
    TypeEngine.register(CelsiusTransformer())

    run = flyte.with_runcontext(mode="process").run(warmer, Celsius(20.5))

    assert run.outputs()[0].degrees == 21.5


def test_a_transformer_that_cannot_be_pickled_is_named() -> None:
    TypeEngine.register(CelsiusTransformer(lock=threading.Lock()))

    run = flyte.with_runcontext(mode="process").run(warmer, Celsius(20.5))
    run.wait()

    with pytest.raises(errors.CodeBundleError, match="CelsiusTransformer, cannot be pickled"):
        run.raise_for_status()
