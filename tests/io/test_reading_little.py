"""Of a file far away little comes where little is asked for."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pytest

from flyte_nb.io import DataFrame, File
from flyte_nb.storage import Store

from .faulty import FaultyProxy

SIZE = 12 * 2**20


@pytest.fixture
def file(proxy: FaultyProxy, far: Store, files: Path) -> File[Any]:
    (files / "large").write_bytes(os.urandom(SIZE))
    stored = File.from_local_sync(files / "large")
    proxy.answers.clear()
    return stored


def test_ten_bytes_are_not_the_rest_of_the_file(file: File[Any], proxy: FaultyProxy, files: Path) -> None:
    with file.open_sync() as stream:
        for position in (SIZE // 2, 17, SIZE - 10):
            stream.seek(position)
            assert stream.read(10) == (files / "large").read_bytes()[position : position + 10]
    assert sum(proxy.answers) < SIZE / 20


def test_whoever_reads_on_is_sent_more_at_a_time(file: File[Any], proxy: FaultyProxy, files: Path) -> None:
    with file.open_sync() as stream:
        pieces = list(iter(lambda: stream.read(50_000), b""))
    assert b"".join(pieces) == (files / "large").read_bytes()
    assert len(proxy.answers) < 12
    assert sum(proxy.answers) == SIZE


@pytest.mark.parametrize(
    "look",
    [
        lambda frame: frame.open(pl.LazyFrame).all_sync().select(pl.col("c3").sum()).collect(),
        lambda frame: frame.open(pl.LazyFrame).all_sync().select("c3").head(3).collect(),
        lambda frame: frame.preview(),
    ],
    ids=["a column", "rows of a column", "a preview"],
)
def test_what_a_query_leaves_out_does_not_come(
    proxy: FaultyProxy, far: Store, look: Callable[[DataFrame], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("flyte_nb.io.frames.sources.VERIFIED_WHOLE_UP_TO", 0)  # as if it were large
    numbers = np.random.default_rng(1).normal(size=(4, 700_000))
    table = pa.table({f"c{index}": column for index, column in enumerate(numbers)})
    frame = DataFrame.from_local_sync(table)
    proxy.answers.clear()
    look(frame)
    assert 0 < sum(proxy.answers) < table.nbytes / 3
