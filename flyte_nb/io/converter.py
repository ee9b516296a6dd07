"""`File` and `Dir` as literals: the address, with what else is known of the data beside it."""

from __future__ import annotations

import os
from typing import Any

import pydantic
from flyteidl2.core.literals_pb2 import Literal
from flyteidl2.core.types_pb2 import BlobType, LiteralType

from ..types.converter import Converter
from ..types.transformer import TypeTransformerFailedError
from ..types.type_text import public_text, shown, type_text
from .parameters import class_of, format_of
from .reference import Reference, what_to_do_instead

_NAME, _HASH = "name", "hash"


class ReferenceConverter(Converter):
    """A class of references. The data is not touched, and a reference of a base class is taken for one of this."""

    hashes = True

    def __init__(self, python_type: Any) -> None:
        super().__init__(python_type)
        self._class = class_of(python_type)
        self._format = format_of(python_type)
        multipart = self._class._noun == "directory"
        self._dimensionality = BlobType.MULTIPART if multipart else BlobType.SINGLE

    def accepts(self, value: Any) -> bool:
        """See `Converter`."""
        return self._is_one(value) and self._has_format(value)

    def fill(self, literal: Literal, value: Any) -> None:
        """See `Converter`."""
        if not self._is_one(value):
            raise TypeTransformerFailedError(_sentence(self._problem(value)))
        if not self._has_format(value):
            raise TypeTransformerFailedError(
                f"Expected {type_text(self.python_type)}, got a {type(value).__name__} of format {value.format!r}:"
                f" {value.path!r}."
            )
        blob = literal.scalar.blob
        try:
            blob.uri = value.path
            if value.name is not None:
                literal.metadata[_NAME] = value.name
        except ValueError:
            raise TypeTransformerFailedError(
                f"The address {value.path!r} is not valid Unicode. Rename what is there, then refer to it again."
            ) from None
        blob.metadata.type.format = value.format or self._format
        blob.metadata.type.dimensionality = self._dimensionality
        if value.hash:
            literal.metadata[_HASH] = value.hash
            literal.hash = value.cache_key() or ""

    def read(self, literal: Literal) -> Any:
        """See `Converter`."""
        if not literal.scalar.HasField("blob"):
            raise TypeTransformerFailedError(f"Expected the literal of a {type_text(self.python_type)}.")
        blob = literal.scalar.blob
        found = blob.metadata.type
        if found.dimensionality != self._dimensionality:
            kinds = ("a file", "a directory")
            is_directory = found.dimensionality == BlobType.MULTIPART
            raise TypeTransformerFailedError(
                f"Expected {kinds[not is_directory]}, got {kinds[is_directory]}: {blob.uri!r}."
            )
        metadata = literal.metadata
        try:
            return self._class(
                path=blob.uri,
                name=metadata.get(_NAME),
                format=found.format,
                hash=metadata.get(_HASH) or literal.hash or None,
            )
        except pydantic.ValidationError as error:
            reason = error.errors()[0]["msg"].removeprefix("Value error, ")
            raise TypeTransformerFailedError(f"The literal of a {type_text(self.python_type)}: {reason}") from error

    def literal_type(self) -> LiteralType:
        """See `Converter`."""
        return LiteralType(blob=BlobType(format=self._format, dimensionality=self._dimensionality))

    def _is_one(self, value: Any) -> bool:
        if isinstance(value, self._class):
            return True
        if not isinstance(value, Reference):
            return False
        kind = type(value)
        return issubclass(self._class, kind) or (
            # the class was defined again since
            kind.__qualname__ == self._class.__qualname__ and kind.__module__ == self._class.__module__
        )

    def _has_format(self, value: Any) -> bool:
        return not self._format or value.format in ("", self._format)

    def _problem(self, value: Any) -> str:
        if isinstance(value, (str, bytes, os.PathLike, Reference)):
            return what_to_do_instead(self._class, value)
        kind = public_text(self._class) if self.python_type is self._class else type_text(self.python_type)
        return f"expected {kind}, got {type(value).__qualname__}: {shown(value)}"


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}."
