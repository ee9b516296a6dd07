"""Dataclasses, Pydantic models, typed dictionaries, named tuples, sets: types with a schema.

Values are converted by declared type and structure, never by pickled class: a class that is defined again in
its cell is another class, and its values must still fit. Pydantic knows the schema, MessagePack carries it.
"""

from __future__ import annotations

import collections
import dataclasses
import json
import sys
import typing
from hashlib import blake2b
from typing import Any, get_origin

from .._code.redefined import known_names
from . import plain
from .converter import Converter
from .messages import Literal, LiteralType, SimpleType, TypeStructure
from .redefined import with_classes_of_now
from .references import ADDRESSES, KEYS, note_references
from .stored_schema import needs_stored_schema, stored_schema
from .transformer import TypeTransformerFailedError
from .type_text import shown, type_text

TAG = "msgpack"

_CONTAINERS = (tuple, set, frozenset, dict, list, collections.deque, collections.OrderedDict, collections.defaultdict)


class StructureConverter(Converter):
    """A type that Pydantic can describe."""

    hashes = True

    def __init__(self, python_type: Any, adapter: Any) -> None:
        super().__init__(python_type)
        self._adapter = adapter
        self._serializer, self._validator = adapter.serializer, adapter.validator
        schema = with_classes_of_now(adapter.core_schema)
        if schema is not adapter.core_schema:
            self._serializer, self._validator = _made_of(schema)
        self._reader = self._validator
        if needs_stored_schema(schema):
            self._serializer, self._reader = _made_of(stored_schema(schema))
        self._class = get_origin(python_type) or python_type

    def accepts(self, value: Any) -> bool:
        """See `Converter`."""
        if typing.is_typeddict(self._class):
            return isinstance(value, dict)
        if isinstance(self._class, type):
            return isinstance(value, self._class) or _same_name(type(value), self._class)
        return False

    def fill(self, literal: Literal, value: Any) -> None:
        """See `Converter`."""
        if not self.accepts(value):
            value = self._validated(self._validator, self._taken_apart(value))
        addresses: list[str] = []
        try:
            literal.scalar.binary.value = plain.dumps(self._as_builtin(value, {ADDRESSES: addresses}))
            literal.scalar.binary.tag = TAG
            if addresses:
                note_references(literal, addresses)
                literal.hash = _digest(self._as_builtin(value, {KEYS: True}))
        except Exception as error:
            raise TypeTransformerFailedError(
                f"{type_text(self.python_type)} holds something that cannot be stored: {error}"
            ) from error

    def read(self, literal: Literal) -> Any:
        """See `Converter`."""
        if literal.scalar.binary.tag != TAG:
            raise TypeTransformerFailedError(f"Expected the literal of {type_text(self.python_type)}.")
        try:
            builtin = plain.loads(literal.scalar.binary.value)
        except Exception as error:
            raise TypeTransformerFailedError(
                f"The stored {type_text(self.python_type)} cannot be read: {type(error).__name__}: {error}."
            ) from error
        return self._validated(self._reader, builtin)

    def literal_type(self) -> LiteralType:
        """See `Converter`."""
        described = LiteralType(simple=SimpleType.STRUCT, structure=TypeStructure(tag=type_text(self.python_type)))
        try:
            described.metadata.update(json.loads(json.dumps(self._adapter.json_schema())))
        except Exception:
            described.metadata.Clear()  # a type without a JSON schema is still a structure
        return described

    def json_schema(self) -> dict[str, Any]:
        """JSON schema of what is stored: fields go by their own names.

        Raises
        ------
        PydanticInvalidForJsonSchema
            If there is none.
        """
        found: dict[str, Any] = self._adapter.json_schema(by_alias=False)
        return found

    def _as_builtin(self, value: Any, context: dict[str, Any]) -> Any:
        try:
            return self._serializer.to_python(value, by_alias=False, round_trip=True, warnings=False, context=context)
        except AttributeError:  # a value from before its class got another field
            from pydantic import TypeAdapter

            return TypeAdapter(Any).dump_python(value, by_alias=False, round_trip=True, context=context)

    def _taken_apart(self, value: Any) -> Any:
        """A mapping may stand for a structure; anything else does not fit."""
        if isinstance(value, (dict, *_CONTAINERS)):
            return value
        raise TypeTransformerFailedError(
            f"Expected {type_text(self.python_type)}, got {type(value).__qualname__}: {shown(value)}."
        )

    def _validated(self, validator: Any, builtin: Any) -> Any:
        from pydantic import ValidationError

        try:
            return validator.validate_python(builtin, by_alias=False, by_name=True)
        except ValidationError as error:
            problems = "; ".join(
                f"{'.'.join(map(str, problem['loc'])) or 'value'}: {problem['msg']}" for problem in error.errors()[:5]
            )
            raise TypeTransformerFailedError(f"Not a valid {type_text(self.python_type)}: {problems}.") from None


