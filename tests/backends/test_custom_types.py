"""Transformers that a notebook registers are known in its worker processes."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from flyteidl2.core.literals_pb2 import StructuredDataset, StructuredDatasetMetadata
from flyteidl2.core.types_pb2 import StructuredDatasetType

import flyte_nb as flyte
from flyte_nb import errors
from flyte_nb.io import DataFrame, File
from flyte_nb.io.extend import DataFrameDecoder, DataFrameEncoder, DataFrameTransformerEngine
from flyte_nb.types import TypeEngine, TypeTransformer, html, registered
from flyte_nb.types.html import render_html
from flyte_nb.types.messages import Literal, LiteralType, SimpleType

env = flyte.TaskEnvironment("custom")


@pytest.fixture(autouse=True)
def unregistered() -> Iterator[None]:
    registries: list[dict[Any, Any]] = [
        registered._transformers,
        DataFrameTransformerEngine._encoders,
        DataFrameTransformerEngine._decoders,
        DataFrameTransformerEngine._registered,
        html._renderers,
    ]
    before = [dict(registry) for registry in registries]
    yield
    for registry, earlier in zip(registries, before, strict=True):
        registry.clear()
        registry.update(earlier)
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


class Lines(list[str]):
    """A frame of somebody's own."""


class LinesEncoder(DataFrameEncoder[Lines]):
    lock: Any = None

    async def encode(self, dataframe: DataFrame, structured_dataset_type: StructuredDatasetType) -> StructuredDataset:
        file: File[Any] = File.new_remote("lines.txt")
        with file.open_sync("w") as stream:
            stream.write("\n".join(dataframe.val))
        return StructuredDataset(uri=file.path)


class LinesDecoder(DataFrameDecoder[Lines]):
    async def decode(
        self, flyte_value: StructuredDataset, current_task_metadata: StructuredDatasetMetadata
    ) -> Lines | AsyncIterator[Lines]:
        with File.from_existing_remote(flyte_value.uri).open_sync("r") as stream:
            return Lines(stream.read().split("\n"))


@env.task
def turned(lines: Lines) -> Lines:
    return Lines(reversed(lines))


class LinesAsList:
    def to_html(self, value: Any) -> str:
        return "<ol>" + "".join(f"<li>{line}" for line in value)


@env.task
def drawn(lines: Lines) -> str:
    return render_html(lines)


def register_lines(**more: Any) -> None:
    encoder = LinesEncoder(Lines, supported_format="txt")
    encoder.__dict__.update(more)
    DataFrameTransformerEngine.register(encoder, default_for_type=True)
    DataFrameTransformerEngine.register(LinesDecoder(Lines, supported_format="txt"))


def test_a_frame_with_an_encoder_of_the_users_goes_to_a_worker_and_comes_back() -> None:
    register_lines()

    run = flyte.with_runcontext(mode="process").run(turned, Lines(["a", "b"]))

    assert run.outputs()[0] == Lines(["b", "a"])


def test_a_renderer_of_the_users_draws_in_a_worker_too() -> None:
    register_lines()
    DataFrameTransformerEngine.register_renderer(Lines, LinesAsList())

    run = flyte.with_runcontext(mode="process").run(drawn, Lines(["a", "b"]))

    assert run.outputs()[0] == "<ol><li>a<li>b"


def test_an_encoder_that_cannot_be_pickled_is_named() -> None:
    register_lines(lock=threading.Lock())

    run = flyte.with_runcontext(mode="process").run(turned, Lines(["a"]))
    run.wait()

    with pytest.raises(errors.CodeBundleError, match="LinesEncoder of Lines, txt, any address>, cannot be pickled"):
        run.raise_for_status()
