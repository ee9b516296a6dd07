"""Values as bytes that are the same in every process."""

from __future__ import annotations

import contextvars
import datetime
import decimal
import enum
import functools
import logging
import pathlib
import re
import sys
import types
import uuid
from collections import deque
from collections.abc import Callable
from dataclasses import Field, fields, is_dataclass
from typing import Any

from .bytecode import pack
from .data import encode_data
from .mutation import MUTATORS, changed_attributes
from .ownership import is_user_module, is_users, library_name
from .standard import is_told, told

TASK_MODULE = "flyte_nb._task.task"
_DATES = (datetime.date, datetime.time, datetime.timedelta)
_LAZY_REPR = (decimal.Decimal, uuid.UUID, pathlib.PurePath)
_SCALARS = (int, float, complex)
_CONTAINERS = (list, dict, set, bytearray, deque)
_BUILTINS = (types.BuiltinFunctionType, types.MethodDescriptorType, types.WrapperDescriptorType)
_DEEPEST = 200
LARGEST_OBJECT = 20_000
"""So many values in a plain object count."""


def is_task(value: object) -> bool:
    """Whether `value` is a Task, seen without importing it."""
    return any(kind.__module__ == TASK_MODULE for kind in type(value).__mro__)


def _is_users_code(value: object) -> bool:
    if isinstance(value, type):
        return is_users(value)
    function = getattr(value, "__func__", value)
    if isinstance(function, types.FunctionType):
        return is_user_module(function.__globals__.get("__name__"))
    return is_task(value)


def _default_of(variable: contextvars.ContextVar[Any]) -> Any:
    """What a context variable is before it is set; what it is set to is state."""
    try:
        return contextvars.Context().run(variable.get)
    except LookupError:
        return ...


def _is_found(value: object, name: str | None) -> bool:
    """Whether a module of a library knows `value` by that name."""
    modules = (getattr(value, "__module__", None), type(value).__module__)
    found = [getattr(sys.modules.get(module), name, None) for module in modules if module] if name else []
    return any(one is value for one in found)


def _is_zone_info(kind: type) -> bool:
    zoneinfo = sys.modules.get("zoneinfo")
    return zoneinfo is not None and issubclass(kind, zoneinfo.ZoneInfo)


class _TooLarge(Exception):
    """A plain object holds more than is looked at."""


def is_plain(kind: type) -> bool:
    """Whether an object of that class is nothing but its attributes: all its classes are the user's."""
    return all(
        base is object or base.__module__ in ("abc", "collections.abc", "typing") or is_users(base)
        for base in kind.__mro__
    )


def attributes_of(value: Any) -> dict[str, Any]:
    """The attributes of a plain object that it holds itself, but for what properties have remembered."""
    found = dict(getattr(value, "__dict__", {}))
    for kind in type(value).__mro__:
        slots = vars(kind).get("__slots__", ())
        for name in (slots,) if isinstance(slots, str) else slots:
            if name not in ("__dict__", "__weakref__"):
                found[name] = getattr(value, f"_{kind.__name__.lstrip('_')}{name}" if _is_private(name) else name, None)
        for name, attribute in vars(kind).items():
            if isinstance(attribute, functools.cached_property):
                found.pop(name, None)
    return found


def _is_private(name: str) -> bool:
    return name.startswith("__") and not name.endswith("__")


def text(value: str) -> bytes:
    """UTF-8, also of text that is not quite Unicode."""
    return value.encode("utf-8", "surrogatepass")


