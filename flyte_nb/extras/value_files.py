"""A value as the content of a file that a tool outside Python reads or writes."""

from __future__ import annotations

import datetime
import json
from collections.abc import Callable
from typing import Any, Literal, Protocol

from .moments import duration_from, seconds_text

MetadataFormat = Literal["JSON", "YAML", "PROTO"]
FORMATS = ("JSON", "YAML", "PROTO")


class ValueFile(Protocol):
    """How values of one type are written and read.

    `read` raises a `ValueError` that says what is wrong with the content.
    """

    def plain(self, value: Any) -> Any:
        """What stands for the value in JSON."""

    def write(self, value: Any) -> bytes:
        """The content of its file."""

    def read(self, content: bytes) -> Any:
        """The value in a file."""


def value_file_for(python_type: Any, metadata_format: str) -> ValueFile:
    """How values of `python_type` travel through files.

    Raises
    ------
    TypeError
        If nobody but Python could read them.
    """
    if python_type in _TEXTS:
        return TextFile(*_TEXTS[python_type])
    adapter = _adapter(python_type)
    if _is_written_as_text(adapter):
        return TextFile(lambda value: str(adapter.dump_python(value, mode="json")), adapter.validate_python)
    if metadata_format == "PROTO":
        return LiteralFile(python_type, adapter)
    return JsonFile(adapter) if metadata_format == "JSON" else YamlFile(adapter)


class TextFile:
    """Values that are one text."""

    def __init__(self, to_text: Callable[[Any], str], from_text: Callable[[str], Any]) -> None:
        self._to_text = to_text
        self._from_text = from_text

    def plain(self, value: Any) -> Any:
        """See `ValueFile`."""
        return value if isinstance(value, (bool, int, float, str)) else self._to_text(value)

    def write(self, value: Any) -> bytes:
        """See `ValueFile`."""
        return self._to_text(value).encode()

    def read(self, content: bytes) -> Any:
        """See `ValueFile`. One line end at the end is the tool's, not the value's."""
        return self._from_text(content.decode().removesuffix("\n").removesuffix("\r"))


class JsonFile:
    """Structures as JSON."""

    def __init__(self, adapter: Any) -> None:
        self._adapter = adapter

    def plain(self, value: Any) -> Any:
        """See `ValueFile`."""
        return self._adapter.dump_python(value, mode="json")

    def write(self, value: Any) -> bytes:
        """See `ValueFile`."""
        return json.dumps(self.plain(value), ensure_ascii=False).encode()

    def read(self, content: bytes) -> Any:
        """See `ValueFile`."""
        return self._adapter.validate_json(content)


class YamlFile(JsonFile):
    """Structures as YAML."""

    def write(self, value: Any) -> bytes:
        """See `ValueFile`."""
        return yaml_text(self.plain(value))

    def read(self, content: bytes) -> Any:
        """See `ValueFile`."""
        import yaml

        try:
            return self._adapter.validate_python(yaml.safe_load(content))
        except yaml.YAMLError as error:
            raise ValueError(f"it is no YAML: {error}") from error


class LiteralFile(JsonFile):
    """Structures as a serialized ``flyteidl2.core.Literal``."""

    def __init__(self, python_type: Any, adapter: Any) -> None:
        super().__init__(adapter)
        self._python_type = python_type

    def write(self, value: Any) -> bytes:
        """See `ValueFile`."""
        return bytes(literal_of(value, self._python_type).SerializeToString(deterministic=True))

    def read(self, content: bytes) -> Any:
        """See `ValueFile`."""
        import asyncio

        from google.protobuf.message import DecodeError

        from ..types.messages import Literal as LiteralMessage
        from ..types.registry import converter_for

        try:
            literal = LiteralMessage.FromString(content)
        except DecodeError as error:
            raise ValueError(f"it is no serialized literal: {error}") from error
        return asyncio.run(converter_for(self._python_type).read_async(literal))


def literal_of(value: Any, python_type: Any) -> Any:
    """The literal of a value; for a thread without a running loop."""
    import asyncio

    from ..types.messages import Literal as LiteralMessage
    from ..types.registry import converter_for

    literal = LiteralMessage()
    asyncio.run(converter_for(python_type).fill_async(literal, value))
    return literal


def yaml_text(plain: Any) -> bytes:
    """Plain values as YAML."""
    import yaml

    return bytes(yaml.safe_dump(plain, allow_unicode=True, sort_keys=False, encoding="utf-8"))


def _adapter(python_type: Any) -> Any:
    from pydantic import PydanticSchemaGenerationError, PydanticUserError, TypeAdapter

    try:
        return TypeAdapter(python_type)
    except (PydanticSchemaGenerationError, PydanticUserError) as error:
        raise TypeError(str(error).partition("\n")[0]) from error


def _is_written_as_text(adapter: Any) -> bool:
    from pydantic.errors import PydanticInvalidForJsonSchema

    try:
        return bool(adapter.json_schema().get("type") == "string")
    except PydanticInvalidForJsonSchema:
        return False


def _truth_from(text: str) -> bool:
    word = text.strip().lower()
    if word in ("true", "1", "t"):
        return True
    if word in ("false", "0", "f"):
        return False
    raise ValueError("it is neither true nor false")


_TEXTS: dict[Any, tuple[Callable[[Any], str], Callable[[str], Any]]] = {
    str: (str, str),
    int: (lambda value: str(int(value)), lambda text: int(text.strip())),
    float: (lambda value: repr(float(value)), lambda text: float(text.strip())),
    bool: (lambda value: "true" if value else "false", _truth_from),
    datetime.datetime: (
        lambda value: str(value.isoformat()),
        lambda text: datetime.datetime.fromisoformat(text.strip()),
    ),
    datetime.timedelta: (seconds_text, lambda text: duration_from(text.strip())),
}
