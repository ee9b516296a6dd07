"""Values as HTML."""

from __future__ import annotations

from typing import Any

import pandas as pd
import plotly.graph_objects as go
import polars as pl
import pyarrow as pa
import pytest

from flyte_nb.types import TypeEngine
from flyte_nb.types.html import render_html


def test_a_plotly_figure_is_drawn_without_the_network() -> None:
    drawn = render_html(go.Figure(go.Scatter(y=[1, 2])))
    assert "Plotly.newPlot" in drawn
    assert '<script src="http' not in drawn


def test_a_matplotlib_figure_is_a_picture() -> None:
    pytest.importorskip("matplotlib")
    from matplotlib.figure import Figure

    figure = Figure()
    figure.subplots().plot([1, 2])
    assert render_html(figure).startswith('<img alt="figure" src="data:image/png;base64,iVBOR')


@pytest.mark.parametrize(
    "frame", [pd.DataFrame({"a": ["<b>"]}), pl.DataFrame({"a": ["<b>"]}), pa.table({"a": ["<b>"]})]
)
def test_frames_are_tables_and_their_cells_are_escaped(frame: Any) -> None:
    drawn = render_html(frame)
    assert "<table" in drawn
    assert "&lt;b&gt;" in drawn
    assert TypeEngine.to_html(frame, type(frame)) == drawn


def test_an_object_draws_itself() -> None:
    class Drawn:
        def _repr_html_(self) -> str:
            return "<i>me</i>"

    assert render_html(Drawn()) == "<i>me</i>"


def test_anything_else_is_escaped_text() -> None:
    class Nothing:
        def _repr_html_(self) -> None: ...

        def __repr__(self) -> str:
            return "<script>"

    class Failing(Nothing):
        def _repr_html_(self) -> Any:
            raise RuntimeError("cannot")

    class Mute:
        def __repr__(self) -> str:
            raise RuntimeError("no words")

    for value in (Nothing(), Failing(), ["<script>"]):
        assert "&lt;script&gt;" in render_html(value)
        assert "<script>" not in render_html(value)
    assert "Mute" in render_html(Mute())
    assert render_html(Nothing).startswith("<pre>&lt;class")


def test_text_is_html_already() -> None:
    assert render_html("<b>bold</b>") == "<b>bold</b>"