class ValueEncoder:
    """Encodes values; functions, classes and tasks in them are handed to `refer`.

    Parameters
    ----------
    refer : callable
        Takes a function, class or task and the name it was found under; returns the bytes that stand for it.
    state : frozenset of (str, str)
        Attributes that are state and do not count, as `Changes.attributes`.

    Attributes
    ----------
    by_type : list of (str, type)
        Objects whose content does not count, by the name they were found under.
    attributes : dict of type to set of str
        Names of attributes that were met, by the class of their object.
    size : int
        How many values were encoded; an array or a frame is more than any object.
    """

    def __init__(self, refer: Callable[[Any, str], bytes], state: frozenset[tuple[str, str]] = frozenset()) -> None:
        self._refer = refer
        self._state = state
        self._above: list[int] = []
        self._room = 0
        self.by_type: list[tuple[str, type]] = []
        self.attributes: dict[type, set[str]] = {}
        self.size = 0

    def encode(self, value: Any, name: str) -> bytes:
        """Bytes for `value`; for an object that has no value of its own, the name of its type."""
        self.size += 1
        if value is None or value is Ellipsis or value is NotImplemented:
            return pack("single", repr(value).encode())
        if id(value) in self._above:
            return pack("cycle", b"%d" % (len(self._above) - self._above.index(id(value))))
        if len(self._above) > _DEEPEST:
            return self._by_type(value, name)
        if self._room and len(self._above) > 1:
            self._room -= 1
            if not self._room:
                raise _TooLarge
        self._above.append(id(value))
        try:
            return self._encode(value, name)
        except _TooLarge:
            raise
        except Exception:
            self.by_type.append((name, type(value)))
            return pack("opaque", self._type(type(value), name))
        finally:
            self._above.pop()

    def _encode(self, value: Any, name: str) -> bytes:
        kind = type(value)
        if isinstance(value, (types.FunctionType, type)) and kind is not types.GenericAlias:
            return self._refer(value, name)
        if is_task(value) and hasattr(value, "func"):
            return self._refer(value, name)
        if issubclass(kind, enum.Enum):
            raw = self.encode(value._value_, name)
            return pack("member", self._type(kind, name), text(str(value._name_)), raw)
        if issubclass(kind, dict) and is_told(kind):
            return self._told(value, kind, name)
        plain = self._plain(value, kind, name)
        if plain is not None:
            return plain if kind.__module__ == "builtins" else self._derived(plain, value, kind, name)
        return self._composed(value, kind, name)

    def _plain(self, value: Any, kind: type, name: str) -> bytes | None:
        """Built-in values and containers, and what derives from them."""
        if issubclass(kind, str):
            return pack("str", text(str.__str__(value)))
        if issubclass(kind, (bytes, bytearray)):
            return pack("bytearray" if issubclass(kind, bytearray) else "bytes", bytes(value))
        for scalar in _SCALARS:
            if issubclass(kind, scalar):
                shown = hex(value) if scalar is int else scalar.__repr__(value)
                return pack("bool" if kind is bool else scalar.__name__, shown.encode())
        if issubclass(kind, (list, tuple)):
            items = list.__iter__(value) if issubclass(kind, list) else tuple.__iter__(value)
            tag = "list" if issubclass(kind, list) else "tuple"
            return pack(tag, *[self.encode(item, name) for item in items])
        if issubclass(kind, (set, frozenset)):
            return pack("set", *sorted(self.encode(item, name) for item in value))
        if issubclass(kind, (dict, types.MappingProxyType)):
            pairs = dict.items(value) if issubclass(kind, dict) else value.items()
            return pack("dict", *self._pairs(pairs, name))
        if issubclass(kind, (range, slice)):
            parts = (value.start, value.stop, value.step)
            return pack(kind.__name__, *[self.encode(part, name) for part in parts])
        if kind is memoryview:
            return pack("memory", text(value.format), repr(value.shape).encode(), value.tobytes())
        return None

    def _derived(self, plain: bytes, value: Any, kind: type, name: str) -> bytes:
        """What derives from a built-in value, with the attributes that a class of the user's has added."""
        added = attributes_of(value) if is_users(kind) else {}
        rest = (self._attributes(added, value, kind, name),) if added else ()
        return pack("as", self._type(kind, name), plain, *rest)

    def _composed(self, value: Any, kind: type, name: str) -> bytes:
        encode = _ENCODERS.get(kind)
        if encode is not None:
            return encode(self, value, name)
        if issubclass(kind, _DATES):
            return _date(value, kind)
        if _is_zone_info(kind) and value.key:
            return pack("zone", text(value.key))
        if issubclass(kind, _LAZY_REPR):
            return pack("text", self._type(kind, name), text(str(value)))
        if kind is types.UnionType or (kind.__module__ == "typing" or kind is types.GenericAlias):
            return _alias(self, value, name)
        if isinstance(value, logging.Logger):
            return pack("called", self._type(kind, name), text(value.name))
        if isinstance(value, contextvars.ContextVar):
            return pack("called", self._type(kind, name), text(value.name), self.encode(_default_of(value), name))
        return self._instance(value, kind, name)

    def _instance(self, value: Any, kind: type, name: str) -> bytes:
        """Objects with fields by the fields; others by type and by what they wrap."""
        if is_dataclass(kind):
            found = [(field.name, getattr(value, field.name, None)) for field in fields(value)]
            declared = {key for key, _ in found}
            found += sorted((key, item) for key, item in attributes_of(value).items() if key not in declared)
            return pack("dataclass", self._type(kind, name), *self._fields(found, kind, name))
        pydantic = sys.modules.get("pydantic")
        if pydantic is not None and issubclass(kind, pydantic.BaseModel):
            return pack("model", self._type(kind, name), *self._fields(sorted(vars(value).items()), kind, name))
        if hasattr(kind, "__struct_fields__"):
            found = [(field, getattr(value, field, None)) for field in kind.__struct_fields__]
            return pack("struct", self._type(kind, name), *self._fields(found, kind, name))
        if kind is Field or kind.__qualname__ == "FieldInfo":
            return pack("field", *self._pairs([(f, getattr(value, f, None)) for f in _FIELD_PARTS], name))
        if kind.__qualname__ == "ModelPrivateAttr":
            return pack("private", self.encode(value.default, name), self.encode(value.default_factory, name))
        if kind.__module__ == "msgspec._core" and kind.__name__ == "Factory":
            return pack("factory", self.encode(value.factory, name))
        if kind.__qualname__ == "TypeAdapter" and kind.__module__.startswith("pydantic."):
            return pack("adapter", self.encode(value._type, name), self.encode(value._config, name))
        data = encode_data(value, name, self.encode)
        if data is not None:
            self.size += LARGEST_OBJECT
            return pack("data", self._type(kind, name), data)
        if is_plain(kind):
            return pack("instance", self._type(kind, name), self._attributes(attributes_of(value), value, kind, name))
        if is_told(kind):
            return self._told(value, kind, name)
        if issubclass(kind, BaseException):
            held = {key: item for key, item in vars(value).items() if key != "__notes__"}
            args = self.encode(value.args, name)
            return pack("error", self._type(kind, name), args, self._attributes(held, value, kind, name))
        return self._by_type(value, name)

    def _attributes(self, found: dict[str, Any], value: Any, kind: type, name: str) -> bytes:
        """The attributes of an object, but for those that the code changes; its type if there is too much of it."""
        outermost = not self._room
        if outermost:
            self._room = LARGEST_OBJECT
        try:
            constant = self.constant(sorted(found.items()), kind, name)
            return pack("attributes", *[pack(key, self.encode(item, f"{name}.{key}")) for key, item in constant])
        except _TooLarge:
            if not outermost:
                raise
            return self._by_type(value, name)
        finally:
            if outermost:
                self._room = 0

    def _told(self, value: Any, kind: type, name: str) -> bytes:
        """An object of the standard library, or what derives from it, as Python would make it again."""
        found = told(value)
        if found is None:
            return self._by_type(value, name)
        return pack(
            "told",
            self._type(kind, name),
            self.encode(found.state, name),
            self._attributes(found.attributes, value, kind, name),
            *[self.encode(part, name) for part in (*found.made_by, None, *found.items)],
            *self._pairs(found.pairs, name),
        )

    def _by_type(self, value: Any, name: str) -> bytes:
        """An object of a library's by its type, and by what of the user's code it holds.

        What is found under its name in its module is told by that: a function that is written in C.
        """
        try:
            held = {key: item for key, item in vars(value).items() if key == "__wrapped__" or _is_users_code(item)}
        except TypeError:
            held = {}
        about = [pack(key, self.encode(item, name)) for key, item in sorted(held.items())]
        called = getattr(value, "__name__", None) if not is_users(type(value)) else None
        if isinstance(called, str):
            about.append(pack("named", text(called)))
        if not (_is_found(value, called) or held.keys() == {"__wrapped__"}):
            self.by_type.append((name, type(value)))
        return pack("object", self._type(type(value), name), *about)

    def _fields(self, found: list[tuple[str, Any]], kind: type, name: str) -> list[bytes]:
        return self._pairs(self.constant(found, kind, name), name)

    def constant(self, found: list[tuple[str, Any]], kind: type, name: str) -> list[tuple[str, Any]]:
        """Of the attributes of an object those that no code sets; of the others, the reason says that only their types
        count.
        """
        self.attributes.setdefault(kind, set()).update(key for key, _ in found)
        state = changed_attributes(kind, self._state)
        self.by_type += [(f"{name}.{key}", type(item)) for key, item in found if key in state]
        return [(key, item) for key, item in found if key not in state]

    def _pairs(self, pairs: Any, name: str) -> list[bytes]:
        return [pack("pair", self.encode(key, name), self.encode(item, name)) for key, item in pairs]

    def _type(self, kind: type, name: str) -> bytes:
        return self._refer(kind, kind.__qualname__) if is_users(kind) else named(kind)