class PlainConverter(Converter):
    """A bare ``list``, ``dict``, ``set`` or ``tuple``: whatever is in it."""

    def fill(self, literal: Literal, value: Any) -> None:
        """See `Converter`."""
        if not isinstance(value, self.python_type):
            raise TypeTransformerFailedError(
                f"Expected {type_text(self.python_type)}, got {type(value).__qualname__}: {shown(value)}."
            )
        try:
            literal.scalar.binary.value = plain.dumps(value)
        except Exception as error:
            raise TypeTransformerFailedError(
                f"The {self.python_type.__name__} holds something that cannot be stored: {error}"
            ) from error
        literal.scalar.binary.tag = TAG

    def read(self, literal: Literal) -> Any:
        """See `Converter`."""
        return plain.loads(literal.scalar.binary.value)

    def literal_type(self) -> LiteralType:
        """See `Converter`."""
        return LiteralType(simple=SimpleType.STRUCT, structure=TypeStructure(tag=self.python_type.__name__))


def structure_converter(python_type: Any) -> Converter | None:
    """The converter of a type with a schema, None for others."""
    if python_type in (list, dict, set, frozenset, tuple):
        return PlainConverter(python_type)
    if not _has_schema(python_type):
        return None
    from pydantic import TypeAdapter
    from pydantic.errors import PydanticUndefinedAnnotation, PydanticUserError

    try:
        adapter = TypeAdapter(_known_to_pydantic(python_type))
        adapter.rebuild(raise_errors=True, _types_namespace=known_names() or None)
        return StructureConverter(python_type, adapter)
    except (PydanticUserError, PydanticUndefinedAnnotation):
        return None


def _made_of(schema: Any) -> tuple[Any, Any]:
    from pydantic_core import SchemaSerializer, SchemaValidator

    return SchemaSerializer(schema, _use_prebuilt=False), SchemaValidator(schema, _use_prebuilt=False)


def _known_to_pydantic(python_type: Any) -> Any:
    """Before Python 3.12, Pydantic only takes the typed dictionaries of typing_extensions."""
    if sys.version_info >= (3, 12) or not typing.is_typeddict(python_type):
        return python_type
    import typing_extensions

    fields = typing.get_type_hints(python_type, localns=known_names(), include_extras=True)
    for name, kind in fields.items():
        if name in python_type.__optional_keys__ and get_origin(kind) is not typing.NotRequired:
            fields[name] = typing_extensions.NotRequired[kind]
    made: Any = typing_extensions.TypedDict  # called with names that only a run knows: no type checker follows
    return made(python_type.__name__, fields)


def _has_schema(python_type: Any) -> bool:
    origin = get_origin(python_type) or python_type
    if origin in _CONTAINERS or origin in (
        collections.abc.Sequence,
        collections.abc.Mapping,
        collections.abc.Iterable,
        collections.abc.Set,
    ):
        return True
    if typing.is_typeddict(origin) or (isinstance(origin, type) and dataclasses.is_dataclass(origin)):
        return True
    if isinstance(origin, type) and issubclass(origin, tuple) and hasattr(origin, "_fields"):
        return True
    return hasattr(origin, "__pydantic_core_schema__") or hasattr(origin, "__get_pydantic_core_schema__")


def _digest(builtin: Any) -> str:
    return blake2b(plain.dumps(builtin), digest_size=16).hexdigest()


def _same_name(kind: type, declared: type) -> bool:
    """Whether `kind` is the declared class from another run of its cell."""
    return kind.__qualname__ == declared.__qualname__ and kind.__module__ == declared.__module__
