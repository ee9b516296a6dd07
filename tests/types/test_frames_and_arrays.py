"""Data frames and arrays."""

from __future__ import annotations

import asyncio
import datetime
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from numpy.typing import NDArray
from polars.testing import assert_frame_equal

from flyte_nb.errors import RuntimeDataValidationError, StorageError
from flyte_nb.storage import open_store, use_store
from flyte_nb.types import HashFunction
from flyte_nb.types.interface import Interface
from flyte_nb.types.references import references_of

ThereAndBack = Callable[[Any, Any], tuple[Any, Any]]

PANDAS = {
    "plain": pd.DataFrame({"a": [1, 2], "b": ["x", None], "c": [0.5, float("nan")]}),
    "index": pd.DataFrame({"a": [1, 2]}, index=pd.Index(["p", "q"], name="key")),
    "several indexes": pd.DataFrame({"a": [1, 2]}, index=pd.MultiIndex.from_tuples([(1, "x"), (2, "y")])),
    "categorical": pd.DataFrame({"a": pd.Categorical(["x", "y", "x"], categories=["y", "x", "z"], ordered=True)}),
    "zones": pd.DataFrame({"t": pd.to_datetime(["2024-01-01", "2024-07-01"]).tz_localize("Europe/Berlin")}),
    "no rows": pd.DataFrame({"a": pd.Series([], dtype="int64"), "b": pd.Series([], dtype="datetime64[ns]")}),
    "nothing": pd.DataFrame(),
    "dates": pd.DataFrame({"d": [datetime.date(2024, 1, 1), None]}),
}
POLARS = {
    "plain": pl.DataFrame({"a": [1, None], "b": ["x", "ü"]}),
    "categorical": pl.DataFrame({"a": ["x", "y"]}, schema={"a": pl.Categorical}),
    "enum": pl.DataFrame({"a": ["x", "y"]}, schema={"a": pl.Enum(["y", "x"])}),
    "zones": pl.DataFrame({"t": [datetime.datetime(2024, 1, 1)]}).with_columns(
        pl.col("t").dt.replace_time_zone("Asia/Tokyo")
    ),
    "nested": pl.DataFrame({"l": [[1, 2], []], "s": [{"x": 1, "y": ["a"]}, {"x": 2, "y": []}]}),
    "no rows": pl.DataFrame(schema={"a": pl.Int8, "b": pl.List(pl.String)}),
}


@pytest.mark.parametrize("name", PANDAS)
def test_pandas_frames_come_back(there_and_back: ThereAndBack, name: str) -> None:
    for came in there_and_back(pd.DataFrame, PANDAS[name]):
        pd.testing.assert_frame_equal(came, PANDAS[name])


@pytest.mark.parametrize("name", POLARS)
def test_polars_frames_come_back(there_and_back: ThereAndBack, name: str) -> None:
    for came in there_and_back(pl.DataFrame, POLARS[name]):
        assert_frame_equal(came, POLARS[name])
    for came in there_and_back(pl.LazyFrame, POLARS[name].lazy()):
        assert isinstance(came, pl.LazyFrame)
        assert_frame_equal(came.collect(), POLARS[name])


def test_arrow_tables_come_back(there_and_back: ThereAndBack) -> None:
    table = pa.table({"a": [1, 2], "l": [[1], []]})
    for came in there_and_back(pa.Table, table):
        assert came.equals(table)


def test_a_frame_of_another_library_is_converted(there_and_back: ThereAndBack) -> None:
    frames = [pd.DataFrame({"a": [1, 2]}), pl.DataFrame({"a": [1, 2]}), pl.LazyFrame({"a": [1, 2]})]
    frames.append(pa.table({"a": [1, 2]}))
    for value in frames:
        for kind in (pd.DataFrame, pl.DataFrame, pl.LazyFrame, pa.Table):
            for came in there_and_back(kind, value):
                assert isinstance(came, kind)
                came = came.collect() if isinstance(came, pl.LazyFrame) else came
                columns = (
                    came.to_pydict()
                    if isinstance(came, pa.Table)
                    else came.to_dict("list")
                    if isinstance(came, pd.DataFrame)
                    else came.to_dict(as_series=False)
                )
                assert columns == {"a": [1, 2]}


def test_polars_gets_a_pandas_frame_without_its_nameless_index(there_and_back: ThereAndBack) -> None:
    value = pd.DataFrame({"a": [1, 2, 3]}).iloc[[2, 0]]
    for came in there_and_back(pl.DataFrame, value):
        assert came.columns == ["a"]
    for came in there_and_back(pl.DataFrame, PANDAS["index"]):
        assert sorted(came.columns) == ["a", "key"]


def test_a_task_may_change_its_frame_and_the_lists_in_it(there_and_back: ThereAndBack) -> None:
    value = pd.DataFrame({"a": [1, 2], "lists": [[1], [2]]})
    handed_on, _ = there_and_back(pd.DataFrame, value)
    handed_on.loc[0, "a"] = 100
    handed_on["lists"] = [[*cell, 100] for cell in handed_on["lists"]]
    assert handed_on["lists"][0] is not value["lists"][0]
    assert value["a"].tolist() == [1, 2]
    assert value["lists"].tolist() == [[1], [2]]


def test_a_lazy_frame_is_computed_once(there_and_back: ThereAndBack) -> None:
    computed = []

    def note(frame: pl.DataFrame) -> pl.DataFrame:
        computed.append(1)
        return frame

    lazy = pl.LazyFrame({"a": [1]}).map_batches(note)
    handed_on, _ = there_and_back(pl.LazyFrame, lazy)
    handed_on.collect()
    assert computed == [1]


