"""Converters around what users registered or annotated: transformers and hash functions."""

from __future__ import annotations

from typing import Any

from .converter import Converter
from .hashing import HashFunction
from .messages import Literal, LiteralType
from .transformer import TypeTransformer, TypeTransformerFailedError


class TransformerConverter(Converter):
    """Asks a registered `TypeTransformer`, which may need an event loop."""

    immediate = False
    hashes = True

    def __init__(self, python_type: Any, transformer: TypeTransformer[Any]) -> None:
        super().__init__(python_type)
        self._transformer = transformer

    async def fill_async(self, literal: Literal, value: Any) -> None:
        """See `Converter`."""
        transformer = self._transformer
        try:
            if transformer.type_assertions_enabled:
                transformer.assert_type(self.python_type, value)
            filled = await transformer.to_literal(value, self.python_type, self.literal_type())
            literal.CopyFrom(filled)
        except TypeTransformerFailedError:
            raise
        except Exception as error:
            raise self._failed("to_literal", error) from error

    async def read_async(self, literal: Literal) -> Any:
        """See `Converter`."""
        try:
            return await self._transformer.to_python_value(literal, self.python_type)
        except TypeTransformerFailedError:
            raise
        except Exception as error:
            raise self._failed("to_python_value", error) from error

    def literal_type(self) -> LiteralType:
        """See `Converter`."""
        return self._transformer.get_literal_type(self.python_type)

    def _failed(self, method: str, error: Exception) -> TypeTransformerFailedError:
        return TypeTransformerFailedError(f"{self._transformer.name}.{method} raised {type(error).__name__}: {error}")


class HashedConverter(Converter):
    """Another converter, with the user's own hash on its literals."""

    hashes = True

    def __init__(self, inner: Converter, function: HashFunction) -> None:
        super().__init__(inner.python_type)
        self._inner = inner
        self._function = function
        self.immediate: bool = inner.immediate

    def accepts(self, value: Any) -> bool:
        """See `Converter`."""
        return self._inner.accepts(value)

    def fill(self, literal: Literal, value: Any) -> None:
        """See `Converter`."""
        self._inner.fill(literal, value)
        literal.hash = self._function.hash(value)

    async def fill_async(self, literal: Literal, value: Any) -> None:
        """See `Converter`."""
        await self._inner.fill_async(literal, value)
        literal.hash = self._function.hash(value)

    def read(self, literal: Literal) -> Any:
        """See `Converter`."""
        return self._inner.read(literal)

    async def read_async(self, literal: Literal) -> Any:
        """See `Converter`."""
        return await self._inner.read_async(literal)

    def isolated(self, value: Any, literal: Literal) -> Any:
        """See `Converter`."""
        return self._inner.isolated(value, literal)

    async def isolated_async(self, value: Any, literal: Literal) -> Any:
        """See `Converter`."""
        return await self._inner.isolated_async(value, literal)

    def literal_type(self) -> LiteralType:
        """See `Converter`."""
        return self._inner.literal_type()
