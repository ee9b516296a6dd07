"""What of a class its author wrote, and what decorators and metaclasses made of that."""

from __future__ import annotations

import enum
import functools
import types
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields, is_dataclass
from typing import Any

_MADE_BY_PYTHON = frozenset(
    (
        *("__module__", "__doc__", "__qualname__", "__dict__", "__weakref__", "__firstlineno__"),
        *("__annotate__", "__static_attributes__", "__annotations_cache__", "__annotate_func__"),
        *("_abc_impl", "__signature__", "__dataclass_params__", "__annotations__"),
        *("model_fields", "model_computed_fields"),
        "__slotnames__",  # comes when the first object of the class is copied or pickled
    )
)
_PARAMS = ("init", "repr", "eq", "order", "unsafe_hash", "frozen", "match_args", "kw_only", "slots")
_WRAPPERS = (types.FunctionType, classmethod, type(functools.cache(len)))


def written_in(cls: type) -> Iterator[tuple[str, Any]]:
    """The attributes that the author of a class wrote, by name; their order has no part."""
    members = cls.__members__ if issubclass(cls, enum.Enum) else {}
    for key, value in sorted(vars(cls).items(), key=lambda item: item[0]):
        if key not in members and _is_written(cls, key, value):
            yield key, value


def declared_by(cls: type) -> list[Any]:
    """What dataclasses, pydantic, msgspec and enumerations keep of how a class was declared; there, order counts."""
    space = vars(cls)
    found: list[Any] = []
    params = space.get("__dataclass_params__")
    if params is not None:
        found.append([getattr(params, field, None) for field in _PARAMS])
    if "__pydantic_fields__" in space:
        found += [space["__pydantic_fields__"], _order_of_validators(space)]
    if hasattr(cls, "__struct_fields__"):
        config: Any = getattr(cls, "__struct_config__", None)
        found += [getattr(cls, f"__struct_{part}__") for part in ("fields", "defaults")]
        found.append([(key, getattr(config, key)) for key in dir(config) if not key.startswith("_")])
    if issubclass(cls, enum.Enum):
        found.append([(key, member._value_) for key, member in cls.__members__.items()])
    return found


def _order_of_validators(space: Mapping[str, Any]) -> list[list[str]]:
    """The names of a pydantic model's validators and serializers as they are called: one may see what another gave."""
    decorators = space.get("__pydantic_decorators__")
    return [list(getattr(decorators, field.name)) for field in fields(decorators)] if is_dataclass(decorators) else []


def _is_written(cls: type, key: str, value: Any) -> bool:
    """Whether an attribute of a class was written by its author, not made by a decorator or metaclass."""
    if key in _MADE_BY_PYTHON or key.startswith("__pydantic_"):
        return False
    if key == "__match_args__":
        return not is_dataclass(cls) and not hasattr(cls, "__struct_fields__")
    if issubclass(cls, enum.Enum) and key.startswith("_") and not isinstance(value, types.FunctionType):
        return False
    if is_dataclass(cls):
        function = getattr(value, "__wrapped__", value)
        code = getattr(function, "__code__", None)
        return code is None or not code.co_qualname.startswith("__create_fn__")
    return not is_slot(value)


def is_slot(value: Any) -> bool:
    return isinstance(value, (types.MemberDescriptorType, types.GetSetDescriptorType))


def methods_behind(value: Any) -> Iterable[types.FunctionType]:
    """The functions behind an attribute of a class that get the object first."""
    parts = (value.fget, value.fset, value.fdel) if isinstance(value, property) else (value,)
    for part in parts:
        function = part.func if isinstance(part, functools.cached_property) else part
        while isinstance(function, _WRAPPERS):
            if isinstance(function, types.FunctionType):
                yield function
            function = vars(function).get("__wrapped__")
