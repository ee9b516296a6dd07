"""How frames of other types, and in other formats, become known: encoders, decoders, renderers.

Specification: *Custom types*, *DataFrames*.
"""

from __future__ import annotations

from .frames.handlers import DataFrameDecoder as DataFrameDecoder
from .frames.handlers import DataFrameEncoder as DataFrameEncoder
from .frames.registry import DataFrameTransformerEngine as DataFrameTransformerEngine

__all__ = ["DataFrameDecoder", "DataFrameEncoder", "DataFrameTransformerEngine"]
