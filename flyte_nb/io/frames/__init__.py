"""Frames: how they are stored, read, checked and handed on. Imported when the first frame type is met."""

from __future__ import annotations

from .converter import frame_converter as frame_converter
from .converter import untyped_frame as untyped_frame

__all__ = ["frame_converter", "untyped_frame"]
