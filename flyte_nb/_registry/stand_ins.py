"""What a caller uses in place of types whose classes it has not: a converter for each description.

Nothing that a deployed task gives is unpickled here. What only its own code could load stays an `Opaque` value, which
can be handed on to another task of that kind.
"""

from __future__ import annotations

import dataclasses
import enum
import io
import json
import pickle
from collections.abc import Mapping
from typing import Any

from ..errors import StorageError
from ..io.dataframe import DataFrame
from ..io.directory import Dir
from ..io.file import File
from ..storage import current_store
from ..storage.store import checksum_in
from ..types import pickled, plain, structures
from ..types.collections import DictConverter, ListConverter, UnionConverter
from ..types.converter import Converter
from ..types.messages import Literal, LiteralType, SimpleType, TypeStructure
from ..types.registry import converter_for
from ..types.transformer import TypeTransformerFailedError
from ..types.type_text import shown
from .descriptions import PLAIN, PRIMITIVES
from .records import Opaque, Record, as_builtin, as_record
from .schemas import check_against


class StandIn:
    """A type that somebody described.

    Parameters
    ----------
    description : dict
        See `flyte_nb._registry.descriptions`.
    """

    def __init__(self, description: dict[str, Any]) -> None:
        self.description = description
        self._key = json.dumps(description, sort_keys=True)

    def __flyte_converter__(self, _: Any) -> Converter:
        """Its converter, which `types.registry` asks for."""
        try:
            return _converter(self.description)
        except (KeyError, TypeError, AttributeError) as error:
            raise StorageError(f"a type in its interface is damaged: {self._key:.200} ({error})") from error

    def __eq__(self, other: object) -> bool:
        return isinstance(other, StandIn) and other._key == self._key

    def __hash__(self) -> int:
        return hash(self._key)

    def __repr__(self) -> str:
        return _shown(self.description)


def _shown(description: dict[str, Any]) -> str:
    """A type as the caller may think of it: frames of any library are one type here."""
    kind = description.get("type")
    if kind == "dataframe":
        return "flyte.io.DataFrame"
    if kind == "choice":
        return " | ".join(map(repr, description["enum"]))
    if kind == "array":
        return f"list[{_shown(description['items'])}]"
    if kind == "object":
        return f"dict[str, {_shown(description['additionalProperties'])}]"
    if "anyOf" in description:
        return " | ".join(_shown(one) for one in description["anyOf"])
    return str(description.get("python") or kind)


def _converter(description: dict[str, Any]) -> Converter:
    if "anyOf" in description:
        return _DescribedUnion(description)
    kind = description["type"]
    if kind in PRIMITIVES:
        return converter_for(PRIMITIVES[kind])
    if kind == "array":
        return ListConverter(StandIn(description), _converter(description["items"]))
    if kind == "object":
        return DictConverter(StandIn(description), _converter(description["additionalProperties"]))
    if kind == "plain":
        return _Plain(PLAIN[description["of"]])
    if kind == "choice":
        return _Choice(description)
    if kind == "structure":
        return _Structure(description)
    if kind == "dataframe":
        return converter_for(DataFrame)
    if kind in ("file", "directory"):
        held: Any = Dir if kind == "directory" else File
        return converter_for(held)
    if kind == "ndarray":
        import numpy as np

        return converter_for(getattr(np, description["scalar"]) if "scalar" in description else np.ndarray)
    return _Any(description)


class _DescribedUnion(UnionConverter):
    """A union whose variants are called as where they are known."""

    def __init__(self, description: dict[str, Any]) -> None:
        super().__init__(StandIn(description), [_converter(one) for one in description["anyOf"]])
        self._tags = [one["tag"] for one in description["anyOf"]]


class _Plain(structures.PlainConverter):
    """A bare container; nothing in it is unpickled."""

    def fill(self, literal: Literal, value: Any) -> None:
        """See `Converter`."""
        super().fill(literal, as_builtin(value))

    def read(self, literal: Literal) -> Any:
        """See `Converter`."""
        return _loaded(literal, "A value")


class _Choice(Converter):
    """One of several texts; a member of an enumeration goes by its name."""

    def accepts(self, value: Any) -> bool:
        """See `Converter`."""
        return self._text_of(value) in self.python_type.description["enum"]

    def __init__(self, description: dict[str, Any]) -> None:
        super().__init__(StandIn(description))

    def fill(self, literal: Literal, value: Any) -> None:
        """See `Converter`."""
        text, known = self._text_of(value), self.python_type.description["enum"]
        if text not in known:
            raise TypeTransformerFailedError(f"Expected one of {', '.join(map(repr, known))}, got {shown(value)}.")
        literal.scalar.primitive.string_value = text

    def read(self, literal: Literal) -> Any:
        """See `Converter`."""
        return literal.scalar.primitive.string_value

    def literal_type(self) -> LiteralType:
        """See `Converter`."""
        return LiteralType(simple=SimpleType.STRING)

    @staticmethod
    def _text_of(value: Any) -> str:
        if isinstance(value, enum.Enum):
            return value.name
        return value if isinstance(value, str) else repr(value)


