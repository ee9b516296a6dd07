"""Types with a fixed set of values: Enum and typing.Literal."""

from __future__ import annotations

import enum
from typing import Any, Literal, get_args, get_origin

from .converter import Converter
from .messages import EnumType, LiteralType, TypeStructure
from .messages import Literal as LiteralMessage
from .transformer import TypeTransformerFailedError
from .type_text import shown


class EnumConverter(Converter):
    """A member, by name; flags by value."""

    def fill(self, literal: LiteralMessage, value: Any) -> None:
        """See `Converter`."""
        member = self._member(value)
        if isinstance(member, enum.Flag):
            literal.scalar.primitive.integer = int(member.value)
        else:
            literal.scalar.primitive.string_value = member.name

    def read(self, literal: LiteralMessage) -> Any:
        """See `Converter`."""
        primitive = literal.scalar.primitive
        by_value = primitive.WhichOneof("value") == "integer"
        stored = primitive.integer if by_value else primitive.string_value
        try:
            return self.python_type(stored) if by_value else self.python_type[stored]
        except (KeyError, ValueError):
            raise self._unknown(stored) from None

    def isolated(self, value: Any, literal: LiteralMessage) -> Any:
        """See `Converter`."""
        return self._member(value)

    def literal_type(self) -> LiteralType:
        """See `Converter`."""
        return LiteralType(
            enum_type=EnumType(values=[member.name or "" for member in self.python_type]),
            structure=TypeStructure(tag=self.python_type.__qualname__),
        )

    def _member(self, value: Any) -> Any:
        if isinstance(value, self.python_type):
            return value
        if isinstance(value, enum.Enum) and type(value).__qualname__ == self.python_type.__qualname__:
            value = value.name  # the class was defined again since
        if isinstance(value, str) and value in self.python_type.__members__:
            return self.python_type[value]
        try:
            return self.python_type(value)
        except ValueError:
            raise self._unknown(value) from None

    def _unknown(self, value: Any) -> TypeTransformerFailedError:
        names = ", ".join(self.python_type.__members__)
        return TypeTransformerFailedError(
            f"Expected a member of {self.python_type.__qualname__} ({names}), got {shown(value)}."
        )


class LiteralConverter(Converter):
    """One of the values that a ``typing.Literal`` lists, by its text."""

    def __init__(self, python_type: Any) -> None:
        super().__init__(python_type)
        self._values = get_args(python_type)
        texts = [_text_of(value) for value in self._values]
        if len(set(texts)) < len(texts):  # 1 and "1" are two values
            texts = [repr(value) for value in self._values]
        self._texts = texts

    def accepts(self, value: Any) -> bool:
        """See `Converter`."""
        return any(value == known and type(value) is type(known) for known in self._values)

    def fill(self, literal: LiteralMessage, value: Any) -> None:
        """See `Converter`."""
        for known, text in zip(self._values, self._texts, strict=True):
            if value == known and type(value) is type(known):
                literal.scalar.primitive.string_value = text
                return
        raise TypeTransformerFailedError(f"Expected one of {', '.join(map(repr, self._values))}, got {shown(value)}.")

    def read(self, literal: LiteralMessage) -> Any:
        """See `Converter`."""
        text = literal.scalar.primitive.string_value
        for known, its_text in zip(self._values, self._texts, strict=True):
            if its_text == text:
                return known
        raise TypeTransformerFailedError(f"Expected one of {', '.join(map(repr, self._values))}, got {text}.")

    def isolated(self, value: Any, literal: LiteralMessage) -> Any:
        """See `Converter`."""
        return value

    def literal_type(self) -> LiteralType:
        """See `Converter`."""
        return LiteralType(enum_type=EnumType(values=self._texts))


def choice_converter(python_type: Any) -> Converter | None:
    """The converter of an enumeration or a ``typing.Literal``, None for others."""
    if isinstance(python_type, type) and issubclass(python_type, enum.Enum):
        return EnumConverter(python_type)
    if get_origin(python_type) is Literal:
        return LiteralConverter(python_type)
    return None


def _text_of(value: Any) -> str:
    return value if type(value) is str else repr(value)
