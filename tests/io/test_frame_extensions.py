"""Frames of other types and in other formats: encoders, decoders and renderers of `flyte_nb.io.extend`."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Annotated, Any

import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.feather
import pytest
from flyteidl2.core.literals_pb2 import StructuredDataset, StructuredDatasetMetadata
from flyteidl2.core.types_pb2 import StructuredDatasetType

import flyte_nb as flyte
from flyte_nb.errors import RuntimeDataValidationError
from flyte_nb.io import DataFrame, File
from flyte_nb.io.extend import DataFrameDecoder, DataFrameEncoder, DataFrameTransformerEngine
from flyte_nb.io.frames.parquet import read
from flyte_nb.types import TypeEngine
from flyte_nb.types.html import render_html


class Rows(list[dict[str, Any]]):
    """A frame of somebody's own: a list of rows."""


class JsonEncoder(DataFrameEncoder[Rows]):
    async def encode(self, dataframe: DataFrame, structured_dataset_type: StructuredDatasetType) -> StructuredDataset:
        wanted = [column.name for column in structured_dataset_type.columns]
        file: File[Any] = File.new_remote("rows.json")
        async with file.open("wb") as stream:
            rows = [{key: row[key] for key in wanted or row} for row in dataframe.val]
            await stream.write(json.dumps(rows).encode())
        return StructuredDataset(uri=file.path)


class JsonDecoder(DataFrameDecoder[Rows]):
    async def decode(
        self, flyte_value: StructuredDataset, current_task_metadata: StructuredDatasetMetadata
    ) -> Rows | AsyncIterator[Rows]:
        async with File.from_existing_remote(flyte_value.uri).open("rb") as stream:
            return Rows(json.loads(await stream.read()))


class FromParquet(DataFrameDecoder[Rows]):
    async def decode(
        self, flyte_value: StructuredDataset, current_task_metadata: StructuredDatasetMetadata
    ) -> Rows | AsyncIterator[Rows]:
        return Rows(read(flyte_value.uri).to_pylist())


class FeatherEncoder(DataFrameEncoder[pa.Table]):
    async def encode(self, dataframe: DataFrame, structured_dataset_type: StructuredDatasetType) -> StructuredDataset:
        file: File[Any] = File.new_remote("frame.feather")
        with file.open_sync("wb") as stream:
            pyarrow.feather.write_feather(dataframe.val, stream)
        return StructuredDataset(uri=file.path)


class FeatherDecoder(DataFrameDecoder[pa.Table]):
    async def decode(
        self, flyte_value: StructuredDataset, current_task_metadata: StructuredDatasetMetadata
    ) -> pa.Table | AsyncIterator[pa.Table]:
        return pyarrow.feather.read_table(flyte_value.uri)


DataFrameTransformerEngine.register(JsonEncoder(Rows, supported_format="json"), default_for_type=True)
DataFrameTransformerEngine.register(JsonDecoder(Rows, supported_format="json"))
DataFrameTransformerEngine.register(FromParquet(Rows, supported_format="parquet"))
DataFrameTransformerEngine.register(FeatherEncoder(pa.Table, supported_format="feather"))
DataFrameTransformerEngine.register(FeatherDecoder(pa.Table, supported_format="feather"))

env = flyte.TaskEnvironment("extensions")


@env.task
async def rows() -> Rows:
    return Rows([{"a": 1}, {"a": 2}])


@env.task
async def total(found: Rows) -> int:
    return sum(row["a"] for row in found)


@env.task
async def polars_frame() -> pl.DataFrame:
    return pl.DataFrame({"a": [3, 4]})


@env.task
async def feather() -> Annotated[pa.Table, "feather"]:
    return pa.table({"a": [5, 6]})


@env.task
async def pandas_total(frame: pd.DataFrame) -> int:
    return int(frame["a"].sum())


def test_frames_of_a_registered_type_travel_in_its_format() -> None:
    @env.task
    async def main() -> tuple[int, bool]:
        made = await rows()
        return await total(made), isinstance(made, Rows)

    run = flyte.run(main)
    assert tuple(run.outputs()) == (3, True)
    assert TypeEngine.to_literal_type(Rows).structured_dataset_type.format == "json"


def test_a_decoder_of_parquet_reads_what_any_library_wrote() -> None:
    @env.task
    async def main() -> int:
        return await total(await polars_frame())

    assert flyte.run(main).outputs()[0] == 7


def test_another_format_is_read_by_all_libraries_through_arrow() -> None:
    @env.task
    async def main() -> tuple[int, str]:
        reference = await keep(await feather())
        return await pandas_total(reference), reference.format

    @env.task
    async def keep(frame: pa.Table) -> Annotated[DataFrame, "feather"]:
        return DataFrame.from_df(frame)

    assert tuple(flyte.run(main).outputs()) == (11, "feather")


def test_who_cannot_read_a_format_says_so() -> None:
    @env.task
    async def main() -> int:
        return await pandas_total(await keep())

    @env.task
    async def keep() -> DataFrame:
        return DataFrame.from_df(Rows([{"a": 1}]))

    with pytest.raises(RuntimeDataValidationError, match="in the format 'json', which nobody reads as pandas"):
        flyte.run(main).outputs()


def test_a_second_handler_replaces_the_first_only_when_asked() -> None:
    with pytest.raises(ValueError, match="is registered already.*override=True"):
        DataFrameTransformerEngine.register(JsonDecoder(Rows, supported_format="json"))
    DataFrameTransformerEngine.register(JsonDecoder(Rows, supported_format="json"), override=True)
    with pytest.raises(TypeError, match="forget to call the class"):
        DataFrameTransformerEngine.register(JsonDecoder)  # type: ignore[arg-type]


def test_handlers_of_this_package_are_registered_like_any_other() -> None:
    with pytest.raises(ValueError, match="TableEncoder of DataFrame, parquet, any address> is registered already"):
        DataFrameTransformerEngine.register(
            JsonEncoder(pl.DataFrame, supported_format="parquet")  # type: ignore[arg-type]
        )


def test_a_handler_may_be_for_one_kind_of_address(near: Path) -> None:
    class ForMemory(DataFrameDecoder[Rows]):
        async def decode(
            self, flyte_value: StructuredDataset, current_task_metadata: StructuredDatasetMetadata
        ) -> Rows | AsyncIterator[Rows]:
            return Rows([{"from": flyte_value.uri}])

    DataFrameTransformerEngine.register(ForMemory(Rows, protocol="memory", supported_format="json"), override=True)
    found = DataFrame.from_existing_remote("memory://somewhere", format="json").open(Rows).all_sync()
    assert found == [{"from": "memory://somewhere"}]


def test_a_renderer_draws_frames_in_reports() -> None:
    class Counted:
        def to_html(self, value: Any) -> str:
            return f"<p>{len(value)} rows</p>"

    DataFrameTransformerEngine.register_renderer(Rows, Counted())
    assert render_html(Rows([{}, {}])) == "<p>2 rows</p>"
    assert TypeEngine.to_html(Rows([{}]), Rows) == "<p>1 rows</p>"
