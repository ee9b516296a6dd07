"""Data frame types: recognised here without importing their libraries, converted in `io`, which is above this room."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from .converter import Converter

FRAME_TYPES = {
    ("pandas", "DataFrame"): "pandas",
    ("polars", "DataFrame"): "polars",
    ("polars", "LazyFrame"): "polars-lazy",
    ("pyarrow", "Table"): "arrow",
    ("dask", "DataFrame"): "dask",
}


class FrameConversion(Protocol):
    """What `io` gives this room."""

    def frame_converter(self, python_type: Any) -> Converter | None:
        """The converter of a type that somebody registered encoders or decoders for, or that is built in."""

    def untyped_frame(self, uri: str, form: str) -> Any:
        """The frame at an address, as pandas."""


_load: Callable[[], FrameConversion] | None = None


def convert_frames_with(load: Callable[[], FrameConversion]) -> None:
    """Have frames converted by what `load` gives; it is asked when the first frame type is met."""
    global _load
    _load = load


def frame_conversion() -> FrameConversion:
    """What converts frames."""
    assert _load is not None, "flyte_nb says who converts frames when it is imported"
    return _load()


_registered: set[type] = set()


def register_frame_type(python_type: type) -> None:
    """Treat a type, and what derives from it, as one of frames."""
    from .registered import note_registration

    _registered.add(python_type)
    note_registration()


def frame_converter(python_type: Any) -> Converter | None:
    """The converter of a data frame type, None for others."""
    is_frame = library_of(python_type) is not None or not _registered.isdisjoint(getattr(python_type, "__mro__", ()))
    return frame_conversion().frame_converter(python_type) if is_frame else None


def library_of(python_type: Any) -> str | None:
    """Which library a frame type is of, None if it is none that is built in; imports nothing."""
    for kind in getattr(python_type, "__mro__", ()):
        library = FRAME_TYPES.get((kind.__module__.partition(".")[0], kind.__qualname__))
        if library is not None:
            return library
    return None