def test_a_frame_that_parquet_cannot_hold_is_refused_by_name(there_and_back: ThereAndBack) -> None:
    with pytest.raises(RuntimeDataValidationError, match="'o0' of task 'rooms.takes'.*cannot be written as Parquet"):
        there_and_back(pd.DataFrame, pd.DataFrame({"a": [1, "x", object()]}))
    with pytest.raises(RuntimeDataValidationError, match=r"Expected pandas\..*DataFrame, got list: \[1\]"):
        there_and_back(pd.DataFrame, [1])


def test_the_same_frame_has_the_same_digest_and_address(digest: Callable[[Any, Any], bytes]) -> None:
    one, same, other = pl.DataFrame({"a": [1]}), pl.DataFrame({"a": [1]}), pl.DataFrame({"a": [2]})
    assert digest(pl.DataFrame, one) == digest(pl.DataFrame, same) != digest(pl.DataFrame, other)
    frames = (pd.DataFrame({"a": [1]}), pd.DataFrame({"a": [1]}), pd.DataFrame({"a": [2]}))
    assert digest(pd.DataFrame, frames[0]) == digest(pd.DataFrame, frames[1]) != digest(pd.DataFrame, frames[2])


@pytest.mark.parametrize(
    "value",
    [
        np.arange(6).reshape(2, 3),
        np.array([], dtype="float32"),
        np.array(5.0),
        np.array([1, np.nan]),
        np.array(["a", "ü"]),
        np.array(["2024-01-01"], dtype="datetime64[D]"),
        np.array([(1, 2.0)], dtype=[("x", "i4"), ("y", "f8")]),
        np.asfortranarray(np.arange(6).reshape(2, 3)),
        np.arange(10)[::2],
        np.zeros(20_000),
    ],
    ids=lambda value: f"{value.dtype} {value.shape}",
)
def test_arrays_come_back(there_and_back: ThereAndBack, value: Any) -> None:
    for kind in (np.ndarray, NDArray[Any], np.ndarray | None):
        for came in there_and_back(kind, value):
            np.testing.assert_array_equal(came, value)
            assert came.dtype == value.dtype
            assert not np.shares_memory(came, value)


@pytest.mark.parametrize("value", [np.int8(5), np.float32(0.1), np.bool_(True), np.datetime64("2024-01-01", "D")])
def test_numpy_scalars_come_back(there_and_back: ThereAndBack, value: Any) -> None:
    for came in there_and_back(type(value), value):
        assert type(came) is type(value)
        assert came == value


def test_arrays_of_objects_are_refused(there_and_back: ThereAndBack) -> None:
    with pytest.raises(RuntimeDataValidationError, match="'o0' of task 'rooms.takes'.*numpy.ndarray.*[Oo]bject"):
        there_and_back(np.ndarray, np.array([{}, []], dtype=object))


def test_masked_arrays_never_lose_their_mask(there_and_back: ThereAndBack) -> None:
    value = np.ma.MaskedArray([1, 2], mask=[True, False])
    with pytest.raises(RuntimeDataValidationError, match=r"Expected numpy\.ndarray, got MaskedArray"):
        there_and_back(np.ndarray, value)
    for came in there_and_back(np.ma.MaskedArray, value):
        assert came.mask.tolist() == [True, False]


def test_arrays_and_frames_inside_other_values_come_back(there_and_back: ThereAndBack) -> None:
    for came in there_and_back(dict[str, list[np.ndarray]], {"a": [np.arange(3)]}):
        assert came["a"][0].tolist() == [0, 1, 2]
    for came in there_and_back(list[pl.DataFrame | None], [pl.DataFrame({"a": [1]}), None]):
        assert came[0]["a"].to_list() == [1] and came[1] is None
    for came in there_and_back(dict[int, pd.DataFrame], {1: pd.DataFrame({"a": [1]})}):
        assert came[1]["a"].tolist() == [1]


def by_length(value: Any) -> str:
    return str(len(value))


@pytest.mark.parametrize(
    ("kind", "make"),
    [
        (pd.DataFrame, lambda start: pd.DataFrame({"a": range(start, start + 10_000)})),
        (np.ndarray, lambda start: np.arange(start, start + 10_000)),
        (list[int], lambda start: list(range(start, start + 10_000))),
        (Any, lambda start: list(range(start, start + 40_000))),
    ],
)
def test_a_hash_function_decides_what_tells_values_apart(
    there_and_back: ThereAndBack, digest: Callable[[Any, Any], bytes], kind: Any, make: Callable[[int], Any]
) -> None:
    hashed = Annotated[kind, HashFunction.from_fn(by_length)]
    assert digest(hashed, make(0)) == digest(hashed, make(5)) != digest(hashed, make(0)[1:])
    assert digest(kind, make(0)) != digest(kind, make(5))
    for came in there_and_back(hashed, make(5)):
        assert list(came) == list(make(5))


@pytest.mark.parametrize("kind", [pd.DataFrame, np.ndarray, Any])
def test_a_changed_file_behind_a_value_is_noticed_on_reading(tmp_path: Path, kind: Any) -> None:
    value = pd.DataFrame({"a": range(9_000)}) if kind is pd.DataFrame else np.arange(9_000)

    def gives(): ...  # type: ignore[no-untyped-def]

    gives.__annotations__ = {"return": kind}
    interface = Interface.from_function(gives)
    with use_store(open_store(tmp_path)):
        serialized = asyncio.run(interface.prepare_outputs(value)).serialized
        (uri,) = references_of(serialized)
        changed = bytearray(Path(uri).read_bytes())
        changed[100] ^= 1
        Path(uri).write_bytes(changed)
        with pytest.raises(StorageError, match="is damaged"):
            asyncio.run(interface.read_outputs(serialized))