class _Structure(Converter):
    """A dataclass, model or the like of somebody else: a dictionary goes in, a `Record` comes out."""

    def __init__(self, description: dict[str, Any]) -> None:
        super().__init__(StandIn(description))
        self._schema = description["schema"]

    def accepts(self, value: Any) -> bool:
        """See `Converter`."""
        return isinstance(value, Mapping) or dataclasses.is_dataclass(value) or hasattr(value, "model_dump")

    def fill(self, literal: Literal, value: Any) -> None:
        """See `Converter`."""
        builtin = as_builtin(value)
        problem = check_against(self._schema, builtin)
        if problem:
            raise TypeTransformerFailedError(f"Not a valid {self.python_type}: {problem}.")
        literal.scalar.binary.value = plain.dumps(builtin)
        literal.scalar.binary.tag = structures.TAG

    def read(self, literal: Literal) -> Any:
        """See `Converter`."""
        return as_record(_loaded(literal, f"A {self.python_type}"))

    def literal_type(self) -> LiteralType:
        """See `Converter`."""
        return LiteralType(simple=SimpleType.STRUCT, structure=TypeStructure(tag=str(self.python_type)))


class _Any(Converter):
    """What nobody described: plain data by value, anything else as it lies there."""

    hashes = True

    def __init__(self, description: dict[str, Any]) -> None:
        super().__init__(StandIn(description))

    def accepts(self, value: Any) -> bool:
        """See `Converter`."""
        return isinstance(value, Opaque) or _is_plain(value)

    def fill(self, literal: Literal, value: Any) -> None:
        """See `Converter`."""
        if isinstance(value, Opaque):
            literal.CopyFrom(Literal.FromString(value.serialized))
        elif self.python_type.description["type"] == "any" and _is_plain(value):
            converter_for(Any).fill(literal, value)
        else:
            raise TypeTransformerFailedError(
                f"Expected {self.python_type}, which only the deployed code can make, got {type(value).__qualname__}:"
                f" {shown(value)}. Pass what a task of it gave, or plain data where it takes anything."
            )

    def read(self, literal: Literal) -> Any:
        """See `Converter`."""
        if literal.scalar.HasField("none_type"):
            return None
        data = _pickle_in(literal)
        if data is not None:
            try:
                return _PlainUnpickler(io.BytesIO(data)).load()
            except Exception:
                pass
        return Opaque(literal.SerializeToString(deterministic=True), str(self.python_type))

    def literal_type(self) -> LiteralType:
        """See `Converter`."""
        return LiteralType(simple=SimpleType.BINARY, structure=TypeStructure(tag=pickled.TAG))


class _PlainUnpickler(pickle.Unpickler):
    """Loads numbers, texts and containers of them; finds no class, so that nothing can be called."""

    def find_class(self, module: str, name: str, /) -> Any:
        raise pickle.UnpicklingError(f"{module}.{name} is not plain data")

    def persistent_load(self, identity: Any, /) -> Any:
        raise pickle.UnpicklingError("not plain data")


def _pickle_in(literal: Literal) -> bytes | None:
    scalar = literal.scalar
    if scalar.binary.tag == pickled.TAG:
        return bytes(scalar.binary.value)
    if scalar.HasField("blob") and scalar.blob.metadata.type.format == pickled.TAG:
        return current_store().get_nowait(scalar.blob.uri, checksum=checksum_in(scalar.blob.uri))
    return None


def _is_plain(value: Any) -> bool:
    kind = type(value)
    if kind in (type(None), bool, int, float, complex, str, bytes):
        return True
    if kind in (list, tuple, set, frozenset):
        return all(map(_is_plain, value))
    return kind is dict and all(_is_plain(key) and _is_plain(item) for key, item in value.items())


def _loaded(literal: Literal, what: str) -> Any:
    if literal.scalar.binary.tag != structures.TAG:
        raise TypeTransformerFailedError(f"{what} was expected, and another kind of value came.")
    try:
        return plain.loads_data(literal.scalar.binary.value)
    except Exception as error:
        raise TypeTransformerFailedError(
            f"{what} of the deployed task cannot be read by others: {error}. It can hold numbers, texts, moments,"
            " files, frames, and containers and structures of these."
        ) from error


__all__ = ["Opaque", "Record", "StandIn"]
