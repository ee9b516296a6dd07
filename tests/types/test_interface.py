"""What tasks take and give, what is wrong with it, and what is stored of it."""

from __future__ import annotations

import asyncio
import datetime
import decimal
import enum
import pathlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import flyte_nb as flyte
from flyte_nb.errors import RuntimeDataValidationError
from flyte_nb.remote import Run
from flyte_nb.storage import open_store, use_store
from flyte_nb.types.interface import Interface
from flyte_nb.types.references import references_of
from flyte_nb.types.untyped import untyped_values

env = flyte.TaskEnvironment("rooms")


class Color(enum.Enum):
    RED = 1


@dataclass
class Data:
    x: int


@pytest.mark.parametrize(
    ("kind", "value", "message"),
    [
        (int, "x", "Expected int, got str: 'x'"),
        (int, 1.5, "Expected int, got float: 1.5"),
        (float, True, "Expected float, got bool: True"),
        (float, 10**400, "Expected float; the int is too large for one"),
        (float, 2**53 + 1, "more digits than a float can hold"),
        (bool, 1, "Expected bool, got int: 1"),
        (str, hex, "Expected str, got builtin_function_or_method"),
        (bytes, "x", "Expected bytes, got str"),
        (None, 1, "declared to return None, and returned int: 1"),
        (list[int], [1, 2, 3, "x"], r"\[3\]: Expected int, got str: 'x'"),
        (list[int], (1, 2), r"Expected list\[int\], got tuple"),
        (dict[str, list[int]], {"a": [0, None]}, r"\['a'\]\[1\]: Expected int, got NoneType: None"),
        (dict[str, int], {1: 2}, "Expected keys of type str, got int: 1"),
        (int | str, 1.5, r"1\.5 is none of int, str\. Expected int, got float: 1\.5"),
        (Color, "BLUE", r"Expected a member of Color \(RED\), got 'BLUE'"),
        (datetime.datetime, "2024-01-01", r"Expected datetime\.datetime, got str"),
        (datetime.date, datetime.datetime(2024, 1, 1), r"Expected datetime\.date, got datetime"),
        (list[Data], [Data(1), 5], r"\[1\]: Expected .*Data, got int: 5"),
    ],
)
def test_a_value_that_does_not_fit_names_variable_task_and_place(kind: Any, value: Any, message: str) -> None:
    def gives(): ...  # type: ignore[no-untyped-def]

    gives.__annotations__ = {"return": kind}
    with pytest.raises(RuntimeDataValidationError, match=f"The result of task 'rooms.gives': .*{message}") as caught:
        asyncio.run(Interface.from_function(gives, "rooms.gives").prepare_outputs(value))
    assert caught.value.task_name == "rooms.gives"


def test_several_outputs_come_back_as_a_tuple() -> None:
    @env.task
    async def both() -> tuple[int, str]:
        return 1, "x"

    @env.task
    async def parent() -> str:
        number, text = await both()
        return text * (number + 1)

    assert flyte.run(both).outputs() == (1, "x")
    assert flyte.run(parent).outputs() == ("xx",)


def test_one_tuple_of_any_length_is_one_output() -> None:
    @env.task
    async def many() -> tuple[int, ...]:
        return 1, 2, 3

    assert flyte.run(many).outputs() == ((1, 2, 3),)


@pytest.mark.parametrize("value", [(1,), (1, "x", 2), [1, "x"], None, "1x"])
def test_another_number_of_outputs_than_declared_is_an_error(value: Any) -> None:
    def both() -> tuple[int, str]: ...  # type: ignore[empty-body]

    with pytest.raises(RuntimeDataValidationError, match="Expected a tuple of 2 values"):
        Interface.from_function(both).prepare_outputs_nowait(value)


def test_a_task_that_returns_something_it_did_not_declare_fails() -> None:
    @env.task
    async def quiet() -> None:
        return 5  # type: ignore[return-value]

    with pytest.raises(RuntimeDataValidationError, match="declared to return None, and returned int: 5"):
        flyte.run(quiet).outputs()


def test_a_mutable_default_is_not_shared_between_calls() -> None:
    @env.task
    async def collect(item: int, into: list[int] = []) -> list[int]:  # noqa: B006
        into.append(item)
        return into

    assert flyte.run(collect, 1).outputs() == ([1],)
    assert flyte.run(collect, 2).outputs() == ([2],)


