"""`DataFrame`: a frame of any library by reference."""

from __future__ import annotations

import asyncio
import threading
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pydantic
import pytest

import flyte_nb as flyte
from flyte_nb.errors import RuntimeDataValidationError
from flyte_nb.io import DataFrame
from flyte_nb.storage import Store
from flyte_nb.types import TypeTransformerFailedError

TABLE = pa.table({"n": list(range(10)), "text": [f"t{n}" for n in range(10)]})


def test_a_frame_in_memory_is_stored_when_a_task_returns_it() -> None:
    env = flyte.TaskEnvironment("frames")

    @env.task
    async def make() -> Annotated[DataFrame, "parquet"]:
        frame = DataFrame.wrap_df(pd.DataFrame({"a": [1, 2]}))
        assert (frame.uri, type(frame.val)) == (None, pd.DataFrame)
        return frame

    @env.task
    async def read(frame: DataFrame) -> list[int]:
        assert frame.val is None and frame.format == "parquet"
        return (await frame.open(pl.DataFrame).all())["a"].to_list()

    @env.task
    async def main() -> list[int]:
        return await read(await make())

    assert flyte.run(main).outputs()[0] == [1, 2]


def test_called_directly_a_task_gives_a_frame_that_opens() -> None:
    frame = DataFrame.from_df(pl.DataFrame({"a": [1, 2]}))
    assert frame.open(pd.DataFrame).all_sync()["a"].tolist() == [1, 2]
    chosen = frame.open(Annotated[pa.Table, OrderedDict(a=int)]).all_sync()
    assert chosen.to_pydict() == {"a": [1, 2]}
    with pytest.raises(
        TypeTransformerFailedError, match=r"no column 'b', which is declared as int. It has a \(int64\)"
    ):
        frame.open(Annotated[pa.Table, OrderedDict(b=int)]).all_sync()


def test_a_frame_is_stored_at_once_by_from_local(store: Store) -> None:
    async def use() -> None:
        frame = await DataFrame.from_local(TABLE)
        assert (frame.uri or "").startswith(store.root) and frame.format == "parquet" and frame.hash
        assert (await frame.open(pl.DataFrame).all())["n"].to_list() == list(range(10))
        as_csv = await DataFrame.from_local(TABLE, format="csv", columns=OrderedDict(text=str))
        assert (await as_csv.open(pa.Table).all()).column_names == ["text"]

    asyncio.run(use())
    assert DataFrame.from_local_sync(TABLE).open(pa.Table).all_sync().num_rows == 10


def test_a_file_is_stored_by_from_local(store: Store, files: Path) -> None:
    pq.write_table(TABLE, files / "some data.parquet")
    (files / "rows.csv").write_text("a,b\n1,x\n")
    frame = DataFrame.from_local_sync(files / "some data.parquet")
    (files / "some data.parquet").unlink()
    assert frame.open(pa.Table).all_sync().equals(TABLE)
    rows = DataFrame.from_local_sync(files / "rows.csv")
    assert (rows.format, rows.open(pa.Table).all_sync().to_pydict()) == ("csv", {"a": [1], "b": ["x"]})


def test_data_that_is_there_already_is_referred_to(files: Path, near: Path) -> None:
    pq.write_table(TABLE, files / "data [1].pq")
    (files / "parts").mkdir()
    pq.write_table(TABLE.slice(0, 5), files / "parts" / "0.parquet")
    pq.write_table(TABLE.slice(5), files / "parts" / "1.parquet")
    for name in ("data [1].pq", "parts"):
        frame = DataFrame.from_existing_remote(files / name)
        assert frame.open(pa.Table).all_sync().sort_by("n").equals(TABLE)
        scanned = frame.open(pl.LazyFrame).all_sync().filter(pl.col("n") > 7).collect()
        assert sorted(scanned["n"].to_list()) == [8, 9]
        assert frame.open(pd.DataFrame).all_sync()["n"].sum() == 45


def test_a_task_takes_what_is_there_already(files: Path) -> None:
    pq.write_table(TABLE, files / "data.parquet")
    env = flyte.TaskEnvironment("frames")

    @env.task
    async def count(frame: pd.DataFrame) -> int:
        return len(frame)

    assert flyte.run(count, DataFrame.from_existing_remote(files / "data.parquet")).outputs()[0] == 10


