"""Frames of every library: what a task returns is what the next one gets, whatever library that asks for."""

from __future__ import annotations

import asyncio
import datetime
import decimal
import re
import subprocess
import sys
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import dask.dataframe as dd
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from polars.testing import assert_frame_equal

import flyte_nb as flyte
from flyte_nb.errors import RuntimeDataValidationError
from flyte_nb.io import DataFrame, HashFunction
from flyte_nb.io.frames import sources
from flyte_nb.io.frames.at_hand import frames_at_hand
from flyte_nb.io.frames.hints import FrameHints
from flyte_nb.io.frames.tables import converted
from flyte_nb.storage import Store, open_store, use_store

ThereAndBack = Callable[[Any, Any], tuple[Any, Any]]

NATIVE = [pd.DataFrame, pl.DataFrame, pl.LazyFrame, pa.Table, dd.DataFrame]

PANDAS = {
    "plain": pd.DataFrame({"a": [1, 2], "b": ["x", None], "c": [0.5, float("nan")]}),
    "index": pd.DataFrame({"a": [1, 2]}, index=pd.Index(["p", "q"], name="key")),
    "several indexes": pd.DataFrame({"a": [1, 2]}, index=pd.MultiIndex.from_tuples([(1, "x"), (2, "y")])),
    "categorical": pd.DataFrame({"a": pd.Categorical(["x", "y", "x"], categories=["y", "x", "z"], ordered=True)}),
    "categories of numbers": pd.DataFrame({"a": pd.Categorical([3, 1, None], categories=[2, 3, 1], ordered=True)}),
    "intervals": pd.DataFrame(
        {"a": pd.cut([1, 2, 9], 3), "b": pd.cut([1, float("nan"), 9], [0, 5, 10])}, index=[5, 6, 7]
    ),
    "zones": pd.DataFrame({"t": pd.to_datetime(["2024-01-01", "2024-07-01"]).tz_localize("Europe/Berlin")}),
    "no rows": pd.DataFrame({"a": pd.Series([], dtype="int64"), "b": pd.Series([], dtype="datetime64[ns]")}),
    "nothing": pd.DataFrame(),
    "dates": pd.DataFrame({"d": [datetime.date(2024, 1, 1), None]}),
    "decimals": pd.DataFrame({"d": [decimal.Decimal("1.10"), None]}),
    "nulls": pd.DataFrame({"a": pd.array([1, None], dtype="Int64"), "b": pd.array([True, None], dtype="boolean")}),
    "durations": pd.DataFrame({"d": pd.to_timedelta(["1s", None])}),
}
POLARS = {
    "plain": pl.DataFrame({"a": [1, None], "b": ["x", "ü"]}),
    "categorical": pl.DataFrame({"a": ["x", "y"]}, schema={"a": pl.Categorical}),
    "enum": pl.DataFrame({"a": ["x", "y"]}, schema={"a": pl.Enum(["y", "x"])}),
    "zones": pl.DataFrame({"t": [datetime.datetime(2024, 1, 1)]}).with_columns(
        pl.col("t").dt.replace_time_zone("Asia/Tokyo")
    ),
    "nested": pl.DataFrame({"l": [[1, 2], []], "s": [{"x": 1, "y": ["a"]}, {"x": 2, "y": []}]}),
    "no rows": pl.DataFrame(schema={"a": pl.Int8, "b": pl.List(pl.String), "c": pl.Enum(["y", "x"])}),
    "nothing": pl.DataFrame(),
    "decimals": pl.DataFrame({"d": [decimal.Decimal("1.10"), None]}, schema={"d": pl.Decimal(20, 2)}),
    "moments": pl.DataFrame(
        {"t": [datetime.time(1, 2)], "d": [datetime.timedelta(1)], "day": [datetime.date(2024, 1, 1)]}
    ),
    "only nulls": pl.DataFrame({"a": [None, None]}),
    "arrays": pl.DataFrame({"a": [[1, 2], [3, 4]]}, schema={"a": pl.Array(pl.Int16, 2)}),
}