def _date(value: Any, kind: type) -> bytes:
    zone = getattr(value, "tzinfo", None)
    # The text of a date has the offset of its zone; a zone's own repr may have an address.
    shown = repr(value) if zone is None else f"{value.isoformat()} {value.fold} {zone}"
    if zone is not None and type(zone).__module__ not in ("datetime", "zoneinfo"):
        shown = f"{value.isoformat()} {value.fold}"
    return pack("date", text(kind.__qualname__), text(shown))


def _alias(encoder: ValueEncoder, value: Any, name: str) -> bytes:
    if not hasattr(value, "__args__"):
        return pack("typing", text(str(getattr(value, "__name__", None) or value)))
    parts = (getattr(value, "__origin__", None), value.__args__, getattr(value, "__metadata__", ()))
    return pack("alias", *[encoder.encode(part, name) for part in parts])


def _module(encoder: ValueEncoder, value: types.ModuleType, name: str) -> bytes:
    return pack("module", text("" if is_user_module(value.__name__) else library_name(value.__name__, "")))


def _builtin(encoder: ValueEncoder, value: Any, name: str) -> bytes:
    owner = getattr(value, "__self__", None)
    where = getattr(value, "__module__", None) or ""
    if isinstance(owner, _CONTAINERS) and value.__name__ in MUTATORS:  # what is in there is state
        held = text(type(owner).__qualname__)
        encoder.by_type.append((name, type(owner)))
    else:
        held = encoder.encode(owner, name)
    return pack("builtin", text(where), text(value.__qualname__), held)


