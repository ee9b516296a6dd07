"""How other packages teach flyte_nb a type of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar

from .._public import public

if TYPE_CHECKING:
    from flyteidl2.core.literals_pb2 import Literal
    from flyteidl2.core.types_pb2 import LiteralType

T = TypeVar("T")


class TypeTransformerFailedError(TypeError, AssertionError, ValueError):
    """A value cannot be converted; the message says what was expected and what came."""


@public
class TypeTransformer(Generic[T]):
    """Converts values of one type to literals and back.

    Parameters
    ----------
    name : str
        For messages.
    t : type
        The type it is for.
    enable_type_assertions : bool
        Whether values are checked to be instances of `t` before conversion.

    Examples
    --------
    >>> TypeEngine.register(PositiveIntTransformer())

    Specification: *Custom types*.
    """

    def __init__(self, name: str, t: type[T], enable_type_assertions: bool = True) -> None:
        self._name = name
        self._type = t
        self._assert = enable_type_assertions

    @property
    def name(self) -> str:
        """Name for messages."""
        return self._name

    @property
    def python_type(self) -> type[T]:
        """The type it is for."""
        return self._type

    @property
    def type_assertions_enabled(self) -> bool:
        """Whether `assert_type` is asked before conversion."""
        return self._assert

    def assert_type(self, t: type[T], v: T) -> None:
        """Raise `TypeTransformerFailedError` unless `v` is a `t`."""
        if isinstance(t, type) and not isinstance(v, t):
            raise TypeTransformerFailedError(f"Expected {t.__qualname__}, got {type(v).__qualname__}: {v!r}.")

    def get_literal_type(self, t: type[T]) -> LiteralType:
        """The literal type that describes `t`."""
        raise NotImplementedError(f"{type(self).__qualname__} must define get_literal_type.")

    async def to_literal(self, python_val: T, python_type: type[T], expected: LiteralType) -> Literal:
        """The literal of a value."""
        raise NotImplementedError(f"{type(self).__qualname__} must define to_literal.")

    async def to_python_value(self, lv: Literal, expected_python_type: type[T]) -> T:
        """The value of a literal."""
        raise NotImplementedError(f"{type(self).__qualname__} must define to_python_value.")

    def guess_python_type(self, literal_type: LiteralType) -> type[T]:
        """The type that a literal type describes, or ValueError."""
        raise ValueError(f"{self.name} cannot tell a Python type from {literal_type}.")

    def to_html(self, python_val: T, expected_python_type: type[T]) -> str:
        """HTML that shows a value."""
        from .html import render_html

        return render_html(python_val)

    def __repr__(self) -> str:
        return f"<{type(self).__qualname__} {self._name!r} for {self._type!r}>"
