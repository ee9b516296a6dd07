"""Values of structures whose classes are elsewhere."""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Mapping
from typing import Any


class Record(dict[str, Any]):
    """A structure that a deployed task gave: its fields are attributes, and it is a dictionary of them.

    Examples
    --------
    >>> analysis = await analyze_data(data_path="s3://bucket/data.parquet")
    >>> analysis.mean_value == analysis["mean_value"]
    True

    Specification: *Remote tasks*.
    """

    def __getattribute__(self, name: str) -> Any:
        """A field, also one that is called as a method of dictionaries is."""
        if not name.startswith("__") and dict.__contains__(self, name):
            return dict.__getitem__(self, name)
        try:
            return super().__getattribute__(name)
        except AttributeError:
            fields = ", ".join(map(repr, dict.keys(self))) or "none"
            raise AttributeError(f"There is no field {name!r}; there is {fields}.", name=name, obj=self) from None

    def __setattr__(self, name: str, value: Any) -> None:
        self[name] = value

    def __reduce__(self) -> Any:
        return Record, (dict(self),)

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *(name for name in dict.keys(self) if isinstance(name, str))]

    def __repr__(self) -> str:
        return f"Record({', '.join(f'{name}={value!r}' for name, value in dict.items(self))})"


class Opaque:
    """A value of a deployed task that only its own code can load; it may be handed on to another task of that code.

    Attributes
    ----------
    serialized : bytes
        The literal.
    """

    def __init__(self, serialized: bytes, type_text: str) -> None:
        self.serialized = serialized
        self._type_text = type_text

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Opaque) and other.serialized == self.serialized

    def __hash__(self) -> int:
        return hash(self.serialized)

    def __repr__(self) -> str:
        return f"<a {self._type_text} of a deployed task>"


def as_record(value: Any) -> Any:
    """`value` with dictionaries of names as records, at any depth."""
    if isinstance(value, dict):
        inner = {key: as_record(item) for key, item in value.items()}
        return Record(inner) if all(isinstance(key, str) for key in inner) else inner
    if type(value) in (list, tuple):
        return type(value)(map(as_record, value))
    return value


def as_builtin(value: Any) -> Any:
    """`value` with structures of any kind as dictionaries, at any depth."""
    if hasattr(value, "model_dump") and not isinstance(value, type):
        return as_builtin(value.model_dump())
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: as_builtin(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {key: as_builtin(item) for key, item in dict(value).items()}
    if isinstance(value, enum.Enum):
        return value.value
    if type(value) in (list, tuple, set, frozenset):
        return type(value)(map(as_builtin, value))
    if isinstance(value, tuple):
        return tuple(map(as_builtin, value))
    return value