def columns_of(frame: Any) -> dict[str, list[Any]]:
    """Any frame as plain lists."""
    if isinstance(frame, dd.DataFrame):
        frame = frame.compute()
    if isinstance(frame, pl.LazyFrame):
        frame = frame.collect()
    if isinstance(frame, pd.DataFrame):
        return frame.to_dict("list")
    return frame.to_pydict() if isinstance(frame, pa.Table) else frame.to_dict(as_series=False)


def as_native(kind: type, table: pa.Table) -> Any:
    return converted(table, kind, FrameHints())


@pytest.mark.parametrize("name", PANDAS)
def test_pandas_frames_come_back(there_and_back: ThereAndBack, name: str) -> None:
    for came in there_and_back(pd.DataFrame, PANDAS[name]):
        pd.testing.assert_frame_equal(came, PANDAS[name])


@pytest.mark.parametrize("kind", [pa.Table, pl.DataFrame])
def test_whole_numbers_beside_missing_ones_in_lists_and_structures_stay_whole_in_pandas(near: Path, kind: type) -> None:
    large = 2**53 + 1  # no floating number is that
    lists, structures = [[large, None], None], [{"x": large, "l": [None, large]}, None]
    table = pa.table(
        {"l": lists, "s": structures, "m": pa.array([[("k", None), ("n", large)], None], pa.map_("str", "i8"))}
    )
    table = table.drop_columns("m") if kind is pl.DataFrame else table
    frame = asyncio.run(DataFrame.from_local(as_native(kind, table)))
    for _ in range(2):
        found = frame.open(pd.DataFrame).all_sync()
        assert list(found["l"][0]) == lists[0]
        assert found["s"][0]["x"] == large
        assert list(found["s"][0]["l"]) == [None, large]
        assert kind is pl.DataFrame or found["m"][0] == [("k", None), ("n", large)]
        frames_at_hand.clear()


@pytest.mark.parametrize("rows", [1, 300_000])
@pytest.mark.parametrize("kind", [pd.DataFrame, pl.DataFrame, pl.LazyFrame, pa.Table])
def test_a_column_may_have_an_empty_name(there_and_back: ThereAndBack, kind: type, rows: int) -> None:
    for came in there_and_back(kind, as_native(kind, pa.table({"": range(rows), "b": range(rows)}))):
        assert list(columns_of(came)) == ["", "b"]


@pytest.mark.parametrize("name", POLARS)
def test_polars_frames_come_back(there_and_back: ThereAndBack, name: str) -> None:
    for came in there_and_back(pl.DataFrame, POLARS[name]):
        assert_frame_equal(came, POLARS[name])
    for came in there_and_back(pl.LazyFrame, POLARS[name].lazy()):
        assert isinstance(came, pl.LazyFrame)
        assert_frame_equal(came.collect(), POLARS[name])


@pytest.mark.parametrize(
    "table",
    [
        pa.table({"a": [1, 2], "l": [[1], []], "s": [{"x": 1}, None]}),
        pa.table({"d": pa.array(["x", None, "x"]).dictionary_encode()}),
        pa.table({"t": pa.array([1, None], pa.timestamp("ms", "Asia/Tokyo"))}),
        pa.table({"d": pa.array([decimal.Decimal("1.1")], pa.decimal128(30, 5))}),
        pa.table({"m": pa.array([[("k", 1)]], pa.map_(pa.string(), pa.int32()))}),
        pa.table({"a": pa.array([], pa.int8())}),
        pa.table({}),
    ],
    ids=lambda table: str(table.schema.types),
)
def test_arrow_tables_come_back(there_and_back: ThereAndBack, table: pa.Table) -> None:
    for came in there_and_back(pa.Table, table):
        assert came.equals(table)


def test_dask_frames_come_back_row_group_by_row_group(there_and_back: ThereAndBack) -> None:
    value = pd.DataFrame({"a": range(10), "b": [None] * 5 + list("vwxyz")})
    frame = dd.from_pandas(value, npartitions=3)
    for came in there_and_back(dd.DataFrame, frame):
        assert came.npartitions == 3
        pd.testing.assert_frame_equal(came.compute().reset_index(drop=True), frame.compute())