VALUES: dict[str, tuple[Any, Any]] = {
    "nothing": (None, None),
    "number": (int, 5),
    "large": (int, 2**70),
    "text": (str, "x"),
    "odd_text": (str, "\udcff"),
    "raw": (bytes, b"x"),
    "moment": (datetime.datetime, datetime.datetime(2024, 1, 1, tzinfo=datetime.UTC)),
    "day": (datetime.date, datetime.date(2024, 1, 1)),
    "wait": (datetime.timedelta, datetime.timedelta(seconds=-1.5)),
    "price": (decimal.Decimal, decimal.Decimal("1.10")),
    "path": (pathlib.Path, pathlib.Path("a/b")),
    "maybe": (int | str | None, "x"),
    "nested": (dict[str, list[int | None]], {"b": [1, None], "a": []}),
    "untyped": (Any, {"k": {1, 2}}),
    "untyped_large": (Any, list(range(50_000))),
    "bare": (list, [1, (2, {3})]),
    "by_number": (dict[int, str], {1: "x"}),
}


def takes_all() -> Interface:
    namespace: dict[str, Any] = {}
    exec(f"def takes({', '.join(VALUES)}): ...", namespace)
    namespace["takes"].__annotations__ = {name: kind for name, (kind, _) in VALUES.items()}
    return Interface.from_function(namespace["takes"])


def test_everything_can_be_read_back_without_its_types(tmp_path: Path) -> None:
    interface = takes_all()
    with use_store(open_store(tmp_path)):
        prepared = interface.prepare_inputs_nowait({name: value for name, (_, value) in VALUES.items()})
        assert prepared is not None
        found = untyped_values(prepared.serialized)
    assert found == {name: value for name, (_, value) in VALUES.items()}
    assert all(type(found[name]) is type(value) for name, (_, value) in VALUES.items())


def test_structures_frames_and_arrays_are_read_back_by_their_shape(tmp_path: Path) -> None:
    def takes(data, frame, array, color): ...  # type: ignore[no-untyped-def]

    takes.__annotations__ = {"data": Data, "frame": pd.DataFrame, "array": np.ndarray, "color": Color}
    values = {"data": Data(5), "frame": pd.DataFrame({"a": [1]}), "array": np.arange(9_000), "color": Color.RED}
    with use_store(open_store(tmp_path)):
        prepared = asyncio.run(Interface.from_function(takes).prepare_inputs(values))
        found = untyped_values(prepared.serialized)
        references = references_of(prepared.serialized)
    assert found["data"] == {"x": 5}
    assert found["color"] == "RED"
    assert found["frame"]["a"].tolist() == [1]
    assert found["array"].tolist() == list(range(9_000))
    assert {Path(uri).suffix for uri in references} == {".parquet", ".npy"}
    assert all(Path(uri).is_relative_to(tmp_path) for uri in references)


def test_references_are_found_wherever_they_are(tmp_path: Path) -> None:
    def takes(x): ...  # type: ignore[no-untyped-def]

    takes.__annotations__ = {"x": dict[str, list[np.ndarray | int]]}
    with use_store(open_store(tmp_path)):
        prepared = Interface.from_function(takes).prepare_inputs_nowait({"x": {"a": [1, np.zeros(9_000)]}})
    assert prepared is not None
    assert [Path(uri).read_bytes()[:6] for uri in references_of(prepared.serialized)] == [b"\x93NUMPY"]


def test_a_run_of_another_process_shows_outputs_as_they_were() -> None:
    @env.task
    async def gives() -> tuple[decimal.Decimal, int, datetime.date]:
        return decimal.Decimal("1.10"), 2**80, datetime.date(2024, 1, 1)

    run = flyte.run(gives)
    run.wait()
    assert Run.get(run.name).outputs() == (decimal.Decimal("1.10"), 2**80, datetime.date(2024, 1, 1))


def test_a_literal_of_another_type_is_an_error_and_not_a_wrong_value() -> None:
    def written(x): ...  # type: ignore[no-untyped-def]

    written.__annotations__ = {"x": str}
    prepared = Interface.from_function(written).prepare_inputs_nowait({"x": "text"})
    assert prepared is not None
    for kind in (int, float, bool, type(None), bytes, datetime.datetime, datetime.timedelta, decimal.Decimal, Data):
        written.__annotations__ = {"x": kind}
        with pytest.raises(RuntimeDataValidationError, match="'x' of task"):
            asyncio.run(Interface.from_function(written).read_inputs(prepared.serialized))


def test_an_int_too_long_to_print_is_refused_like_any_other() -> None:
    def gives() -> str: ...  # type: ignore[empty-body]

    with pytest.raises(RuntimeDataValidationError, match="Expected str, got int: <int>"):
        Interface.from_function(gives).prepare_outputs_nowait(10**5000)
