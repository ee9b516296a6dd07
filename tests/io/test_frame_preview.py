"""Previews: schema, first rows and size of stored frames, without loading them."""

from __future__ import annotations

from pathlib import Path

import fsspec
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from fsspec.implementations.memory import MemoryFileSystem

from flyte_nb.errors import StorageError
from flyte_nb.io import DataFrame
from flyte_nb.storage import Store


@pytest.mark.parametrize(("form", "rows"), [("parquet", 1000), ("csv", -1)])
def test_a_preview_has_columns_first_rows_and_size(store: Store, form: str, rows: int) -> None:
    frame = DataFrame.from_local_sync(pl.DataFrame({"n": range(1000), "text": ["<b>", None] * 500}), format=form)
    preview = frame.preview(3)
    assert [name for name, _ in preview.columns] == ["n", "text"] and preview.columns[0][1] == "int64"
    assert preview.rows == [["0", "<b>"], ["1", ""], ["2", "<b>"]]
    assert preview.row_count == rows and preview.size_bytes > 100
    size = f"{preview.size_bytes} bytes" if form == "parquet" else f"{preview.size_bytes / 1000:.1f} kB"
    assert f"2 columns, {size} of {form}" in repr(preview)
    assert "&lt;b&gt;" in preview._repr_html_() and "<b>" not in preview._repr_html_()


def test_a_preview_begins_with_the_index_and_has_no_more_digits_than_a_first_look_needs(near: Path) -> None:
    numbers = [25171.579999999998, 0.1 + 0.2, 2.5]
    frame = pd.DataFrame({"price": numbers}, index=pd.Index(["a", "b", "c"], name="station"))
    preview = DataFrame.from_local_sync(frame).preview()
    assert [name for name, _ in preview.columns] == ["station", "price"]
    assert preview.rows == [["a", "25171.58"], ["b", "0.3"], ["c", "2.5"]]


def test_a_frame_without_rows_has_a_preview(near: Path) -> None:
    preview = DataFrame.from_local_sync(pl.DataFrame(schema={"a": pl.Int8})).preview()
    assert (preview.columns, preview.rows, preview.row_count) == ([("a", "int8")], [], 0)


def test_a_preview_reads_a_small_part_of_the_file(near: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sink = pa.BufferOutputStream()
    numbers = np.random.default_rng(1).normal(size=(4, 500_000))
    pq.write_table(pa.table({f"c{index}": column for index, column in enumerate(numbers)}), sink, use_dictionary=False)
    address = "memory://previews/large.parquet"
    content = sink.getvalue().to_pybytes()
    fsspec.filesystem("memory").pipe_file(address, content)
    read = []

    class Counted:
        def __init__(self, inner: object) -> None:
            self._inner = inner

        def read(self, *size: int) -> bytes:
            data: bytes = self._inner.read(*size)  # type: ignore[attr-defined]
            read.append(len(data))
            return data

        def __getattr__(self, name: str) -> object:
            return getattr(self._inner, name)

        def __enter__(self) -> Counted:
            return self

        def __exit__(self, *raised: object) -> None:
            self._inner.close()  # type: ignore[attr-defined]

    opened = MemoryFileSystem.open
    monkeypatch.setattr(MemoryFileSystem, "open", lambda *args, **more: Counted(opened(*args, **more)))
    assert DataFrame.from_existing_remote(address).preview().row_count == 500_000
    assert 0 < sum(read) < len(content) / 10


def test_what_cannot_be_previewed_says_why(near: Path, files: Path) -> None:
    with pytest.raises(ValueError, match="only in memory: look at frame.val"):
        DataFrame.from_df(pl.DataFrame({"a": [1]})).preview()
    with pytest.raises(ValueError, match="no previews of the format 'xlsx'"):
        DataFrame.from_existing_remote(files / "x", format="xlsx").preview()
    (files / "x.parquet").write_bytes(b"nothing of that kind, and long enough")
    with pytest.raises(StorageError, match="x.parquet cannot be read as Parquet"):
        DataFrame.from_existing_remote(files / "x.parquet").preview()
