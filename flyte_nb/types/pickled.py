"""The last resort: values of types nobody described, as pickles of the run's own store."""

from __future__ import annotations

import logging
import types
from typing import Any

from .._code.digest import code_digest
from ..storage import current_store
from ..storage.store import checksum_in
from .canonical import canonical_digest
from .converter import Converter
from .messages import Literal, LiteralType, SimpleType, TypeStructure
from .transformer import TypeTransformerFailedError
from .type_text import shown, type_text

logger: logging.Logger = logging.getLogger("flyte_nb")

TAG = "pickle"
INLINE_BYTES = 32 * 1024

_IMMUTABLE = (bool, int, float, complex, str, bytes, type(None), types.FunctionType, types.BuiltinFunctionType)
_noticed: set[str] = set()


class FlytePickle:
    """Annotation for a value that travels as a pickle on purpose, without a line in the log.

    Specification: *Custom types*.
    """


class PickledConverter(Converter):
    """Any object that cloudpickle can carry. Functions and tasks are told apart by their code."""

    hashes = True

    def __init__(self, python_type: Any, *, silent: bool = False) -> None:
        super().__init__(python_type)
        self._silent = silent

    def accepts(self, value: Any) -> bool:
        """See `Converter`."""
        return self._fits(value)

    def fill(self, literal: Literal, value: Any) -> None:
        """See `Converter`."""
        if value is None:
            literal.scalar.none_type.SetInParent()
            return
        if not self._fits(value):
            raise TypeTransformerFailedError(
                f"Expected {type_text(self.python_type)}, got {type(value).__qualname__}: {shown(value)}."
            )
        self._say(value)
        data = _dumps(value)
        if len(data) <= INLINE_BYTES:
            literal.scalar.binary.value = data
            literal.scalar.binary.tag = TAG
        else:
            blob = current_store().put_nowait(data, suffix=".pickle")
            literal.scalar.blob.uri = blob.uri
            literal.scalar.blob.metadata.type.format = TAG
        function = value if isinstance(value, types.FunctionType) else _function_of_task(value)
        literal.hash = code_digest(function) if function is not None else canonical_digest(value, data)

    def read(self, literal: Literal) -> Any:
        """See `Converter`."""
        return self._read(literal, made_here=False)

    def isolated(self, value: Any, literal: Literal) -> Any:
        """See `Converter`."""
        if type(value) in _IMMUTABLE or isinstance(value, type) or _function_of_task(value) is not None:
            return value
        return self._read(literal, made_here=True)

    def literal_type(self) -> LiteralType:
        """See `Converter`."""
        return LiteralType(simple=SimpleType.BINARY, structure=TypeStructure(tag=TAG))

    def _read(self, literal: Literal, *, made_here: bool) -> Any:
        scalar = literal.scalar
        if scalar.HasField("none_type"):
            return None
        if scalar.HasField("blob"):
            return _loads(_stored(scalar.blob.uri), made_here=made_here)
        if scalar.binary.tag != TAG:
            raise TypeTransformerFailedError(f"Expected a pickled {type_text(self.python_type)}.")
        return _loads(scalar.binary.value, made_here=made_here)

    def _fits(self, value: Any) -> bool:
        declared = self.python_type
        return (
            declared is Any
            or declared is FlytePickle
            or not isinstance(declared, type)
            or isinstance(value, declared)
            or type(value).__qualname__ == declared.__qualname__
        )

    def _say(self, value: Any) -> None:
        name = type_text(type(value))
        if self._silent or name in _noticed or isinstance(value, types.FunctionType):
            return
        _noticed.add(name)
        logger.info(
            "Values of type %s travel as pickles. Annotate them with a described type, or register a TypeTransformer.",
            name,
        )


def _dumps(value: Any) -> bytes:
    import cloudpickle

    try:
        data: bytes = cloudpickle.dumps(value, protocol=5)
    except Exception as error:
        raise TypeTransformerFailedError(
            f"A {type_text(type(value))} cannot be pickled ({type(error).__name__}: {error})."
            " Pass what it is made from, or register a TypeTransformer for it."
        ) from error
    return data


def _loads(data: bytes, *, made_here: bool) -> Any:
    from .._code.pickling import unpickled

    try:
        return unpickled(data, made_here=made_here)
    except Exception as error:
        raise TypeTransformerFailedError(
            f"A pickled value cannot be loaded here ({type(error).__name__}: {error}). Is the module it needs"
            " installed, and its class still defined?"
        ) from error


def _stored(uri: str) -> bytes:
    store = current_store()
    if not store.owns(uri):
        raise TypeTransformerFailedError(
            f"{uri} is a pickle outside the run's own store {store.root}; it is not loaded, because loading a"
            " pickle runs code."
        )
    return store.get_nowait(uri, checksum=checksum_in(uri))


def _function_of_task(value: Any) -> Any:
    if type(value).__module__ != "flyte_nb._task.task":
        return None
    return value.func
