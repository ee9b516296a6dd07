"""Hashes that users choose for their values."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .._public import public


@public
class HashFunction:
    """Annotation that says what tells two values apart: ``Annotated[pd.DataFrame, HashFunction.from_fn(f)]``.

    Specification: *DataFrames*.
    """

    def __init__(self, function: Callable[[Any], str]) -> None:
        self._function = function

    @classmethod
    def from_fn(cls, function: Callable[[Any], str]) -> HashFunction:
        """Use `function`, which gives a text for a value."""
        return cls(function)

    def hash(self, value: Any) -> str:
        """The text that stands for `value` in cache keys."""
        return str(self._function(value))