@pytest.mark.parametrize("given", NATIVE, ids=lambda kind: kind.__module__.partition(".")[0] + kind.__name__)
@pytest.mark.parametrize("wanted", NATIVE, ids=lambda kind: kind.__module__.partition(".")[0] + kind.__name__)
def test_every_pair_of_libraries_converts(given: type, wanted: type) -> None:
    table = pa.table({"n": [1, 2, 3], "x": [0.5, 1.5, 2.5], "text": ["a", "ü", ""]})
    env = flyte.TaskEnvironment("pairs")

    async def gives() -> Any:
        return as_native(given, table)

    async def takes(frame: Any) -> bool:
        assert isinstance(frame, wanted)
        return columns_of(frame) == table.to_pydict()

    async def main(reference: flyte.io.DataFrame) -> tuple[bool, bool, bool]:
        made = await give()
        assert isinstance(made, given)
        return await take(made), await take(reference), await take(flyte.io.DataFrame.from_df(made))

    gives.__annotations__ = {"return": given}
    takes.__annotations__ = {"frame": wanted, "return": bool}
    give, take = env.task(gives), env.task(takes)
    reference = flyte.io.DataFrame.from_df(as_native(given, table))
    assert tuple(flyte.run(env.task(main), reference).outputs()) == (True, True, True)


def test_where_neither_end_is_pandas_it_is_not_imported(tmp_path: Path) -> None:
    program = """
import sys

import polars as pl
import pyarrow as pa

class NoPandas:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "pandas":
            raise ImportError("pandas is not wanted here")

sys.meta_path.insert(0, NoPandas())
import flyte_nb as flyte

env = flyte.TaskEnvironment("rooms")

@env.task
async def gives() -> pl.DataFrame:
    return pl.DataFrame({"a": [1, 2], "b": ["x", None]})

@env.task
async def turns(frame: pa.Table) -> flyte.io.DataFrame:
    return flyte.io.DataFrame.from_df(frame)

@env.task
async def adds(frame: pl.LazyFrame) -> pa.Table:
    return frame.select(pl.col("a").sum()).collect().to_arrow()

@env.task
async def main() -> pl.DataFrame:
    return await adds(await turns(await gives()))

flyte.init(home=sys.argv[1])
print(flyte.run(main).outputs()[0].to_dicts())
"""
    done = subprocess.run([sys.executable, "-c", program, str(tmp_path)], capture_output=True, text=True, timeout=60)
    assert done.stdout.splitlines()[-1:] == ["[{'a': 3}]"], done.stderr


def test_polars_gets_a_pandas_frame_without_its_nameless_index(there_and_back: ThereAndBack) -> None:
    value = pd.DataFrame({"a": [1, 2, 3]}).iloc[[2, 0]]
    for kind in (pl.DataFrame, pl.LazyFrame):
        for came in there_and_back(kind, value):
            assert list(columns_of(came)) == ["a"]
        for came in there_and_back(kind, PANDAS["index"]):
            assert sorted(columns_of(came)) == ["a", "key"]
    for came in there_and_back(pd.DataFrame, value):
        assert came.index.tolist() == [2, 0]


def test_a_lazy_frame_is_computed_once(there_and_back: ThereAndBack) -> None:
    computed = []

    def note(frame: pl.DataFrame) -> pl.DataFrame:
        computed.append(1)
        return frame

    lazy = pl.LazyFrame({"a": [1]}).map_batches(note)
    handed_on, _ = there_and_back(pl.LazyFrame, lazy)
    handed_on.collect()
    assert computed == [1]


def test_filters_and_columns_of_a_lazy_frame_reach_the_file(there_and_back: ThereAndBack) -> None:
    for came in there_and_back(pl.LazyFrame, pl.LazyFrame({"a": [1, 2], "b": ["x", "y"], "c": [0.5, 1.5]})):
        query = came.filter(pl.col("a") > 1).select("b")
        plan = query.explain()
        assert "Parquet SCAN" in plan
        assert "PROJECT 2/3 COLUMNS" in plan
        assert re.search(r'SELECTION: .*col\("a"\)', plan)
        assert query.collect()["b"].to_list() == ["y"]


