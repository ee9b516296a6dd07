"""Categories of pandas that are no texts. Parquet keeps their values alone, so what they were is noted beside it."""

from __future__ import annotations

import base64
import json
from typing import Any

import numpy
import pandas
import pyarrow
import pyarrow.types as kinds

_KEY = b"flyte_nb.categories"


def columns_of_frame(table: pyarrow.Table) -> list[str]:
    """Names in a table of what are the columns of its frame, in their order; the others are its index."""
    described = table.schema.pandas_metadata or {}
    index = {name for name in described.get("index_columns", []) if isinstance(name, str)}
    return [name for name in table.column_names if name not in index]


def with_storable_categories(frame: pandas.DataFrame) -> pandas.DataFrame:
    """`frame`, with the text of intervals where those are its categories, as `pandas.cut` makes them."""
    texts: dict[int, Any] = {}
    for place, kind in enumerate(frame.dtypes):
        if isinstance(kind, pandas.CategoricalDtype) and isinstance(kind.categories.dtype, pandas.IntervalDtype):
            texts[place] = frame.iloc[:, place].cat.rename_categories(list(map(str, kind.categories)))
    if texts:
        frame = frame.copy(deep=False)
        for place, column in texts.items():
            frame.isetitem(place, column)
    return frame


def noting_categories(table: pyarrow.Table, frame: pandas.DataFrame) -> pyarrow.Table:
    """The table of a frame, with its categories that are no texts noted in the metadata."""
    noted = {}
    for name, kind in zip(columns_of_frame(table), frame.dtypes, strict=True):
        if isinstance(kind, pandas.CategoricalDtype):
            values = pyarrow.array(kind.categories, from_pandas=True)
            if not (kinds.is_string(values.type) or kinds.is_large_string(values.type) or kinds.is_null(values.type)):
                noted[name] = {"values": _as_text(values), "ordered": bool(kind.ordered)}
    if not noted:
        return table
    return table.replace_schema_metadata({**(table.schema.metadata or {}), _KEY: json.dumps(noted).encode()})


def with_noted_categories(frame: pandas.DataFrame, table: pyarrow.Table, places: dict[str, int]) -> pandas.DataFrame:
    """`frame`, made of `table`, with the categories that are noted there."""
    noted: dict[str, Any] = json.loads((table.schema.metadata or {}).get(_KEY, b"{}"))
    for name, described in noted.items():
        if name in places:
            categories = pandas.Index(_from_text(described["values"]).to_pandas()).rename(None)
            codes = _codes(frame.iloc[:, places[name]], categories)
            kind = pandas.CategoricalDtype(categories, described["ordered"])
            frame.isetitem(places[name], pandas.Categorical.from_codes(codes, dtype=kind))
    return frame


def _codes(column: Any, categories: Any) -> Any:
    if isinstance(categories.dtype, pandas.IntervalDtype):
        return categories.astype(str).get_indexer(numpy.asarray(column, dtype=object))
    return categories.get_indexer(column)


def _as_text(values: pyarrow.Array) -> str:
    sink = pyarrow.BufferOutputStream()
    batch = pyarrow.record_batch([values], ["values"])
    with pyarrow.ipc.new_stream(sink, batch.schema) as writer:
        writer.write_batch(batch)
    return base64.b64encode(sink.getvalue()).decode()


def _from_text(text: str) -> pyarrow.Array:
    return pyarrow.ipc.open_stream(base64.b64decode(text)).read_all().column("values")
