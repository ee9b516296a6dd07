"""Builtin containers and scalars as MessagePack, exactly: a tuple comes back a tuple, a date a date.

MessagePack knows fewer types than Python, so the others travel as extensions. An object that is none of the
known types is pickled in its place.
"""

from __future__ import annotations

import datetime
import decimal
import enum
import pathlib
import pickle
import uuid
from collections.abc import Callable
from typing import Any

import msgspec

_TEXT, _TUPLE, _SET, _FROZENSET, _PAIRS, _BIG_INT, _PICKLE = 1, 2, 3, 4, 5, 6, 7

_INT64 = range(-(2**63), 2**63)
_AS_THEY_ARE = frozenset({type(None), bool, float, str, bytes})
_TEXTS: dict[type, tuple[str, Callable[[Any], str], Callable[[str], Any]]] = {
    datetime.datetime: ("datetime", datetime.datetime.isoformat, datetime.datetime.fromisoformat),
    datetime.date: ("date", datetime.date.isoformat, datetime.date.fromisoformat),
    datetime.time: ("time", datetime.time.isoformat, datetime.time.fromisoformat),
    decimal.Decimal: ("decimal", str, decimal.Decimal),
    uuid.UUID: ("uuid", str, uuid.UUID),
    complex: ("complex", repr, complex),
}
_LOADERS = {name: load for name, _, load in _TEXTS.values()}
_LOADERS["path"] = pathlib.Path

_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(ext_hook=lambda code, body: _from_extension(code, bytes(body)))


def dumps(value: Any) -> bytes:
    """`value` as MessagePack.

    Raises
    ------
    Exception
        Whatever pickling an object of an unknown type raises.
    """
    return _encoder.encode(_reduced(value))


def loads(data: bytes) -> Any:
    """The value that `dumps` was given, as a new object."""
    return _decoder.decode(data)


def _reduced(value: Any) -> Any:
    kind = type(value)
    if kind in _AS_THEY_ARE:
        return value
    if kind is int:
        return value if value in _INT64 else msgspec.msgpack.Ext(_BIG_INT, str(value).encode())
    if kind is list:
        return [_reduced(item) for item in value]
    if kind is dict:
        if all(type(key) is str for key in value):
            return {key: _reduced(item) for key, item in value.items()}
        return _extension(_PAIRS, [[key, item] for key, item in value.items()])
    if kind is tuple:
        return _extension(_TUPLE, list(value))
    if kind is set or kind is frozenset:
        return _extension(_SET if kind is set else _FROZENSET, sorted(value, key=_sort_key))
    text = _TEXTS.get(kind)
    if text is not None:
        return _extension(_TEXT, [text[0], text[1](value)])
    if isinstance(value, pathlib.Path):
        return _extension(_TEXT, ["path", str(value)])
    if isinstance(value, enum.Enum):
        return _reduced(value.value)
    return msgspec.msgpack.Ext(_PICKLE, _pickled(value))


def _extension(code: int, parts: list[Any]) -> msgspec.msgpack.Ext:
    return msgspec.msgpack.Ext(code, dumps(parts))


def _from_extension(code: int, body: bytes) -> Any:
    if code == _PICKLE:
        return pickle.loads(body)
    if code == _BIG_INT:
        return int(body)
    parts = loads(body)
    if code == _TEXT:
        return _LOADERS[parts[0]](parts[1])
    if code == _TUPLE:
        return tuple(parts)
    if code == _SET:
        return set(parts)
    if code == _FROZENSET:
        return frozenset(parts)
    return dict(parts)


def _pickled(value: Any) -> bytes:
    import cloudpickle

    data: bytes = cloudpickle.dumps(value)
    return data


def _sort_key(value: Any) -> tuple[str, str]:
    return type(value).__qualname__, repr(value)
