"""Frames that cannot be read: the error names the object and the place in it."""

from __future__ import annotations

import asyncio
import os
from collections import OrderedDict
from pathlib import Path
from typing import Annotated, Any

import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import flyte_nb as flyte
from flyte_nb.errors import StorageError
from flyte_nb.io import DataFrame
from flyte_nb.io.frames.at_hand import frames_at_hand
from flyte_nb.storage import Store

TABLE = pa.table({"n": list(range(1000)), "text": [f"some text {n}" for n in range(1000)]})
EAGER = [pd.DataFrame, pl.DataFrame, pa.Table]
ALL = [*EAGER, pl.LazyFrame]


@pytest.fixture
def stored(near: Path) -> DataFrame:
    frame = DataFrame.from_local_sync(TABLE)
    frames_at_hand.clear()
    return frame


def flip(path: Path, position: int) -> None:
    data = bytearray(path.read_bytes())
    data[position] ^= 0x10
    path.write_bytes(data)


@pytest.mark.parametrize("kind", ALL)
@pytest.mark.parametrize("share", [0.1, 0.5, 0.999])
def test_a_flipped_bit_in_a_stored_frame_is_noticed(stored: DataFrame, kind: type, share: float) -> None:
    path = Path(stored.uri or "")
    flip(path, int(path.stat().st_size * share))
    with pytest.raises(StorageError, match=f"{path} is damaged: expected"):
        stored.open(kind).all_sync()


@pytest.mark.parametrize("kind", ALL)
def test_a_stored_frame_that_was_cut_is_noticed(stored: DataFrame, kind: type) -> None:
    path = Path(stored.uri or "")
    os.truncate(path, path.stat().st_size // 2)
    with pytest.raises(StorageError, match=f"{path} is damaged"):
        stored.open(kind).all_sync()


def test_a_large_frame_that_was_damaged_is_noticed_before_the_first_batch(
    stored: DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("flyte_nb.io.frames.sources.VERIFIED_WHOLE_UP_TO", 0)
    flip(Path(stored.uri or ""), Path(stored.uri or "").stat().st_size // 2)

    async def first() -> None:
        async for batch in stored.open(pa.Table).iter(100):
            raise AssertionError(batch)

    with pytest.raises(StorageError, match=f"{stored.uri} is damaged: expected"):
        asyncio.run(first())


@pytest.mark.parametrize("kind", ALL)
def test_a_frame_of_somebody_elses_that_was_cut_is_named(files: Path, kind: type) -> None:
    pq.write_table(TABLE, files / "data.parquet")
    os.truncate(files / "data.parquet", 2000)
    with pytest.raises(StorageError, match=r"data.parquet cannot be read as Parquet.*[Mm]agic bytes"):
        DataFrame.from_existing_remote(files / "data.parquet").open(kind).all_sync()


@pytest.mark.parametrize("kind", EAGER)
def test_the_row_group_and_the_column_of_a_damage_are_named(files: Path, kind: type) -> None:
    path = files / "data.parquet"
    pq.write_table(TABLE, path, row_group_size=500, write_page_checksum=True, use_dictionary=False)
    where = pq.ParquetFile(path).metadata.row_group(1).column(1)
    flip(path, where.data_page_offset + where.total_compressed_size // 2)
    with pytest.raises(StorageError, match=r"data.parquet cannot be read as Parquet \(row group 1, column 'text'\)"):
        DataFrame.from_existing_remote(path).open(kind).all_sync()


@pytest.mark.parametrize("kind", ALL)
def test_what_is_not_there_is_named(files: Path, kind: type) -> None:
    with pytest.raises(FileNotFoundError, match="nothing.parquet': there is nothing at that address"):
        DataFrame.from_existing_remote(files / "nothing.parquet").open(kind).all_sync()


@pytest.mark.parametrize("content", [b"", b"not Parquet at all, but long enough to look"])
@pytest.mark.parametrize("kind", ALL)
def test_what_is_no_parquet_is_named(files: Path, kind: type, content: bytes) -> None:
    (files / "data.parquet").write_bytes(content)
    with pytest.raises(StorageError, match=r"data.parquet cannot be read as Parquet"):
        DataFrame.from_existing_remote(files / "data.parquet").open(kind).all_sync()


@pytest.mark.parametrize("kind", EAGER)
def test_a_csv_row_with_too_few_cells_is_named(files: Path, kind: type) -> None:
    (files / "rows.csv").write_text("a,b\n" + "1,2\n" * 5 + "3\n" + "4,5\n")
    with pytest.raises(StorageError, match=r"rows.csv cannot be read as CSV:.*Row #7: Expected 2 columns, got 1: 3"):
        DataFrame.from_existing_remote(files / "rows.csv").open(kind).all_sync()


@pytest.mark.parametrize("kind", ALL)
def test_a_csv_cell_that_is_not_what_is_declared_is_named(files: Path, kind: Any) -> None:
    (files / "rows.csv").write_text("a,b\n1,x\n2,y\nmany,z\n")
    frame = DataFrame.from_existing_remote(files / "rows.csv")
    with pytest.raises(StorageError, match="rows.csv cannot be read as CSV.*column.*Row #4.*int64.*'many'"):
        frame.open(Annotated[kind, OrderedDict(a=int)]).all_sync()


def test_csv_is_read_as_what_is_declared(files: Path) -> None:
    (files / "rows.csv").write_text('zip,x\n01234,1\n,2\n"",3\n')
    found = DataFrame.from_existing_remote(files / "rows.csv").open(
        Annotated[pl.DataFrame, OrderedDict(zip=str, x=float)]
    )
    assert found.all_sync().to_dict(as_series=False) == {"zip": ["01234", None, ""], "x": [1.0, 2.0, 3.0]}


def test_damage_in_any_store_fails_the_task_that_reads(store: Store) -> None:
    if store.root.startswith("memory:"):
        pytest.skip("the same way as S3")
    env = flyte.TaskEnvironment("frames")

    @env.task
    async def gives() -> DataFrame:
        return DataFrame.from_df(TABLE)

    run = flyte.with_runcontext(raw_data_path=store.root).run(gives)
    run.wait()
    import fsspec

    system, root = fsspec.core.url_to_fs(store.root)
    (path,) = [path for path in system.find(root) if path.endswith(".parquet")]
    data = bytearray(system.cat_file(path))
    data[100] ^= 1
    system.pipe_file(path, bytes(data))
    frames_at_hand.clear()
    with pytest.raises(StorageError, match=r"\.parquet is damaged"):
        run.outputs()[0].open(pl.DataFrame).all_sync()