@pytest.mark.parametrize(
    "column",
    [
        pl.Series("odd", [object()], dtype=pl.Object),
        pl.Series("odd", [2**100], dtype=pl.Int128),
        pl.Series("odd", [[2**100]], dtype=pl.List(pl.Int128)),
        pl.Series("odd", [{"x": 2**100}], dtype=pl.Struct({"x": pl.Int128})),
    ],
    ids=lambda column: str(column.dtype),
)
@pytest.mark.parametrize("kind", [pl.DataFrame, pl.LazyFrame])
def test_a_polars_column_that_nobody_could_read_is_refused_by_name(
    there_and_back: ThereAndBack, kind: type, column: pl.Series
) -> None:
    frame = pl.DataFrame([pl.Series("a", [1]), column])
    with pytest.raises(RuntimeDataValidationError, match="task 'rooms.gives'.*'odd' is .* cannot be stored"):
        there_and_back(kind, frame if kind is pl.DataFrame else frame.lazy())


def test_what_polars_cannot_hold_is_an_error_that_names_the_columns(near: Path) -> None:
    table = pa.table({"a": pa.array([decimal.Decimal("1.1")], pa.decimal256(50, 2))})
    frame = asyncio.run(DataFrame.from_local(table))
    with pytest.raises(TypeError, match=r"polars cannot hold .* a \(decimal256\(50, 2\)\)"):
        frame.open(pl.DataFrame).all_sync()


@pytest.mark.parametrize("cells", [[1, "x", object()], [2**70], [1j]], ids=str)
def test_a_frame_that_parquet_cannot_hold_is_refused_by_name(there_and_back: ThereAndBack, cells: list[Any]) -> None:
    with pytest.raises(RuntimeDataValidationError, match="task 'rooms.gives'.*'odd' of type .* cannot be stored"):
        there_and_back(pd.DataFrame, pd.DataFrame({"a": range(len(cells)), "odd": cells}))


def test_what_is_no_frame_is_refused(there_and_back: ThereAndBack) -> None:
    with pytest.raises(RuntimeDataValidationError) as caught:
        there_and_back(pd.DataFrame, [1])
    assert str(caught.value).endswith(
        "Expected pandas.DataFrame, got list: [1]. Make a frame of it: pandas.DataFrame(...)."
    )


def test_the_path_of_a_frame_is_refused_with_what_makes_a_frame_of_it(there_and_back: ThereAndBack) -> None:
    with pytest.raises(RuntimeDataValidationError) as caught:
        there_and_back(pl.DataFrame, "flights.parquet")
    assert str(caught.value).endswith(
        "Expected polars.DataFrame, got str: 'flights.parquet'. Of the path of a file,"
        " flyte_nb.io.DataFrame.from_existing_remote(path) is a frame, and so is what its library reads."
    )


def digest_of(kind: Any, value: Any) -> bytes:
    from flyte_nb.types.interface import Interface

    def gives(): ...  # type: ignore[no-untyped-def]

    gives.__annotations__ = {"return": kind}
    return asyncio.run(Interface.from_function(gives).prepare_outputs(value)).digest


@pytest.mark.parametrize("kind", [pd.DataFrame, pl.DataFrame, pl.LazyFrame, pa.Table, dd.DataFrame])
def test_the_same_frame_has_the_same_digest(near: Path, kind: type) -> None:
    one, same, other = (as_native(kind, pa.table({"a": numbers})) for numbers in ([1], [1], [2]))
    assert digest_of(kind, one) == digest_of(kind, same) != digest_of(kind, other)


def by_length(value: Any) -> str:
    return str(len(value))


def test_a_hash_function_decides_what_tells_frames_apart(near: Path) -> None:
    hashed = Annotated[pd.DataFrame, HashFunction.from_fn(by_length)]
    one, other, longer = (pd.DataFrame({"a": numbers}) for numbers in ([1], [2], [1, 2]))
    assert digest_of(hashed, one) == digest_of(hashed, other) != digest_of(hashed, longer)


