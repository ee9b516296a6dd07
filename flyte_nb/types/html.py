"""Values as HTML, for reports. Foreign libraries are recognised by their objects and never imported first."""

from __future__ import annotations

import base64
import html
import io
from typing import Any, Protocol, runtime_checkable

from .registered import Carried, carry_also

MAX_CELL_CHARACTERS = 10_000
MAX_ROWS = 60


@runtime_checkable
class Renderable(Protocol):
    """Turns values into HTML.

    Specification: *DataFrames*.
    """

    def to_html(self, value: Any) -> str:
        """HTML that shows `value`."""


_renderers: dict[type, Renderable] = {}


def register_renderer(python_type: type, renderer: Renderable) -> None:
    """Show values of a type, and of what derives from it, by ``renderer.to_html(value)``."""
    _renderers[python_type] = renderer


def _carried() -> Carried:
    named = [f"The renderer of {kind!r}, a {type(renderer).__qualname__}" for kind, renderer in _renderers.items()]
    return Carried(_take, list(_renderers.items()), named)


def _take(renderers: list[tuple[type, Renderable]]) -> None:
    _renderers.update(renderers)


carry_also(_carried)


def render_html(value: Any) -> str:
    """HTML that shows `value`.

    Text is HTML already. Plotly and Matplotlib figures become pictures, data frames tables; an object with
    `_repr_html_` draws itself; anything else is shown as escaped text. A renderer registered for the type comes first.
    """
    for kind in type(value).__mro__ if _renderers else ():
        if kind in _renderers:
            return _renderers[kind].to_html(value)
    if isinstance(value, str):
        return value
    module = type(value).__module__.partition(".")[0]
    if module == "plotly" and hasattr(value, "to_html"):
        return str(value.to_html(full_html=False, include_plotlyjs="inline"))
    if module == "matplotlib" and hasattr(value, "savefig"):
        return _picture_of(value)
    if module == "pyarrow" and hasattr(value, "to_pandas"):
        value = value.slice(0, MAX_ROWS).to_pandas()
    drawn = _drawn_by_itself(value)
    if drawn is not None:
        return drawn
    return f"<pre>{html.escape(_text_of(value)[:MAX_CELL_CHARACTERS])}</pre>"


def _text_of(value: Any) -> str:
    try:
        return repr(value)
    except Exception:
        return f"<{type(value).__qualname__}>"


def _drawn_by_itself(value: Any) -> str | None:
    method = getattr(value, "_repr_html_", None)
    if not callable(method) or isinstance(value, type):
        return None
    try:
        drawn = method()
    except Exception:
        return None
    return drawn if isinstance(drawn, str) else None


def _picture_of(figure: Any) -> str:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", bbox_inches="tight")
    encoded = base64.b64encode(buffer.getvalue()).decode()
    return f'<img alt="figure" src="data:image/png;base64,{encoded}">'
