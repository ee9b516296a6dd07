"""Types that users and packages bring."""

from __future__ import annotations

import asyncio
import datetime
import decimal
import logging
import os
import pathlib
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Optional

import pytest
from flyteidl2.core import literals_pb2, types_pb2

import flyte_nb as flyte
from flyte_nb.errors import RestrictedTypeError, RuntimeDataValidationError
from flyte_nb.types import FlytePickle, TypeEngine, TypeTransformer, TypeTransformerFailedError, registered
from flyte_nb.types.interface import Interface

ThereAndBack = Callable[[Any, Any], tuple[Any, Any]]
env = flyte.TaskEnvironment("custom")


class PositiveInt:
    """A wrapper type that only accepts positive integers."""

    def __init__(self, value: int):
        if not isinstance(value, int):
            raise TypeError(f"Expected int, got {type(value).__name__}")
        if value <= 0:
            raise ValueError(f"Expected positive integer, got {value}")
        self._value = value

    @property
    def value(self) -> int:
        return self._value

    def __repr__(self) -> str:
        return f"PositiveInt({self._value})"


class PositiveIntTransformer(TypeTransformer[PositiveInt]):
    def __init__(self) -> None:
        super().__init__(name="PositiveInt", t=PositiveInt)

    def get_literal_type(self, t: type[PositiveInt]) -> types_pb2.LiteralType:
        return types_pb2.LiteralType(
            simple=types_pb2.SimpleType.INTEGER,
            structure=types_pb2.TypeStructure(tag="PositiveInt"),
        )

    async def to_literal(
        self, python_val: PositiveInt, python_type: type[PositiveInt], expected: types_pb2.LiteralType
    ) -> literals_pb2.Literal:
        if not isinstance(python_val, PositiveInt):
            raise TypeTransformerFailedError(f"Expected PositiveInt, got {type(python_val).__name__}")
        return literals_pb2.Literal(
            scalar=literals_pb2.Scalar(primitive=literals_pb2.Primitive(integer=python_val.value))
        )

    async def to_python_value(self, lv: literals_pb2.Literal, expected_python_type: type[PositiveInt]) -> PositiveInt:
        if not lv.scalar or not lv.scalar.primitive:
            raise TypeTransformerFailedError(f"Cannot convert literal {lv} to PositiveInt: missing scalar primitive")
        value = lv.scalar.primitive.integer
        try:
            return PositiveInt(value)
        except (TypeError, ValueError) as e:
            raise TypeTransformerFailedError(f"Cannot convert value {value} to PositiveInt: {e}") from e

    def guess_python_type(self, literal_type: types_pb2.LiteralType) -> type[PositiveInt]:
        if (
            literal_type.simple == types_pb2.SimpleType.INTEGER
            and literal_type.structure
            and literal_type.structure.tag == "PositiveInt"
        ):
            return PositiveInt
        raise ValueError(f"Cannot guess PositiveInt from literal type {literal_type}")


@pytest.fixture(autouse=True)
def nothing_registered() -> Iterator[None]:
    """Registrations end with their test."""
    transformers, restricted = dict(registered._transformers), dict(registered._restricted)
    yield
    registered._transformers.clear()
    registered._transformers.update(transformers)
    registered._restricted.clear()
    registered._restricted.update(restricted)
    registered._generation += 1


@env.task
async def process_positive(value: PositiveInt) -> int:
    return value.value * 2


@env.task
async def several(values: list[PositiveInt], maybe: PositiveInt | None = None) -> dict[str, PositiveInt]:
    return {str(value.value): value for value in values}


def test_a_transformer_registered_after_the_tasks_declaration_is_used() -> None:
    TypeEngine.register(PositiveIntTransformer())

    assert flyte.run(process_positive, value=PositiveInt(42)).outputs()[0] == 84
    found = flyte.run(several, [PositiveInt(1), PositiveInt(2)], maybe=PositiveInt(3)).outputs()[0]
    assert [value.value for value in found.values()] == [1, 2]


def test_a_transformer_is_used_inside_lists_dictionaries_and_unions(there_and_back: ThereAndBack) -> None:
    TypeEngine.register(PositiveIntTransformer())
    for kind, value in (
        (list[PositiveInt], [PositiveInt(5)]),
        (dict[str, PositiveInt], {"a": PositiveInt(5)}),
        (PositiveInt | str | None, PositiveInt(5)),
    ):
        for came in there_and_back(kind, value):
            inner = came[0] if isinstance(came, list) else came["a"] if isinstance(came, dict) else came
            assert type(inner) is PositiveInt
            assert inner.value == 5


