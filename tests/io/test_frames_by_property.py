"""Round trips of any frame that Hypothesis thinks of, and that handing one on gives what reading it gives."""

from __future__ import annotations

import asyncio
import datetime
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.pandas import column, data_frames, range_indexes
from polars.testing import assert_frame_equal
from polars.testing.parametric import dataframes

from flyte_nb.io.frames.at_hand import frames_at_hand
from flyte_nb.storage import open_store, use_store
from flyte_nb.types.interface import Interface

many = settings(max_examples=60, suppress_health_check=list(HealthCheck))


@pytest.fixture(scope="module", autouse=True)
def store() -> Iterator[None]:
    with TemporaryDirectory() as folder, use_store(open_store(Path(folder))):
        yield


def interface_of(kind: Any) -> Interface:
    def gives(): ...  # type: ignore[no-untyped-def]

    gives.__annotations__ = {"return": kind}
    return Interface.from_function(gives)


def passed(given: Any, wanted: Any, value: Any) -> tuple[Any, Any]:
    """A frame as a task gets it that asks for `wanted`: handed on, and read by another process."""

    async def both() -> tuple[Any, Any]:
        serialized = (await interface_of(given).prepare_outputs(value)).serialized
        handed_on = await interface_of(wanted).read_outputs(serialized)
        frames_at_hand.clear()
        return handed_on, await interface_of(wanted).read_outputs(serialized)

    return asyncio.run(both())


polars_frames = dataframes(
    max_cols=4,
    max_size=6,
    allow_null=True,
    excluded_dtypes=[pl.Object, pl.Int128, pl.UInt128],
)


@many
@given(polars_frames)
def test_any_polars_frame_comes_back_eager_and_lazy(frame: pl.DataFrame) -> None:
    for came in passed(pl.DataFrame, pl.DataFrame, frame):
        assert_frame_equal(came, frame)
    for came in passed(pl.LazyFrame, pl.LazyFrame, frame.lazy()):
        assert_frame_equal(came.collect(), frame)


@many
@given(polars_frames)
def test_a_polars_frame_becomes_the_same_arrow_table_handed_on_or_read(frame: pl.DataFrame) -> None:
    handed_on, read = passed(pl.DataFrame, pa.Table, frame)
    assert handed_on.schema.equals(read.schema)
    assert repr(handed_on.to_pylist()) == repr(read.to_pylist())  # where a number that is none equals itself


pandas_frames = data_frames(
    columns=[
        column("n", dtype="int64"),
        column("x", dtype="float64"),
        column("yes", dtype="bool"),
        column(
            "when",
            elements=st.datetimes(datetime.datetime(1900, 1, 1), datetime.datetime(2200, 1, 1)),
            dtype="datetime64[us]",
        ),
        column("text", elements=st.one_of(st.none(), st.text(st.characters(codec="utf-8"))), dtype="object"),
    ],
    index=range_indexes(max_size=6),
)


@many
@given(pandas_frames)
def test_any_pandas_frame_comes_back_as_the_same_handed_on_or_read(frame: pd.DataFrame) -> None:
    frame["kind"] = frame["text"].astype("category")
    frame["there"] = frame["when"].dt.tz_localize("UTC").dt.tz_convert("Asia/Tokyo")
    frame["text"] = frame["text"].astype("str")
    for came in passed(pd.DataFrame, pd.DataFrame, frame):
        pd.testing.assert_frame_equal(came, frame, check_categorical=frame["kind"].notna().any())


@many
@given(pandas_frames)
def test_a_pandas_frame_becomes_the_same_polars_frame_handed_on_or_read(frame: pd.DataFrame) -> None:
    frame["text"] = frame["text"].astype("str")
    handed_on, read = passed(pd.DataFrame, pl.DataFrame, frame.iloc[::-1])
    assert_frame_equal(handed_on, read)
    assert handed_on["n"].to_list() == frame["n"].tolist()[::-1]
