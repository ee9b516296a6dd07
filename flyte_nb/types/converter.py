"""A type's conversion, compiled: what `Interface` calls for every value that enters or leaves a task.

Converters fill a literal in place, because protobuf's Python messages are fastest that way.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from flyteidl2.core.literals_pb2 import Literal
    from flyteidl2.core.types_pb2 import LiteralType


class Converter:
    """Conversion of one Python type.

    Attributes
    ----------
    python_type : type
    immediate : bool
        Whether `fill` and `read` work without an event loop.
    hashes : bool
        Whether literals may carry a hash of their own, which then stands for the value in keys.
    """

    immediate = True
    hashes = False

    def __init__(self, python_type: Any) -> None:
        self.python_type = python_type

    def annotated(self, extras: list[Any]) -> Converter:
        """The converter of the type with annotations; those that mean nothing to it are left alone."""
        return self

    def accepts(self, value: Any) -> bool:
        """Whether `value` looks like one of this type; what a union asks."""
        return isinstance(self.python_type, type) and isinstance(value, self.python_type)

    def fill(self, literal: Literal, value: Any) -> None:
        """Write `value` into an empty literal.

        Raises
        ------
        TypeTransformerFailedError
            If it does not fit the type.
        """
        raise NotImplementedError

    def read(self, literal: Literal) -> Any:
        """The value of a literal, new unless immutable."""
        raise NotImplementedError

    def isolated(self, value: Any, literal: Literal) -> Any:
        """A value equal to `value`, just written to `literal`, that shares nothing mutable with it."""
        return self.read(literal)

    async def fill_async(self, literal: Literal, value: Any) -> None:
        """As `fill`, where that needs an event loop."""
        self.fill(literal, value)

    async def read_async(self, literal: Literal) -> Any:
        """As `read`, where that needs an event loop."""
        return self.read(literal)

    async def isolated_async(self, value: Any, literal: Literal) -> Any:
        """As `isolated`, where that needs an event loop."""
        return self.isolated(value, literal) if self.immediate else await self.read_async(literal)

    def literal_type(self) -> LiteralType:
        """The literal type of `python_type`."""
        raise NotImplementedError