def test_what_a_transformer_refuses_names_variable_task_and_place() -> None:
    TypeEngine.register(PositiveIntTransformer())
    with pytest.raises(RuntimeDataValidationError, match=r"'value' of task 'custom.process_positive'.*PositiveInt"):
        flyte.run(process_positive, value=5)  # type: ignore[arg-type]
    with pytest.raises(RuntimeDataValidationError, match=r"'values' of task 'custom.several': \[1\]: .*PositiveInt"):
        flyte.run(several, [PositiveInt(1), "two"])


def test_whatever_a_transformer_raises_names_the_transformer(there_and_back: ThereAndBack) -> None:
    class Broken(PositiveIntTransformer):
        async def to_literal(self, python_val: Any, python_type: Any, expected: Any) -> Any:
            raise KeyError("oops")

    class Empty(PositiveIntTransformer):
        async def to_literal(self, python_val: Any, python_type: Any, expected: Any) -> Any:
            return None

    class Picky(PositiveIntTransformer):
        def assert_type(self, t: Any, v: Any) -> None:
            raise RuntimeError("no")

    for transformer, problem in ((Broken(), "KeyError: 'oops'"), (Empty(), "TypeError"), (Picky(), "RuntimeError: no")):
        TypeEngine.register(transformer)
        with pytest.raises(RuntimeDataValidationError, match=f"PositiveInt.to_literal raised {problem}"):
            there_and_back(PositiveInt, PositiveInt(1))


def test_registering_a_class_instead_of_an_instance_is_explained() -> None:
    with pytest.raises(TypeError, match="Did you forget to call the class"):
        TypeEngine.register(PositiveIntTransformer)  # type: ignore[arg-type]


def make_plugin(folder: Path, body: str) -> None:
    """A package as pip leaves it: a module and the metadata with its entry point."""
    (folder / "my_transformer.py").write_text(body)
    metadata = folder / "my_transformer-0.1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: my_transformer\nVersion: 0.1.0\n")
    (metadata / "entry_points.txt").write_text("[flyte.plugins.types]\nmine = my_transformer:register\n")


PLUGIN = """
from flyteidl2.core import literals_pb2, types_pb2
from flyte_nb.types import TypeEngine, TypeTransformer

class Celsius:
    def __init__(self, degrees):
        self.degrees = degrees

class CelsiusTransformer(TypeTransformer):
    def __init__(self):
        super().__init__("Celsius", Celsius)
    def get_literal_type(self, t):
        return types_pb2.LiteralType(simple=types_pb2.SimpleType.FLOAT)
    async def to_literal(self, python_val, python_type, expected):
        return literals_pb2.Literal(
            scalar=literals_pb2.Scalar(primitive=literals_pb2.Primitive(float_value=python_val.degrees))
        )
    async def to_python_value(self, lv, expected_python_type):
        return Celsius(lv.scalar.primitive.float_value)

def register():
    TypeEngine.register(CelsiusTransformer())
"""

USER = """
import sys
import flyte_nb as flyte
from flyte_nb.types.registered import transformer_of
from my_transformer import Celsius

flyte.init(home=sys.argv[1], load_plugin_type_transformers=sys.argv[2] == "on")
env = flyte.TaskEnvironment("weather")

@env.task
async def warmer(now: Celsius) -> Celsius:
    return Celsius(now.degrees + 1)

print(flyte.run(warmer, Celsius(20.5)).outputs()[0].degrees, transformer_of(Celsius))
"""


def use_plugin(folder: Path, switch: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", USER, str(folder / "home"), switch],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(folder), *sys.path])},
        capture_output=True,
        text=True,
    )


def test_an_installed_package_brings_its_types_unless_that_is_switched_off(tmp_path: Path) -> None:
    make_plugin(tmp_path, PLUGIN)

    assert "21.5 <CelsiusTransformer 'Celsius'" in use_plugin(tmp_path, "on").stdout
    assert use_plugin(tmp_path, "off").stdout == "21.5 None\n"


def test_a_broken_plug_in_is_a_warning_that_names_it(tmp_path: Path) -> None:
    make_plugin(tmp_path, PLUGIN.replace("TypeEngine.register(CelsiusTransformer())", "raise OSError('no disk')"))

    done = use_plugin(tmp_path, "on")
    assert done.stdout == "21.5 None\n", done.stderr
    assert "type plug-in mine (my_transformer:register) could not be loaded: OSError: no disk" in done.stderr


