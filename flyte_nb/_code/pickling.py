"""Code by value, for another process: cloudpickle's way, but with the names of files."""

from __future__ import annotations

import io
import types
from collections import ChainMap
from typing import Any, ClassVar

import cloudpickle


def pickled(value: Any) -> bytes:
    """`value` as cloudpickle pickles it; its code keeps its files, so that tracebacks elsewhere name them."""
    buffer = io.BytesIO()
    _Pickler(buffer).dump(value)
    return buffer.getvalue()


def _with_file(code: types.CodeType) -> tuple[Any, tuple[Any, ...]]:
    make, parts = cloudpickle.Pickler.dispatch_table[types.CodeType](code)
    return make, tuple(code.co_filename if type(part) is str and part == _NO_FILE else part for part in parts)


_NO_FILE = "<dynamic-code>"


class _Pickler(cloudpickle.Pickler):  # type: ignore[misc]
    dispatch_table: ClassVar[Any] = ChainMap({types.CodeType: _with_file}, cloudpickle.Pickler.dispatch_table)