def test_a_declared_format_is_that_of_the_file(store: Store) -> None:
    env = flyte.TaskEnvironment("formats")

    @env.task
    async def as_csv() -> Annotated[pd.DataFrame, "csv"]:
        return pd.DataFrame({"a": [1, 2], "b": ["x", 'y "quoted", with comma']})

    @env.task
    async def reads(frame: pl.DataFrame) -> Annotated[flyte.io.DataFrame, "csv"]:
        return flyte.io.DataFrame.from_df(frame)

    @env.task
    async def main() -> tuple[flyte.io.DataFrame, dict[str, list[Any]]]:
        frame = await reads(await as_csv())
        return frame, columns_of(await frame.open(pa.Table).all())

    frame, columns = flyte.with_runcontext(raw_data_path=store.root).run(main).outputs()
    assert (frame.format, frame.uri[-4:], frame.uri.startswith(store.root)) == ("csv", ".csv", True)
    assert columns == {"a": [1, 2], "b": ["x", 'y "quoted", with comma']}


@pytest.mark.parametrize("kind", [pd.DataFrame, pl.DataFrame, pl.LazyFrame, pa.Table, dd.DataFrame])
def test_csv_is_written_and_read_by_every_library(there_and_back: ThereAndBack, kind: Any) -> None:
    table = pa.table({"a": [1, 2], "b": ["x", "y"], "c": [0.5, 1.5]})
    for came in there_and_back(Annotated[kind, "csv"], as_native(kind, table)):
        assert columns_of(came) == table.to_pydict()


def test_what_csv_cannot_hold_is_named(there_and_back: ThereAndBack) -> None:
    with pytest.raises(RuntimeDataValidationError, match="Column 'l' is .*list<.*>, which CSV cannot hold.*parquet"):
        there_and_back(Annotated[pl.DataFrame, "csv"], pl.DataFrame({"a": [1], "l": [[1]]}))


def test_a_format_that_nobody_knows_is_named_with_those_that_are(there_and_back: ThereAndBack) -> None:
    with pytest.raises(RuntimeDataValidationError, match="cannot be stored in the format 'xlsx'.*csv, parquet"):
        there_and_back(Annotated[pl.DataFrame, "xlsx"], pl.DataFrame({"a": [1]}))


DECLARED = OrderedDict(n=int, text=str)


@pytest.mark.parametrize("kind", NATIVE, ids=lambda kind: kind.__module__.partition(".")[0] + kind.__name__)
@pytest.mark.parametrize("form", ["parquet", "csv"])
def test_declared_columns_are_read_alone_and_in_their_order(there_and_back: ThereAndBack, kind: Any, form: str) -> None:
    frame = as_native(kind, pa.table({"text": ["a"], "other": [0.5], "n": [1]}))
    for came in there_and_back(Annotated[kind, DECLARED, form], frame):
        assert columns_of(came) == {"n": [1], "text": ["a"]}
        assert list(columns_of(came)) == ["n", "text"]


@pytest.mark.parametrize("kind", NATIVE, ids=lambda kind: kind.__module__.partition(".")[0] + kind.__name__)
def test_a_missing_column_is_named_with_what_was_found(there_and_back: ThereAndBack, kind: Any) -> None:
    with pytest.raises(
        RuntimeDataValidationError,
        match=r"The result of task 'rooms.gives'.*no column 'text', which is declared as str. It has n \(int64\)",
    ):
        there_and_back(Annotated[kind, DECLARED], as_native(kind, pa.table({"n": [1]})))


@pytest.mark.parametrize("kind", NATIVE, ids=lambda kind: kind.__module__.partition(".")[0] + kind.__name__)
def test_a_column_of_another_type_is_named_with_what_was_found(there_and_back: ThereAndBack, kind: Any) -> None:
    with pytest.raises(RuntimeDataValidationError, match=r"column 'n' of type double, which is declared as int"):
        there_and_back(Annotated[kind, DECLARED], as_native(kind, pa.table({"n": [0.5], "text": ["a"]})))


@pytest.mark.parametrize(
    ("declared", "fits", "does_not"),
    [
        (pa.int32(), pa.array([1], pa.int32()), pa.array([1])),
        (pl.Int32, pa.array([1], pa.int32()), pa.array([1])),
        ("float32", pa.array([1], pa.float32()), pa.array([1.0])),
        (bool, pa.array([True]), pa.array([1])),
        (datetime.datetime, pa.array([1], pa.timestamp("us")), pa.array([1], pa.date32())),
        (list[int], pa.array([[1]]), pa.array([1])),
        (decimal.Decimal, pa.array([decimal.Decimal("1.1")]), pa.array([1.1])),
        (str, pa.array(["x"]).dictionary_encode(), pa.array([b"x"])),
    ],
    ids=str,
)
def test_columns_are_declared_in_types_of_python_arrow_polars_and_numpy(
    there_and_back: ThereAndBack, declared: Any, fits: pa.Array, does_not: pa.Array
) -> None:
    kind = Annotated[pa.Table, OrderedDict(x=declared)]
    for came in there_and_back(kind, pa.table({"x": fits})):
        assert came["x"].to_pylist() == fits.to_pylist()
    with pytest.raises(RuntimeDataValidationError, match="column 'x' of type"):
        there_and_back(kind, pa.table({"x": does_not}))


