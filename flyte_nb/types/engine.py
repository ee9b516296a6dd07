"""The public door to conversion, for those who write transformers."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, Union

from .._public import public
from .html import render_html
from .messages import Literal, LiteralMap, LiteralType, SimpleType
from .primitives import TAGGED_TEXTS
from .registered import register_transformer, restrict, transformer_of
from .registry import converter_for
from .transformer import TypeTransformer

_GUESSES: dict[int, type] = {
    SimpleType.NONE: type(None),
    SimpleType.INTEGER: int,
    SimpleType.FLOAT: float,
    SimpleType.STRING: str,
    SimpleType.BOOLEAN: bool,
    SimpleType.BINARY: bytes,
    SimpleType.STRUCT: dict,
    SimpleType.DATETIME: datetime.datetime,
    SimpleType.DURATION: datetime.timedelta,
}


@public
class TypeEngine:
    """Python values to literals and back, for every type that has a transformer.

    Examples
    --------
    >>> TypeEngine.register(PositiveIntTransformer())

    Specification: *Custom types*.
    """

    @classmethod
    def register(cls, transformer: TypeTransformer[Any], additional_types: list[type] | None = None) -> None:
        """Use `transformer` for its type, in tasks declared before as well.

        Raises
        ------
        TypeError
            If it is no `TypeTransformer`.
        """
        if not isinstance(transformer, TypeTransformer):
            raise TypeError(
                f"TypeEngine.register takes an instance of a TypeTransformer, got {transformer!r}."
                " Did you forget to call the class?"
            )
        for python_type in (transformer.python_type, *(additional_types or ())):
            register_transformer(python_type, transformer)

    @classmethod
    def register_additional_type(cls, transformer: TypeTransformer[Any], additional_type: Any) -> None:
        """Use `transformer` for one more type."""
        register_transformer(additional_type, transformer)

    @classmethod
    def register_restricted_type(cls, name: str, t: Any) -> None:
        """Refuse `t` as the type of a task's input; `name` is for the message."""
        restrict(t, name)

    @classmethod
    def get_transformer(cls, python_type: Any) -> TypeTransformer[Any]:
        """The transformer of a type; built-in types have one too."""
        return transformer_of(python_type) or _BuiltinTransformer(python_type)

    @classmethod
    def to_literal_type(cls, python_type: Any) -> LiteralType:
        """The literal type of a Python type."""
        return converter_for(python_type).literal_type()

    @classmethod
    async def to_literal(cls, python_val: Any, python_type: Any, expected: LiteralType | None = None) -> Literal:
        """The literal of a value.

        Raises
        ------
        TypeTransformerFailedError
            If the value does not fit the type.
        """
        literal = Literal()
        await converter_for(python_type).fill_async(literal, python_val)
        return literal

    @classmethod
    async def to_python_value(cls, lv: Literal, expected_python_type: Any) -> Any:
        """The value of a literal.

        Raises
        ------
        TypeTransformerFailedError
            If the literal is not one of that type.
        """
        return await converter_for(expected_python_type).read_async(lv)

    @classmethod
    def guess_python_type(cls, literal_type: LiteralType) -> Any:
        """The Python type that a literal type describes.

        Raises
        ------
        ValueError
            If nobody can tell.
        """
        from .registered import _transformers

        for transformer in _transformers.values():
            try:
                return transformer.guess_python_type(literal_type)
            except ValueError:
                continue
        kind = literal_type.WhichOneof("type")
        tag = literal_type.structure.tag.rpartition(".")[2]
        if kind == "collection_type":
            return list[cls.guess_python_type(literal_type.collection_type)]  # type: ignore[misc]
        if kind == "map_value_type":
            return dict[str, cls.guess_python_type(literal_type.map_value_type)]  # type: ignore[misc]
        if kind == "enum_type":
            return str
        if kind == "union_type":
            return Union[tuple(cls.guess_python_type(variant) for variant in literal_type.union_type.variants)]  # noqa: UP007
        if kind == "simple" and tag in TAGGED_TEXTS:
            return TAGGED_TEXTS[tag]
        if kind == "simple" and literal_type.simple in _GUESSES:
            return _GUESSES[literal_type.simple]
        raise ValueError(f"No Python type is known for the literal type {literal_type}.")

    @classmethod
    async def dict_to_literal_map(cls, d: Mapping[str, Any], type_hints: Mapping[str, Any] | None = None) -> LiteralMap:
        """Literals of named values; a type that is not given is that of the value."""
        literals = LiteralMap()
        for name, value in d.items():
            python_type = (type_hints or {}).get(name, type(value))
            await converter_for(python_type).fill_async(literals.literals[name], value)
        return literals

    @classmethod
    def to_html(cls, python_val: Any, expected_python_type: Any = None) -> str:
        """HTML that shows a value."""
        transformer = transformer_of(expected_python_type or type(python_val))
        if transformer is not None:
            return transformer.to_html(python_val, expected_python_type or type(python_val))
        return render_html(python_val)


class _BuiltinTransformer(TypeTransformer[Any]):
    """What is built in, behind the interface of a registered transformer."""

    def __init__(self, python_type: Any) -> None:
        super().__init__(getattr(python_type, "__name__", str(python_type)), python_type)
        self._converter = converter_for(python_type)

    def get_literal_type(self, t: Any) -> LiteralType:
        return self._converter.literal_type()

    async def to_literal(self, python_val: Any, python_type: Any, expected: LiteralType | None = None) -> Literal:
        return await TypeEngine.to_literal(python_val, python_type, expected)

    async def to_python_value(self, lv: Literal, expected_python_type: Any) -> Any:
        return await TypeEngine.to_python_value(lv, expected_python_type)

    def guess_python_type(self, literal_type: LiteralType) -> Any:
        return TypeEngine.guess_python_type(literal_type)
