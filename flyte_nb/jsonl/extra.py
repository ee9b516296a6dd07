"""The libraries that only JSONL needs, imported when it is used."""

from __future__ import annotations

from importlib import import_module
from typing import Any


def orjson() -> Any:
    """The module that reads and writes JSON."""
    return _imported("orjson", "Reading and writing JSONL")


def zstandard() -> Any:
    """The module that compresses."""
    return _imported("zstandard", "A file that ends in .zst or .zstd")


def pyarrow() -> Any:
    """The module of Arrow batches."""
    return _imported("pyarrow", "Reading Arrow batches", install="pyarrow")


def is_compressed(address: str) -> bool:
    """Whether the ending of an address says zstd."""
    return address.lower().endswith((".zst", ".zstd"))


def _imported(name: str, what: str, install: str = "flyte-nb[jsonl]") -> Any:
    try:
        return import_module(name)
    except ImportError as error:
        raise ModuleNotFoundError(
            f'{what} needs the package {name}, which is not installed: pip install "{install}".', name=name
        ) from error