def _of(tag: str, *parts: str) -> Callable[[ValueEncoder, Any, str], bytes]:
    """Encodes what is nothing but those attributes."""

    def encode(encoder: ValueEncoder, value: Any, name: str) -> bytes:
        return pack(tag, *[encoder.encode(getattr(value, part), name) for part in parts])

    return encode


_ENCODERS: dict[type, Callable[[ValueEncoder, Any, str], bytes]] = {
    datetime.timezone: lambda encoder, value, name: pack("zone", text(repr(value))),
    re.Pattern: lambda encoder, value, name: pack("pattern", encoder.encode(value.pattern, name), b"%d" % value.flags),
    functools.partial: _of("partial", "func", "args", "keywords"),
    types.MethodType: _of("method", "__func__", "__self__"),
    types.ModuleType: _module,
    **dict.fromkeys(_BUILTINS, _builtin),
    staticmethod: _of("staticmethod", "__func__"),
    classmethod: _of("classmethod", "__func__"),
    property: _of("property", "fget", "fset", "fdel"),
    functools.cached_property: _of("cached property", "func"),
}
"""Of classes that nothing derives from, or whose heirs are told otherwise."""

_FIELD_PARTS = (
    *("name", "type", "annotation", "default", "default_factory", "alias", "metadata", "init", "repr"),
    *("compare", "kw_only", "frozen"),
)


def named(thing: Any) -> bytes:
    """A class or function by its qualified name, with the version of the distribution it comes from."""
    return pack("named", text(library_name(thing.__module__, thing.__qualname__)))