def test_a_tuple_is_refused_as_an_input_of_a_run_and_fine_in_a_direct_call() -> None:
    @env.task
    def add(pair: tuple[int, int]) -> int:
        return pair[0] + pair[1]

    @env.task
    def bare(pair: tuple) -> int:  # type: ignore[type-arg]
        return len(pair)

    assert add((1, 2)) == 3
    for task in (add, bare):
        with pytest.raises(RestrictedTypeError, match=r"'pair' of task 'custom\.(add|bare)' is a tuple"):
            flyte.run(task, (1, 2))


def test_users_may_restrict_more_types() -> None:
    class Secretive: ...

    def takes(x): ...  # type: ignore[no-untyped-def]

    takes.__annotations__ = {"x": Secretive}
    interface = Interface.from_function(takes)
    assert interface.prepare_inputs_nowait({"x": Secretive()}) is not None

    TypeEngine.register_restricted_type("Secretive", Secretive)
    with pytest.raises(RestrictedTypeError, match="Secretive"):
        interface.prepare_inputs_nowait({"x": Secretive()})


@pytest.mark.parametrize(
    "kind",
    [
        int,
        float,
        str,
        bool,
        bytes,
        type(None),
        dict,
        datetime.datetime,
        datetime.timedelta,
        datetime.date,
        decimal.Decimal,
        uuid.UUID,
        pathlib.Path,
        list[int],
        dict[str, list[float]],
        Optional[int],  # noqa: UP045
        PositiveInt,
        list[PositiveInt],
    ],
)
def test_a_literal_type_tells_its_python_type(kind: Any) -> None:
    TypeEngine.register(PositiveIntTransformer())
    assert TypeEngine.guess_python_type(TypeEngine.to_literal_type(kind)) == kind


def test_a_literal_type_that_nobody_knows_is_a_value_error() -> None:
    with pytest.raises(ValueError, match="No Python type is known"):
        TypeEngine.guess_python_type(types_pb2.LiteralType(schema=types_pb2.SchemaType()))


def test_named_values_become_a_literal_map_and_come_back() -> None:
    async def both() -> list[Any]:
        literals = await TypeEngine.dict_to_literal_map({"a": 1, "b": [1.5]}, {"b": list[float]})
        assert sorted(literals.literals) == ["a", "b"]
        return [
            await TypeEngine.to_python_value(literals.literals["a"], int),
            await TypeEngine.to_python_value(literals.literals["b"], list[float]),
        ]

    assert asyncio.run(both()) == [1, [1.5]]


def test_built_in_types_have_transformers_too() -> None:
    transformer = TypeEngine.get_transformer(int)
    literal = asyncio.run(transformer.to_literal(5, int, transformer.get_literal_type(int)))
    assert asyncio.run(transformer.to_python_value(literal, int)) == 5
    with pytest.raises(TypeTransformerFailedError, match="Expected int, got str: 'x'"):
        asyncio.run(TypeEngine.to_literal("x", int))


def test_a_value_of_an_undescribed_type_travels_as_a_pickle_with_one_line_in_the_log(
    there_and_back: ThereAndBack, caplog: pytest.LogCaptureFixture
) -> None:
    class Undescribed:
        def __init__(self, x: int) -> None:
            self.x = x

    caplog.set_level(logging.INFO, "flyte_nb")
    for _ in range(3):
        for came in there_and_back(Undescribed, Undescribed(5)):
            assert came.x == 5
            assert type(came).__qualname__ == Undescribed.__qualname__
    assert [record.message for record in caplog.records if "Undescribed" in record.message] == [
        f"Values of type {__name__}.{Undescribed.__qualname__} travel as pickles. Annotate them with a described"
        " type, or register a TypeTransformer."
    ]


def test_flyte_pickle_is_silent(there_and_back: ThereAndBack, caplog: pytest.LogCaptureFixture) -> None:
    class Quiet:
        x = 5

    caplog.set_level(logging.INFO, "flyte_nb")
    for came in there_and_back(FlytePickle, Quiet()):
        assert came.x == 5
    assert not caplog.records


def test_what_cannot_be_pickled_says_what_to_do(there_and_back: ThereAndBack) -> None:
    with pytest.raises(RuntimeDataValidationError, match=r"generator cannot be pickled .*Pass what it is made from"):
        there_and_back(Any, (x for x in "ab"))