def test_what_cannot_be_the_type_of_a_column_is_said(there_and_back: ThereAndBack) -> None:
    with pytest.raises(RuntimeDataValidationError, match="'nonsense' cannot be the type of a column"):
        there_and_back(Annotated[pa.Table, OrderedDict(x="nonsense")], pa.table({"x": [1]}))


def test_frames_travel_through_any_store(store: Store) -> None:
    env = flyte.TaskEnvironment("stores")

    @env.task
    async def gives() -> pd.DataFrame:
        return pd.DataFrame({"a": [1, 2, 3], "when": pd.to_datetime(["2024-01-01"] * 3).tz_localize("UTC")})

    @env.task
    async def scans(frame: pl.LazyFrame) -> pl.LazyFrame:
        return frame.filter(pl.col("a") > 1)

    @env.task
    async def parts(frame: dd.DataFrame) -> pa.Table:
        return pa.Table.from_pandas(frame.compute(), preserve_index=False)

    @env.task
    async def main() -> list[int]:
        table = await parts(await scans(await gives()))
        return table["a"].to_pylist()

    run = flyte.with_runcontext(raw_data_path=store.root).run(main)
    assert run.outputs()[0] == [2, 3]


@pytest.mark.parametrize(
    "content,address,codec",
    [
        (np.arange(200_000) / 7, "{folder}", "UNCOMPRESSED"),
        (np.arange(200_000) / 7, "memory://codec/{folder}", "SNAPPY"),
        ([f"a text, number {n}" for n in range(100_000)], "{folder}", "SNAPPY"),
    ],
    ids=["numbers-near", "numbers-far", "texts-near"],
)
def test_a_large_frame_is_compressed_where_that_pays(tmp_path: Path, content: Any, address: str, codec: str) -> None:
    store = open_store(address.format(folder=tmp_path / "store"))
    with use_store(store):
        stored = DataFrame.from_local_sync(pl.DataFrame({"a": content}))
        with sources.in_parts(stored.uri or "") as file:
            assert pq.ParquetFile(file).metadata.row_group(0).column(0).compression == codec
        frames_at_hand.clear()
        assert stored.open(pl.DataFrame).all_sync()["a"].to_list() == list(content)


def test_whole_numbers_are_stored_by_their_differences(near: Path, there_and_back: ThereAndBack) -> None:
    count = 100_000
    ends = [-(2**63), 2**63 - 1, 0, -1]
    frame = pl.DataFrame(
        {
            "n": np.arange(count) + 2**40,
            "ends": ends * (count // 4),
            "small": pl.Series(ends * (count // 4)).clip(-(2**31), 2**31 - 1).cast(pl.Int32),
            "large": pl.Series([2**64 - 1, 0, 2**63, 1] * (count // 4), dtype=pl.UInt64),
            "at": [datetime.datetime(2024, 1, 1), None] * (count // 2),
        }
    )
    for came in there_and_back(pl.DataFrame, frame):
        assert came.equals(frame)
    (file,) = near.rglob("*.parquet")
    group = pq.ParquetFile(file).metadata.row_group(0)
    assert "DELTA_BINARY_PACKED" in group.column(0).encodings
    assert group.column(0).total_compressed_size < count
    assert pl.read_parquet(file).equals(frame)


def test_a_stored_file_is_plain_parquet(near: Path, there_and_back: ThereAndBack) -> None:
    there_and_back(pd.DataFrame, pd.DataFrame({"a": [1]}))
    (file,) = near.rglob("*.parquet")
    assert pq.read_table(file).to_pydict() == {"a": [1]}
