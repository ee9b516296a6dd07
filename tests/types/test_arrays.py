"""Arrays of NumPy, and arrays and frames inside other values."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from numpy.typing import NDArray

from flyte_nb.errors import RuntimeDataValidationError, StorageError
from flyte_nb.storage import open_store, use_store
from flyte_nb.types import HashFunction
from flyte_nb.types.interface import Interface
from flyte_nb.types.references import references_of

ThereAndBack = Callable[[Any, Any], tuple[Any, Any]]


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
    with pytest.raises(RuntimeDataValidationError, match="The result of task 'rooms.takes'.*numpy.ndarray.*[Oo]bject"):
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


@pytest.mark.parametrize("kind", [np.ndarray, Any])
def test_a_changed_file_behind_a_value_is_noticed_on_reading(tmp_path: Path, kind: Any) -> None:
    value = np.arange(9_000)

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
