"""Builtin containers and scalars as MessagePack, exactly: a tuple comes back a tuple, a date a date.

MessagePack knows fewer types than Python, so the others travel as extensions. An object that is none of the
known types is pickled in its place.
"""

from __future__ import annotations

import datetime
import decimal
import enum
import pathlib
import sys
import uuid
from collections.abc import Callable
from typing import Any

import msgspec

from .moments import datetime_from, moment_text, time_from, timedelta_from, timedelta_text

_TEXT, _TUPLE, _SET, _FROZENSET, _PAIRS, _BIG_INT, _PICKLE, _ENUM, _NUMPY = 1, 2, 3, 4, 5, 6, 7, 8, 9

_SURROGATES = b"\xff"  # no MessagePack array begins so

_INT64 = range(-(2**63), 2**63)
_AS_THEY_ARE = frozenset({type(None), bool, float, bytes})
_TEXTS: dict[type, tuple[str, Callable[[Any], str], Callable[[str], Any]]] = {
    datetime.datetime: ("datetime", moment_text, datetime_from),
    datetime.date: ("date", datetime.date.isoformat, datetime.date.fromisoformat),
    datetime.time: ("time", moment_text, time_from),
    datetime.timedelta: ("timedelta", timedelta_text, timedelta_from),
    decimal.Decimal: ("decimal", str, decimal.Decimal),
    uuid.UUID: ("uuid", str, uuid.UUID),
    complex: ("complex", repr, complex),
}
_LOADERS = {name: load for name, _, load in _TEXTS.values()}
_LOADERS["path"] = pathlib.Path

_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(ext_hook=lambda code, body: _from_extension(code, bytes(body), loads))
_data_decoder = msgspec.msgpack.Decoder(ext_hook=lambda code, body: _data_from_extension(code, bytes(body)))


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


def loads_data(data: bytes) -> Any:
    """As `loads`, of what another program wrote: nothing is unpickled, and a member of an enumeration is its value.

    Raises
    ------
    ValueError
        If there is a pickle in it.
    """
    return _data_decoder.decode(data)


def _reduced(value: Any) -> Any:
    kind = type(value)
    if kind in _AS_THEY_ARE:
        return value
    if kind is str:
        return value if _is_encodable(value) else msgspec.msgpack.Ext(_TEXT, _SURROGATES + _escaped(value))
    if kind is int:
        return value if value in _INT64 else msgspec.msgpack.Ext(_BIG_INT, hex(value).encode())
    if kind is list:
        return [_reduced(item) for item in value]
    if kind is dict:
        if all(type(key) is str and _is_encodable(key) for key in value):
            return {key: _reduced(item) for key, item in value.items()}
        return _extension(_PAIRS, [[key, item] for key, item in value.items()])
    if kind is tuple:
        return _extension(_TUPLE, list(value))
    if kind is set or kind is frozenset:
        return _extension(_SET if kind is set else _FROZENSET, sorted(value, key=dumps))
    text = _TEXTS.get(kind)
    if text is not None:
        return _extension(_TEXT, [text[0], text[1](value)])
    if isinstance(value, pathlib.Path):
        return _extension(_TEXT, ["path", str(value)])
    if isinstance(value, enum.Enum):
        return _extension(_ENUM, [kind.__module__, kind.__qualname__, value.value])
    dtype = _numpy_number(value)
    if dtype:
        return _extension(_NUMPY, [dtype, value.item()])
    return msgspec.msgpack.Ext(_PICKLE, _pickled(value))


def _extension(code: int, parts: list[Any]) -> msgspec.msgpack.Ext:
    return msgspec.msgpack.Ext(code, dumps(parts))


def _from_extension(code: int, body: bytes, load: Callable[[bytes], Any]) -> Any:
    if code == _PICKLE:
        from .._code.pickling import unpickled

        return unpickled(body)
    if code == _BIG_INT:
        return int(body, 16)
    if code == _TEXT and body.startswith(_SURROGATES):
        return body[len(_SURROGATES) :].decode("utf-8", "surrogatepass")
    parts = load(body)
    if code == _TEXT:
        return _LOADERS[parts[0]](parts[1])
    if code == _TUPLE:
        return tuple(parts)
    if code == _SET:
        return set(parts)
    if code == _FROZENSET:
        return frozenset(parts)
    if code == _NUMPY:
        import numpy

        return numpy.dtype(parts[0]).type(parts[1])
    if code == _ENUM:
        return _member(*parts)
    return dict(parts)


def _data_from_extension(code: int, body: bytes) -> Any:
    if code == _PICKLE:
        raise ValueError("it holds a pickled object")
    if code == _ENUM:
        return loads_data(body)[2]
    if code == _NUMPY:
        return loads_data(body)[1]
    return _from_extension(code, body, loads_data)


def _member(module: str, qualname: str, value: Any) -> Any:
    """The member of the enumeration as it is defined now; its bare value if there is none."""
    found: Any = sys.modules.get(module)
    for step in qualname.split("."):
        found = getattr(found, step, None)
    try:
        return found(value) if isinstance(found, enum.EnumMeta) else value
    except ValueError:
        return value


def _numpy_number(value: Any) -> str:
    """The type of a number of NumPy's that a number of Python's holds exactly; an empty text for anything else."""
    numpy = sys.modules.get("numpy")
    if numpy is None or not isinstance(value, numpy.generic):
        return ""
    dtype = value.dtype
    return dtype.str if dtype.kind in "biufc" and type(value.item()) in (bool, int, float, complex) else ""


def _is_encodable(text: str) -> bool:
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _escaped(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _pickled(value: Any) -> bytes:
    import cloudpickle

    data: bytes = cloudpickle.dumps(value)
    return data