@pytest.mark.parametrize("kind", [pd.DataFrame, pl.DataFrame, pl.LazyFrame, pa.Table])
@pytest.mark.parametrize("form", ["parquet", "csv"])
def test_a_frame_is_iterated_in_batches(store: Store, kind: type, form: str) -> None:
    async def batches() -> list[int]:
        frame = await DataFrame.from_local(TABLE, format=form)
        found = []
        async for part in frame.open(kind).iter(batch_rows=4):
            assert isinstance(part, kind)
            rows = part.collect() if isinstance(part, pl.LazyFrame) else part
            assert (list(rows["text"]) if kind is not pa.Table else rows["text"].to_pylist())[0].startswith("t")
            found.append(len(rows))
        return found

    assert asyncio.run(batches()) == [4, 4, 2]


def test_all_sync_works_where_a_loop_runs_and_in_a_sync_task() -> None:
    env = flyte.TaskEnvironment("frames")

    @env.task
    def total(frame: DataFrame) -> int:
        assert threading.current_thread() is not threading.main_thread()
        return int(frame.open(pd.DataFrame).all_sync()["n"].sum())

    @env.task
    async def main(frame: DataFrame) -> tuple[int, int]:
        return total(frame), int(frame.open(pl.DataFrame).all_sync()["n"].sum())

    assert tuple(flyte.run(main, DataFrame.from_df(TABLE)).outputs()) == (45, 45)


def test_columns_of_a_reference_are_checked() -> None:
    env = flyte.TaskEnvironment("frames")

    @env.task
    async def take(frame: Annotated[DataFrame, OrderedDict(n=str)]) -> int:
        return 0

    with pytest.raises(RuntimeDataValidationError, match="'frame' of task 'frames.take'.*'n' of type int64.*str"):
        flyte.run(take, DataFrame.from_df(TABLE))
    with pytest.raises(RuntimeDataValidationError, match=r"The frame at .*parquet has a column 'n' of type int64"):
        flyte.run(take, DataFrame.from_local_sync(TABLE))


def test_a_reference_in_another_format_than_declared_is_converted() -> None:
    env = flyte.TaskEnvironment("frames")

    @env.task
    async def take(frame: Annotated[DataFrame, "csv"]) -> str:
        return frame.format

    assert flyte.run(take, DataFrame.from_local_sync(TABLE)).outputs()[0] == "csv"


@dataclass
class Split:
    train: DataFrame
    share: float


class Model(pydantic.BaseModel):
    splits: list[Split]


def test_references_travel_inside_structures() -> None:
    env = flyte.TaskEnvironment("frames")

    @env.task
    async def split() -> Model:
        return Model(splits=[Split(await DataFrame.from_local(TABLE), 0.5)])

    @env.task
    async def main() -> int:
        found = await split()
        return len(await found.splits[0].train.open(pl.DataFrame).all())

    run = flyte.run(main)
    assert run.outputs()[0] == 10


def test_a_frame_in_memory_inside_a_structure_says_what_to_do() -> None:
    env = flyte.TaskEnvironment("frames")

    @env.task
    async def split() -> Split:
        return Split(DataFrame.from_df(TABLE), 0.5)

    with pytest.raises(RuntimeDataValidationError, match="must be stored first: await DataFrame.from_local"):
        flyte.run(split).outputs()


def test_wrong_uses_say_what_is_expected(near: Path) -> None:
    with pytest.raises(TypeError, match="list is no type of frames: expected pandas.DataFrame, polars"):
        DataFrame.from_df([1])
    frame = DataFrame.from_df(TABLE)
    with pytest.raises(TypeError, match="str is no type of frames"):
        frame.open(str)
    with pytest.raises(ValueError, match="only in memory: store it first"):
        asyncio.run(anext(frame.open(pa.Table).iter()))
    with pytest.raises(ValueError, match="batch_rows must be at least 1, got 0"):
        asyncio.run(anext(frame.open(pa.Table).iter(batch_rows=0)))
    with pytest.raises(ValueError, match="refers to nothing"):
        DataFrame().open(pa.Table).all_sync()

    async def forgets_all() -> Any:
        return await frame.open(pa.Table)  # type: ignore[misc]

    with pytest.raises(TypeError, match=r"await frame.open\(type\).all\(\)"):
        asyncio.run(forgets_all())


def test_a_reference_that_is_used_as_its_frame_says_how_it_is_read() -> None:
    frame: Any = DataFrame.from_df(pd.DataFrame({"a": [1]}))
    with pytest.raises(
        AttributeError, match=r"no attribute 'head'\. A flyte_nb\.io\.DataFrame is a reference: `await fr"
    ):
        frame.head()
    with pytest.raises(TypeError, match=r"not subscriptable\. A flyte_nb\.io\.DataFrame is a reference"):
        frame["a"]
    with pytest.raises(AttributeError, match=r"no attribute 'opn' \(did you mean 'open'\?\)$"):
        frame.opn(pd.DataFrame)
